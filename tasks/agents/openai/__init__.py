"""The three roles on any model behind an OpenAI-compatible endpoint: docs/agents.md tells what each is shown.

``sections`` chooses what is shown and ``quoting`` how, ``prompts`` says what is asked, ``shapes`` what may be answered;
``researcher``, ``engineer`` and ``analyst`` make proposals, drafts and analyses of it. Nothing that a model answers
does more than fill those records.
"""
