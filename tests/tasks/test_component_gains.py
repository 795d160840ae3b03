"""Component statistics: least squares over steps, with siblings counted together, one design at a time."""

import random

import numpy as np
import pytest
from scipy import stats

from archdb import Outline
from tasks.agents.protocols import ComponentGain
from tasks.component_gains import ComponentGains
from tasks.peers import Counted

SLOTS = {"decay": ("none", "fixed", "learned"), "norm": ("none", "l2"), "gate": ("none", "silu")}
Step = tuple[str, str, dict[str, str], dict[str, str], float]


def some_steps(chance: random.Random, count: int, per_parent: int = 4) -> list[Step]:
    """Children of random parents, each of which takes up some other choices; the parent's noise is in all of them."""
    steps: list[Step] = []
    while len(steps) < count:
        before = {slot: chance.choice(choices) for slot, choices in SLOTS.items()}
        parent, luck = f"p{len(steps)}", chance.gauss(0, 0.5)
        for _ in range(per_parent):
            after = before | {slot: chance.choice(SLOTS[slot]) for slot in chance.sample(list(SLOTS), 2)}
            worth = 0.4 * ((after["norm"] == "l2") - (before["norm"] == "l2"))
            steps.append((f"c{len(steps)}", parent, before, after, worth - luck + chance.gauss(0, 0.1)))
    return steps


def gains_of(steps: list[Step]) -> dict[str, ComponentGain]:
    gains = ComponentGains()
    for step in steps:
        gains.add(*step)
    return {one.choice: one for one in gains.estimates()}


def directly(steps: list[Step], choice: str) -> tuple[float, float, float]:
    """The same the long way: a fit of all steps, and one without each family."""
    x = np.array([change(step, choice) for step in steps])
    y = np.array([moved for *_, moved in steps])
    family = np.array([parent for _, parent, *_ in steps])
    slope = np.polyfit(x, y, 1)[0]
    without = np.array([np.polyfit(x[family != one], y[family != one], 1)[0] for one in np.unique(family)])
    error = ((without - without.mean()) ** 2).sum() * (len(without) - 1) / len(without)
    reach = stats.t.ppf(0.975, len(np.unique(family[x != 0])) - 1) * error**0.5
    return slope, slope - reach, slope + reach


def change(step: Step, choice: str) -> int:
    slot, name = choice.split("=")
    _, _, before, after, _ = step
    return (after[slot] == name) - (before[slot] == name)


def test_estimates_are_least_squares_with_the_jackknife_over_families() -> None:
    steps = some_steps(random.Random(1), 40)
    found = gains_of(steps)
    assert set(found) == {f"{slot}={choice}" for slot, choices in SLOTS.items() for choice in choices}
    for choice, one in found.items():
        assert spans(one) == pytest.approx(directly(steps, choice))
        assert set(one.introduced) == {step[0] for step in steps if change(step, choice) > 0}
        assert set(one.dropped) == {step[0] for step in steps if change(step, choice) < 0}


def spans(one: ComponentGain) -> tuple[float, float, float]:
    assert one.low is not None
    assert one.high is not None
    return one.gain, one.low, one.high


def test_the_order_of_designs_changes_nothing() -> None:
    steps = some_steps(random.Random(2), 24)
    other = gains_of(steps[::-1])
    for choice, one in gains_of(steps).items():
        assert (one.gain, one.low, one.high) == pytest.approx(
            (other[choice].gain, other[choice].low, other[choice].high)
        )


def test_a_planted_gain_is_covered_with_siblings_and_a_choice_of_no_worth_is_seldom_called_one() -> None:
    covered, alone, called, campaigns = 0, 0, 0, 300
    for number in range(campaigns):
        steps = some_steps(random.Random(number), 60, per_parent=6)
        found = gains_of(steps)
        _, low, high = spans(found["norm=l2"])
        covered += low <= 0.4 <= high
        _, low, high = spans(found["gate=silu"])
        called += low > 0 or high < 0
        x = np.array([change(step, "norm=l2") for step in steps])
        plain = stats.linregress(x, [moved for *_, moved in steps])
        alone += abs(plain.slope - 0.4) <= stats.t.ppf(0.975, len(steps) - 2) * plain.stderr
    assert covered / campaigns >= 0.93
    assert called / campaigns <= 0.07
    assert alone / campaigns <= 0.80, "siblings as if they were independent would have claimed too much"


def test_too_little_says_nothing() -> None:
    steps = some_steps(random.Random(3), 3, per_parent=3)
    assert all(one.low is None for one in gains_of(steps).values())
    same = ("c", "p", {"norm": "none"}, {"norm": "l2"}, 0.5)
    assert gains_of([same, same]) == {}, "no step without it to compare with"


def design(name: str, parent: str | None, fitness: float | None, **components: str) -> Outline:
    return Outline(
        id=name,
        campaign="t",
        kind="candidate",
        name=name,
        parents=(parent,) if parent else (),
        components=components,
        state="failed" if fitness is None else "done",
        fitness=fitness,
    )


def test_a_design_is_counted_once_and_only_against_a_parent_with_a_fitness() -> None:
    root = design("root", None, 0.0, norm="none", gate="none")
    wordless = design("wordless", "root", 0.3)
    first = design("a", "root", 0.5, norm="l2", gate="none")
    second = design("b", "root", 0.1, norm="none", gate="silu")
    failed = design("c", "root", None, norm="l2", gate="silu")
    orphan = design("d", "elsewhere", 0.9, norm="l2", gate="silu")
    counted = Counted()
    counted.look([root, wordless, first])
    found = {one.choice: one for one in counted.look([root, wordless, first, second, failed, orphan])}
    assert found["norm=l2"].gain == pytest.approx(0.4)
    assert (found["norm=l2"].introduced, found["norm=none"].dropped) == (("a",), ("a",))
    third = design("e", "b", 0.4, norm="l2", gate="silu")
    with_it = {one.choice: one for one in counted.look([root, wordless, first, second, failed, orphan], third)}
    assert with_it["norm=l2"].introduced == ("a", "e")
    without = {one.choice: one for one in counted.look([root, wordless, first, second, failed, orphan])}
    assert without == found, "a design that has not ended is not kept"
