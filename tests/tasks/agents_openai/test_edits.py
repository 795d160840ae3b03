"""Edits of a source: made where they fit, and else told what is wrong."""

import pytest

from tasks.agents.openai.edits import Misfit, edited, unfenced
from tasks.agents.openai.shapes import Claim, Code, Edit, Idea, identifier, word
from tasks.models.replies import Unusable, read_reply
from tests.tasks.agents_openai.answers import idea

SOURCE = "import torch\n\n\ndef gate(x):\n    y = x.sigmoid()\n    return y * x\n\n\ndef keep(x):\n    return x\n"


def put(*pairs: tuple[str, str]) -> str:
    return edited(SOURCE, [Edit(search=search, replace=replace) for search, replace in pairs])


def test_edits_are_made_one_after_the_other() -> None:
    told = put(
        ("    y = x.sigmoid()", "    y = x.tanh()"), ("y = x.tanh()\n    return y * x\n", "return x.tanh() * x\n")
    )
    assert told == SOURCE.replace("    y = x.sigmoid()\n    return y * x", "    return x.tanh() * x")


def test_empty_lines_around_an_edit_do_not_matter() -> None:
    assert put(("\n\ndef keep(x):\n    return x\n\n", "\ndef keep(x):\n    return 2 * x\n")).endswith("return 2 * x\n")


@pytest.mark.parametrize(
    ("search", "told"),
    [
        ("    return", "Edit 1 is ambiguous: its lines occur 2 times, at line 6, line 10."),
        ("    y = x.sigmoid(dim=1)", "Most like them, from line 5:\n    y = x.sigmoid()"),
        ("class Other:\n    pass", "No lines are like them."),
        ("\n", "nothing to search for"),
    ],
)
def test_what_does_not_fit_is_told(search: str, told: str) -> None:
    with pytest.raises(Misfit) as fault:
        put((search, "x"))
    assert told in str(fault.value)


def test_the_edit_that_does_not_fit_is_named() -> None:
    with pytest.raises(Misfit, match="Edit 2 does not match"):
        put(("def keep(x):", "def kept(x):"), ("def keep(x):", "def kept(x):"))


def test_a_fence_around_a_source_is_taken_off() -> None:
    assert unfenced("```python\nx = 1\n```\n") == unfenced("x = 1") == "x = 1\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [("Gated Ring!", "Gated-Ring"), ("../../etc/passwd", "etc-passwd"), ("9$", ""), ("x" * 99, "x" * 48)],
)
def test_names_are_identifiers(text: str, name: str) -> None:
    assert identifier(text) == name


def test_words_of_components_can_be_keys_of_a_record() -> None:
    assert word("$set.Decay = x") == "set_decay_x"
    assert Claim(text="t", components=("Memory Rule=Delta rule", "alone")).components == (
        "memory_rule=delta_rule",
        "alone=",
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "?"},
        {"motivation": " "},
        {"mechanism": "x = " * 20_001},
        {"mechanism": "The memory of the parent is made better."},
        {"predictions": [{"objective": "a"}]},
    ],
)
def test_an_idea_without_its_parts_is_refused(changed: dict[str, object]) -> None:
    assert isinstance(read_reply(idea(), Idea), Idea)
    assert isinstance(read_reply(idea(**changed), Idea), Unusable)


def test_code_is_a_source_or_edits() -> None:
    assert isinstance(read_reply('{"note": "nothing", "source": " "}', Code), Unusable)
    assert isinstance(read_reply('{"source": "x = 1"}', Code), Code)


def test_schemas_ask_for_every_field() -> None:
    for shape in (Idea, Code, Claim):
        schema = shape.model_json_schema()
        assert schema["required"] == list(schema["properties"])
        assert not any("default" in one for one in schema["properties"].values())
