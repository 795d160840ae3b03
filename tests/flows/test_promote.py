"""``archloop promote``: a campaign's best designs at another scale, and the best of these on fresh seeds."""

import json
import subprocess

import pytest

from archdb import Store, campaign_experiments, get_experiment, leaderboard, list_campaigns, list_verified
from tests.laboratory import Lab

pytestmark = pytest.mark.xdist_group("lab")


@pytest.mark.slow
def test_the_best_designs_are_trained_at_the_next_scale_and_the_best_of_them_verified(
    lab: Lab, lab_store: Store, finished: subprocess.CompletedProcess[str]
) -> None:
    options = ("promote", "t", "--scale", "tiny-constant", "--top", "2", "--keep", "1", "--seeds", "2", "--json")
    done = lab.run(*options)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    designs = [one.id for one in leaderboard(lab_store, "t", 50) if one.kind == "candidate"]
    assert {one["below"] for one in told["finalists"]} == set(designs[:2])
    assert (told["campaign"], told["rank_correlation"]) == ("t-tiny-constant", None)
    first, second = told["finalists"]
    assert first["fitness_above"] >= second["fitness_above"]
    assert [bool(one["verdict"]) for one in told["finalists"]] == [True, False]
    assert "on 2 fresh seeds" in first["verdict"]
    assert [one.experiment for one in list_verified(lab_store, "t-tiny-constant")] == [first["above"]]
    for one in told["finalists"]:
        above, below = get_experiment(lab_store, one["above"]), get_experiment(lab_store, one["below"])
        assert (above.parents, above.code, above.path) == ((below.id,), below.code, ())
        assert one["fitness_above"] == above.fitness != below.fitness
        assert below.best is None or below.best.id != above.id

    before = {one.id: one.rev for one in campaign_experiments(lab_store, "t-tiny-constant")}
    again = lab.run(*options)
    assert json.loads(again.stdout) == told
    assert {one.id: one.rev for one in campaign_experiments(lab_store, "t-tiny-constant")} == before


def test_a_campaign_is_not_promoted_to_where_it_is(
    lab: Lab, lab_store: Store, finished: subprocess.CompletedProcess[str]
) -> None:
    told = lab.run("promote", "t", "--scale", "tiny", "--into", "elsewhere")
    assert told.returncode == 1
    assert "Campaign t is at the tiny scale already: name another with --scale." in told.stderr
    assert "elsewhere" not in {one.id for one in list_campaigns(lab_store)}, "nothing is left of what was refused"
