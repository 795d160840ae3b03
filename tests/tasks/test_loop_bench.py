"""Searches with the real Researcher, retrieval and Analyst, played on a table whose landscape is known."""

import numpy as np
import pytest

from archdb import Store
from archdb.cognition import index_cognition, list_findings
from tasks.agents.grammar.roles import grammar_agents
from tasks.bench.landscape import Landscape
from tasks.bench.loop import ARMS, CONTROL, POINTS, loop_study
from tasks.samplers.ranked import ranked
from tests.tasks.test_search_bench import hill


def ground(size: int) -> Landscape:
    found = hill(size)
    costs = [one.model_copy(update={"train_cpu_seconds": 10.0 + one.number % 3}) for one in found.designs]
    return Landscape(found.baselines, costs)


@pytest.fixture(scope="module")
def played() -> Landscape:
    return ground(40)


def test_every_kind_of_search_spends_the_same_and_only_what_may_looks_things_up(
    store: Store, played: Landscape
) -> None:
    index_cognition(store)
    found = loop_study(played, "nano", store, grammar_agents(), ranked, tuple(ARMS), 2)
    assert found.cpu_seconds == pytest.approx(sum(one.train_cpu_seconds for one in played.designs) / 2)
    assert list(found.arms) == list(ARMS)
    assert found.arms["nothing"].used == 0
    assert found.arms["papers"].used > 0.2
    assert all(18 <= one.trainings <= 22 and len(one.curve) == POINTS for one in found.arms.values())
    assert all(list(one.curve) == sorted(one.curve, reverse=True) for one in found.arms.values())
    assert found.arms["nothing"].against_nothing.value == 0
    assert {"papers", "papers and findings"} == {
        name for name, one in found.arms.items() if one.curve != found.arms["nothing"].curve
    }
    assert found.verdict.count("Searches with") == 2
    own = list_findings(store, "loop-0-papers-and-findings")
    assert len(own) > 10
    assert all(one.evidence for one in own)
    assert not list_findings(store, "loop-0-papers")


def test_a_search_repeats_itself(store: Store, played: Landscape) -> None:
    first, again = (
        loop_study(played, "nano", store, grammar_agents(), ranked, (CONTROL,), 3).arms[CONTROL] for _ in range(2)
    )
    assert first == again
    assert np.ptp(first.curve) > 0


def test_a_small_table_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="let archloop bench table go on"):
        loop_study(ground(10), "nano", store, grammar_agents(), ranked, (CONTROL,), 2)
