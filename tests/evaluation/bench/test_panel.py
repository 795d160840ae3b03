"""The panel beside published rows: whose orders are known."""

import pytest

from evaluation import baselines, objectives_of
from evaluation.bench.panel import compared, panel_trainings, published
from evaluation.bench.trainings import Training


def training(design: str, seed: int, **losses: float) -> Training:
    objectives = {name: losses.get(one.task, 1.0) for name, one in objectives_of("micro").items()}
    details = {
        "recall_8_accuracy": 0.5,
        "recall_16_accuracy": 0.7,
        "fuzzy_recall_8_accuracy": 0.0,
        "recall_8_loss": 9.0,
    }
    details |= {f"{one.task}_4_accuracy": 0.1 for one in objectives_of("micro").values() if "recall" not in one.task}
    details["noisy_recall_4_accuracy"] = 0.2
    return Training(
        scale="micro", design=design, seed=seed, parameters=1, objectives=objectives, details=details, cpu_seconds=2.0,
        weights_sha256="", corpus={},
    )  # fmt: skip


def test_orders_come_out_reversed_or_stay_open_as_the_losses_say() -> None:
    noise = [0.0, 0.3, -0.3, 0.1, -0.1]  # what a seed does to both designs of a pair cancels
    trainings = {}
    for seed, shift in enumerate(noise, start=1):
        trainings["deltanet", seed] = training("deltanet", seed, recall=1 + shift, memorisation=1 + shift)
        trainings["gla", seed] = training("gla", seed, recall=1.2 + shift + shift / 10, memorisation=1.1 + shift * 1.1)
        trainings["gated_deltanet", seed] = training("gated_deltanet", seed, mqar=1 + shift)
        trainings["linear_attention", seed] = training("linear_attention", seed, mqar=1 - shift)
    bench = compared("micro", trainings)
    assert bench.seeds == (1, 2, 3, 4, 5)
    assert bench.cpu_seconds == 40.0
    recall, memorisation, mqar, second = bench.orderings
    assert (recall.outcome, memorisation.outcome, mqar.outcome) == ("reproduced", "reversed", "not reproduced")
    assert (second.published.better, second.outcome) == ("deltanet", "not reproduced")
    assert recall.gain == pytest.approx(0.2)
    assert recall.low < 0.2 < recall.high
    assert mqar.low < 0 < mqar.high
    assert bench.designs["gla"]["recall_loss"].mean == pytest.approx(1.2)
    assert bench.designs["gla"]["recall_loss"].accuracy == pytest.approx(0.6)
    assert bench.designs["gla"]["noisy_recall_loss"].accuracy == pytest.approx(0.2)


def test_orders_of_designs_that_are_absent_are_left_out() -> None:
    trainings = {("deltanet", seed): training("deltanet", seed) for seed in (1, 2)}
    assert compared("micro", trainings).orderings == ()


def test_published_numbers_are_of_baselines_and_tasks_of_ours() -> None:
    tasks = {one.task for one in objectives_of("micro").values()}
    probes = published().tables[0]
    assert set(probes.columns) <= tasks
    for table in published().tables:
        assert table.rows.keys() <= baselines().keys()
        assert all(len(row) == len(table.columns) for row in table.rows.values())
    for one in published().orderings:
        assert {one.better, one.worse} <= baselines().keys()
        assert one.task in tasks


def test_seeds_come_whole_and_designs_of_published_orders_first() -> None:
    wanted = panel_trainings(tuple(baselines()), 2)
    assert {name for name, _ in wanted[:4]} == {"deltanet", "gla", "gated_deltanet", "linear_attention"}
    assert [seed for _, seed in wanted] == [1] * len(baselines()) + [2] * len(baselines())


@pytest.mark.parametrize(
    ("names", "seeds", "reason"),
    [
        (("typo",), 2, "'typo' is no baseline: choose among"),
        (("gla",), 1, "One seed has no interval: train at least 2"),
    ],
)
def test_what_cannot_be_compared_is_refused(names: tuple[str, ...], seeds: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        panel_trainings(names, seeds)
