"""Effects over a population: what was planted is found, also a pair, and nothing is where nothing matters."""

import random
from collections.abc import Callable, Mapping
from itertools import chain

import pytest

from evaluation import PopulationDesign, PopulationEffect, population_effects

SLOTS = {f"s{number}": ("a", "b", "c") for number in range(5)}
Worth = Callable[[Mapping[str, str]], float]
RESAMPLES = 200


def planted(made: Mapping[str, str]) -> float:
    both = made["s2"] == "a" and made["s3"] == "b"
    return 0.6 * (made["s0"] == "b") - 0.5 * (made["s1"] == "c") + 0.8 * both


def population(seed: int, count: int, worth: Worth) -> list[PopulationDesign]:
    """Children that change two slots of one of the last forty designs, each with luck of its own and a lineage's."""
    chance = random.Random(seed)
    grown = [({slot: chance.choice(choices) for slot, choices in SLOTS.items()}, chance.gauss(0, 1)) for _ in range(5)]
    found = []
    for _ in range(count):
        place = chance.randrange(max(0, len(grown) - 40), len(grown))
        made, lineage = dict(grown[place][0]), grown[place][1]
        for slot in chance.sample(list(SLOTS), 2):
            made[slot] = chance.choice(SLOTS[slot])
        grown.append((made, lineage))
        found.append(PopulationDesign(made, f"d{place}", worth(made) + lineage + chance.gauss(0, 0.3)))
    return found


def certain(designs: list[PopulationDesign]) -> dict[tuple[str, ...], PopulationEffect]:
    found = population_effects(designs, RESAMPLES)
    assert found.why_none == ""
    return {one.choices: one for one in chain(found.marginal, found.pairwise) if one.certain}


@pytest.mark.parametrize("seed", range(3))
def test_planted_effects_are_found_with_their_signs(seed: int) -> None:
    found = certain(population(seed, 600, planted))
    assert 0.2 < found["s0=b",].effect < 0.6
    assert -0.5 < found["s1=c",].effect < -0.15
    assert 0.05 < found["s2=a", "s3=b"].effect < 0.8
    assert not any("s4" in choice for choices in found for choice in choices)
    for one in found.values():
        assert one.low < one.effect < one.high


def test_families_are_those_in_which_some_have_it_and_others_do_not() -> None:
    designs = population(0, 300, planted)
    found = population_effects(designs, RESAMPLES)
    assert found.pairwise
    for one in (*found.marginal, *found.pairwise):
        kinds: dict[str, set[bool]] = {}
        for design in designs:
            has = all(design.made[choice.partition("=")[0]] == choice.partition("=")[2] for choice in one.choices)
            kinds.setdefault(design.family, set()).add(has)
        assert one.families == sum(len(each) == 2 for each in kinds.values())


def test_nothing_is_found_where_nothing_matters() -> None:
    """The seeds are fixed; 7 of 60 is what 1 in 20 gives at most in all but 1 of 100 such tests."""
    lineages_alone = sum(bool(certain(population(seed, 160, lambda _: 0.0))) for seed in range(60))
    assert lineages_alone <= 7


def test_nothing_is_found_under_shuffled_labels() -> None:
    def shuffled(seed: int) -> list[PopulationDesign]:
        designs = population(seed, 160, planted)
        scores = [one.score for one in designs]
        random.Random(seed).shuffle(scores)
        return [one._replace(score=score) for one, score in zip(designs, scores, strict=True)]

    assert sum(bool(certain(shuffled(seed))) for seed in range(60)) <= 7


def test_the_same_population_in_another_order_has_the_same_effects() -> None:
    designs = population(1, 200, planted)
    one, other = (population_effects(given, RESAMPLES) for given in (designs, designs[::-1]))
    assert [effect.choices for effect in one.marginal] == [effect.choices for effect in other.marginal]
    for left, right in zip(one.marginal, other.marginal, strict=True):
        assert left.effect == pytest.approx(right.effect)


def test_too_little_is_told_and_not_estimated() -> None:
    lonely = [PopulationDesign({"s0": "a"}, f"d{number}", 1.0) for number in range(50)]
    assert population_effects(lonely).why_none == "0 parents have more than one child, and 8 are needed."
    equal = [PopulationDesign({"s0": "a"}, f"d{number // 2}", 1.0) for number in range(50)]
    assert "In no choice do siblings of enough families differ" in population_effects(equal).why_none
