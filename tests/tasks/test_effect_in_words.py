"""A finding says what its interval allows, and no more."""

import pytest

from evaluation import ComponentEffect, Effect
from tasks.effect_in_words import sentence

NONE = Effect(difference=-0.1, low=-0.4, high=0.2)


@pytest.mark.parametrize(
    ("effect", "told"),
    [
        (NONE, "No effect of decay on the fitness of Fine could be seen: -0.10 (95% interval -0.40 to +0.20), one run"),
        (Effect(difference=0.5, low=0.1, high=0.9), "decay helps Fine: in fitness it is worth +0.50 (95% interval"),
        (Effect(difference=-0.5, low=-0.9, high=-0.1), "decay harms Fine: in fitness it is worth -0.50 (95% interval"),
        (Effect(difference=0.5), "No effect of decay on the fitness of Fine could be seen: +0.50 (no interval:"),
    ],
)
def test_a_sentence_rests_on_its_interval(effect: Effect, told: str) -> None:
    found = ComponentEffect(component="decay", seeds=1, fitness=effect, objectives={"text_bpb": NONE})
    assert sentence(found, "Fine", "decay", {}).startswith(told)
    assert "objectives" not in sentence(found, "Fine", "decay", {})
    clear = found.model_copy(update={"objectives": {"a": NONE, "text_bpb": Effect(difference=2, low=1, high=3)}})
    said = sentence(clear, "Fine", "decay", {"text_bpb": "Text"})
    assert said.endswith("Of 2 objectives, clear by themselves: text +2.00 (95% interval +1.00 to +3.00).")
