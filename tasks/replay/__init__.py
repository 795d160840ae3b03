"""Campaigns that are run again from a cassette: docs/cassettes.md.

``recording`` gathers what a campaign left, ``playing`` finds it again, ``calls`` and ``evaluations`` answer from it
where a model or a jailed child would be asked, and ``account`` says what was not as recorded.
"""
