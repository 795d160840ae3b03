"""The leaderboard of a campaign as numbers: what its exporter claims, and what its raw results give."""

from collections.abc import Mapping, Sequence

from archdb import Body
from evaluation import Difference, Panel
from tasks.benchmark import mean_over_seeds
from tasks.domain import Domain


def board_of(
    domain: Domain,
    panel: Panel,
    designs: Mapping[str, Sequence[Mapping[str, float]]],
    tests: Mapping[str, Body],
) -> list[Body]:
    """A row for each design, best first.

    Args:
        domain: whose fitness and intervals.
        panel: what gains are measured against.
        designs: id -> objectives of each seed; those without any are left out.
        tests: id -> the result of its test on fresh seeds, of those that were tested.
    """
    rows: list[Body] = []
    for name, seeds in designs.items():
        if not seeds:
            continue
        objectives = mean_over_seeds([dict(one) for one in seeds])
        found = domain.fitness(objectives, panel)
        by_objective = {one: [float(seed[one]) for seed in seeds] for one in objectives}
        compared = domain.compare(by_objective, panel.reference)
        rows.append(
            {
                "id": name,
                "seeds": len(seeds),
                "fitness": found.value,
                "objectives": objectives,
                "gains": {one: gain.normalised for one, gain in found.gains.items()},
                "against_reference": {one: _interval(diff) for one, diff in compared.objectives.items()}
                | {"mean_gain": _interval(compared.mean_gain)},
                "test": tests.get(name),
            }
        )
    return sorted(rows, key=lambda row: (-row["fitness"], row["id"]))


def _interval(found: Difference) -> Body:
    """Difference, 95% interval and what they mean."""
    return {name: getattr(found, name) for name in ("difference", "low", "high", "verdict")}
