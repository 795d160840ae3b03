"""Designs by number are the same wherever they are drawn: stored trainings are named after them."""

from tasks.agents.grammar.naming import name_of
from tasks.agents.grammar.numbered import numbered_designs


def test_a_number_is_always_the_same_design() -> None:
    ten = numbered_designs(10)
    assert numbered_designs(300)[:10] == ten
    assert [name_of(one) for one in ten[:3]] == [
        "TwoSpeedGatedScan-4137ae",
        "TwoSpeedGatedLinear-14dbb3",
        "TwoSpeedChannelLinearWindowTwin-bfe1c4",
    ]


def test_no_design_comes_twice() -> None:
    assert len(set(numbered_designs(1000))) == 1000
