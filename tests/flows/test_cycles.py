"""A cycle on its own, as a schedule starts it: it finds what is unfinished, else takes the next number."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from archdb import Store, claim, create_experiment, get_experiment, release
from tests.laboratory import Lab, until

pytestmark = pytest.mark.xdist_group("lab")  # they share one laboratory


def test_a_cycle_without_a_number_takes_the_next_free_one(
    finished: subprocess.CompletedProcess[str], lab: Lab, lab_store: Store
) -> None:
    from flows.research_cycle import cycle_id, cycles_to_try, research_cycle

    known = {one["cycle"] for one in lab_store.experiments.find({"campaign": "t", "kind": "candidate"})}
    held, free = max(known) + 1, max(known) + 2
    for number in (held, free):
        create_experiment(
            lab_store, cycle_id("t", number), campaign="t", kind="candidate", name=f"cycle {number}", cycle=number
        )
    token = claim(lab_store, cycle_id("t", held))  # by a live worker: this process
    assert token is not None
    numbers = cycles_to_try("t")
    assert [next(numbers) for _ in range(3)] == [held, free, free + 1]
    with temporary_settings({PREFECT_API_URL: lab.prefect}):
        told = research_cycle("t")
        assert told.startswith(cycle_id("t", free))
        release(lab_store, cycle_id("t", held), token)
        assert research_cycle("t").startswith(cycle_id("t", held))
    for number in (held, free):
        assert get_experiment(lab_store, cycle_id("t", number)).state in ("done", "failed")


@pytest.mark.slow
def test_a_cycle_of_an_unknown_campaign_seeds_its_own_baselines(lab: Lab, lab_store: Store) -> None:
    from archdb import Campaign, campaign_experiments, open_campaign
    from evaluation import corpus
    from flows.research_cycle import research_cycle

    fingerprint = corpus().fingerprint
    dataset = f"{fingerprint['dataset']} {fingerprint['train'][:12]}"
    open_campaign(lab_store, Campaign(id="alone", scale="tiny", provider="grammar", cycles=0, dataset=dataset))
    with temporary_settings({PREFECT_API_URL: lab.prefect}):
        told = research_cycle("alone")
    assert told.startswith("alone-c001")
    kinds = [one.kind for one in campaign_experiments(lab_store, "alone") if one.state == "done"]
    assert kinds.count("baseline") == 5


@pytest.mark.slow
def test_a_known_campaign_goes_on_by_its_name_alone_whatever_its_settings(lab: Lab, lab_store: Store) -> None:
    from archdb import Conflict, get_campaign, open_campaign
    from flows.campaign import campaign
    from flows.settings import campaign_record

    made = open_campaign(lab_store, campaign_record("named", 0, "tiny", "grammar", 7, "tests.docs.free"))
    with temporary_settings({PREFECT_API_URL: lab.prefect}):
        campaign("named")
        with pytest.raises(Conflict, match=r"domain tests\.docs\.free, not evaluation"):
            campaign("named", domain="evaluation")
    after = get_campaign(lab_store, "named")
    assert set((after.panel or {})["baselines"]) == {"gla", "gated_deltanet"}
    assert (after.domain, after.scale, after.seed, after.cycles) == (made.domain, "tiny", 7, 0)


@pytest.mark.slow
def test_baselines_that_another_worker_evaluates_are_waited_for(
    lab: Lab, lab_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archdb import get_campaign, open_campaign
    from flows.seed_baselines import _wait_for_others, seed_baselines
    from flows.settings import campaign_record

    looks: list[str] = []

    def look(campaign: str) -> None:
        looks.append(campaign)
        _wait_for_others(campaign)

    monkeypatch.setattr("flows.seed_baselines.LOOK_SECONDS", 0.1)
    monkeypatch.setattr("flows.seed_baselines._wait_for_others", look)
    open_campaign(lab_store, campaign_record("shared", 0, "tiny", "grammar", 0, "tests.flows.two_baselines"))
    create_experiment(lab_store, "shared-gla", campaign="shared", kind="baseline", name="gla", seeds=(0,), tags=())
    token = claim(lab_store, "shared-gla")  # by a live worker: this process
    assert token is not None
    with ThreadPoolExecutor(1) as pool:

        def seed() -> int:
            with temporary_settings({PREFECT_API_URL: lab.prefect}):
                return seed_baselines("shared")

        waiting = pool.submit(seed)
        until(lambda: len(looks) >= 3 or waiting.done())
        assert not waiting.done()
        assert get_experiment(lab_store, "shared-gated_deltanet").objectives, "its own are evaluated meanwhile"
        assert get_campaign(lab_store, "shared").panel is None
        release(lab_store, "shared-gla", token)
        assert waiting.result(timeout=200) == 2
    assert set((get_campaign(lab_store, "shared").panel or {})["baselines"]) == {"gla", "gated_deltanet"}
