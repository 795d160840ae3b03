"""What people's switches do to stages and flows, and the commands that turn them, on a real store."""

import json
import threading
from collections.abc import Callable
from functools import partial

import pytest
from prefect.client.orchestration import SyncPrefectClient
from typer.testing import CliRunner, Result

from archdb import (
    Campaign,
    Conflict,
    Halted,
    NotApproved,
    Store,
    claim,
    create_experiment,
    fork_campaign,
    get_budget,
    get_campaign,
    get_experiment,
    get_running,
    list_running,
    open_campaign,
    put_text,
    reserve,
    set_caps,
    set_fields,
    settle,
)
from archdb.governance import (
    EVERYTHING,
    Rule,
    decide,
    get_control,
    open_request,
    require_running,
    turn,
    waiting_requests,
)
from flows.approval import await_approval
from flows.cli import app
from flows.cli.run import checked_settings
from flows.dispatch import evaluate
from flows.estimate import campaign_estimate, given_estimate
from flows.in_parallel import in_parallel
from flows.promote import _verify, finalists, larger
from flows.seed_baselines import _wait_for_others
from flows.within_budget import within_budget
from tasks.sample import sample
from tests.laboratory import until


@pytest.fixture
def campaign(store: Store) -> Campaign:
    """A campaign with two designs of its own."""
    record = open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=4, dataset="d"))
    for name, kind, fitness in (("gla", "baseline", 0.5), ("c001", "candidate", 0.75)):
        one = create_experiment(store, f"t-{name}", campaign="t", kind=kind, name=name)  # type: ignore[arg-type]
        set_fields(store, one.id, fitness=fitness, state="done", code=put_text(store, f"# {name}"))
    return record


def open_design(store: Store, campaign: str, number: int) -> tuple[str, int]:
    one = create_experiment(
        store, f"{campaign}-c{number:03d}", campaign=campaign, kind="candidate", name="new", cycle=number
    )
    token = claim(store, one.id)
    assert token is not None
    return one.id, token


def archloop(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.xdist_group("lab")
def test_no_stage_begins_in_a_paused_campaign_and_it_goes_on_by_itself(
    store: Store, campaign: Campaign, prefect: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.within_budget.LOOK_SECONDS", 0.01)
    one, token = open_design(store, "t", 2)
    turn(store, "t", "paused", "ada")
    with pytest.raises(Halted):
        sample.fn(one, token)
    assert not get_experiment(store, one).stages

    def other() -> None:
        while not any(shown.stage == "paused" for shown in list_running(store, "t")):
            threading.Event().wait(0.01)
        turn(store, "t", "running", "ada")

    in_parallel([lambda: within_budget(lambda: sample.fn(one, token), get_experiment(store, one), token), other], 2)
    assert "sample:0" in get_experiment(store, one).stages


@pytest.mark.xdist_group("lab")
def test_a_stop_ends_every_way_of_waiting(
    store: Store, idle_pool: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.within_budget.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("flows.seed_baselines.LOOK_SECONDS", 0.01)
    asked = open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=0, approvals=1))
    open_campaign(store, Campaign(id="u", scale="tiny", provider="grammar", cycles=0))
    set_caps(store, "t", {"cpu_seconds": 10.0})
    reserve(store, "t", "t-c001/x", {"cpu_seconds": 8.0})
    paused, short, pooled = (open_design(store, *one) for one in (("t", 2), ("t", 3), ("u", 1)))

    def resumed() -> None:
        within_budget(lambda: require_running(store, "t"), get_experiment(store, paused[0]), paused[1])

    def given_room() -> None:
        most = {"cpu_seconds": 9.0}
        within_budget(lambda: reserve(store, "t", "t-c003/x", most), get_experiment(store, short[0]), short[1])

    def approved() -> None:
        await_approval(store, asked, "verification", "t-c001", lambda: ({}, "It trains."))

    def evaluated_on_the_pool() -> None:
        evaluate(*pooled)

    looks: list[str] = []

    def baselines_of_others() -> None:
        while True:
            _wait_for_others("u")
            looks.append("u")

    def waits(experiment: str, stage: str) -> bool:
        shown = get_running(store, experiment)
        return shown is not None and shown.stage == stage

    waiting = {
        resumed: lambda: waits(paused[0], "paused"),
        given_room: lambda: waits(short[0], "waiting for budget"),
        approved: lambda: waiting_requests(store, "t"),
        evaluated_on_the_pool: lambda: waits(pooled[0], "waiting for the GPU pool"),
        baselines_of_others: lambda: looks,
    }

    def stopped(wait: Callable[[], None]) -> None:
        with pytest.raises(Halted, match="was stopped by ada"):
            wait()

    def stop() -> None:
        try:
            for wait, seen in waiting.items():
                until(seen, wait.__name__)
        finally:
            turn(store, EVERYTHING, "stopped", "ada")

    turn(store, "t", "paused", "ada")
    jobs: list[Callable[[], None]] = [*(partial(stopped, wait) for wait in waiting), stop]
    in_parallel(jobs, len(jobs))
    (run,) = [one for one in idle_pool.read_flow_runs() if one.parameters.get("experiment_id") == pooled[0]]
    assert run.state is not None
    assert run.state.is_cancelled(), "nobody is left to evaluate it"
    assert not get_experiment(store, pooled[0]).dispatch.open


def test_what_was_approved_covers_no_more(store: Store) -> None:
    asked = open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=0, approvals=1))
    request = open_request(store, "verification", "t-c001", "t", Rule(needed=1), "It trains.", size=4)
    decide(store, request, "ada", "approved")
    await_approval(store, asked, "verification", "t-c001", lambda: ({}, "It trains."), size=4)
    with pytest.raises(NotApproved, match="approved for 4 trainings, not 60"):
        await_approval(store, asked, "verification", "t-c001", lambda: ({}, "It trains."), size=60)


@pytest.mark.slow
@pytest.mark.xdist_group("lab")
@pytest.mark.usefixtures("prefect")
def test_a_refused_verification_is_told_and_ends_no_promotion(store: Store) -> None:
    panel = {"reference": {"text_bpb": [2.0, 2.1]}, "baselines": {"gla": {"text_bpb": 2.0}, "kda": {"text_bpb": 2.3}}}
    open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=0, approvals=1, panel=panel))
    for name, kind in (("gla", "baseline"), ("kda", "baseline"), ("x1", "external")):
        one = create_experiment(store, f"t-{name}", campaign="t", kind=kind, name=name)  # type: ignore[arg-type]
        one = set_fields(store, one.id, fitness=0.5, state="done", code=put_text(store, f"# {name}"))
    decide(store, open_request(store, "verification", one.id, "t", Rule(needed=1), "It trains."), "ada", "refused")
    assert "The verification of t-x1 was refused by ada" in _verify(one, 2, 1)


def test_a_fork_begins_with_designs_of_the_old_campaign(store: Store, campaign: Campaign) -> None:
    fork_campaign(store, campaign, "u", ("t-c001",), "ada", {})
    own = create_experiment(store, "u-gla", campaign="u", kind="baseline", name="gla")
    set_fields(store, own.id, fitness=0.9, state="done", code=put_text(store, "# gla"))
    sample.fn(*open_design(store, "u", 1))
    assert get_experiment(store, "u-c001").parents == ("t-c001", "u-gla")
    set_fields(store, "u-c001", fitness=1.0, state="done")
    for number in range(2, 14):
        sample.fn(*open_design(store, "u", number))
    first = [get_experiment(store, f"u-c{number:03d}").parents[0] for number in range(2, 14)]
    assert 0 < first.count("t-c001") < len(first), "later some improve the fork's own"


def test_an_estimate_is_measured_where_it_can_be(store: Store) -> None:
    one = open_campaign(
        store, Campaign(id="t", scale="tiny", provider="grammar", cycles=3, panel={"x": 1}, ablations=1)
    )
    amounts, told = campaign_estimate(store, one, 3)
    assert amounts == {}
    assert "trains up to 6 times for 3 cycles: nothing at this scale was measured yet; the limits allow" in told
    for number in (1, 2):
        reserve(store, "t", f"t-c00{number}/gpu-train:0:0", {"cpu_seconds": 900.0})
        settle(store, "t", f"t-c00{number}/gpu-train:0:0", {"cpu_seconds": 600.0})
        settle(store, "t", f"t-c00{number}/researcher/0", {"tokens": 100, "dollars": 0.25})
    amounts, told = campaign_estimate(store, one, 3)
    assert amounts == {"cpu_seconds": 3600.0, "tokens": 300, "dollars": 0.75}
    assert "about 1 CPU-hours; model calls of about 300 tokens and 0.75 dollars." in told
    assert "trains up to 2 times for 1 cycle: " in campaign_estimate(store, one, 1)[1]
    amounts, told = given_estimate(store, one, 2, 3)
    assert amounts == {"cpu_seconds": 3600.0}
    assert "trains up to 6 times for 2 given designs on 3 seeds: about 1 CPU-hours; it asks no model" in told
    new = one.model_copy(update={"panel": None})
    assert "trains up to 8 times for 1 given design and its baselines: " in given_estimate(store, new, 1)[1]


def test_a_rule_that_is_given_goes_before_the_environment_s(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHLOOP_APPROVALS", "two")
    monkeypatch.setenv("ARCHLOOP_APPROVERS", "ada")
    asked = checked_settings("t", 1, "tiny", "grammar", 0, rule=Rule(needed=1, approvers=("bob",)))
    assert (asked.approvals, asked.approvers) == (1, ("bob",))
    above = larger(asked, "tiny-constant")
    assert (above.approvals, above.approvers) == (1, ("bob",)), "a promotion needs the same people"
    with pytest.raises(Conflict, match="two is no number of approvals"):
        checked_settings("t", 1, "tiny", "grammar", 0)


def test_what_is_promoted_is_looked_for_behind_all_that_is_no_design(store: Store, campaign: Campaign) -> None:
    for number in range(30):
        one = create_experiment(store, f"t-a{number}", campaign="t", kind="ablation", name="a")
        set_fields(store, one.id, fitness=1.0 + number, state="done", code=put_text(store, "# a"))
    assert [one.id for one in finalists(store, campaign, "nano", 2)] == ["t-c001"]
    above = open_campaign(store, Campaign(id="n", scale="nano", provider="grammar", cycles=4))
    with pytest.raises(Conflict, match="The tiny scale is smaller than nano"):
        finalists(store, above, "tiny", 2)
    with pytest.raises(Conflict, match="Campaign n has no finished design"):
        finalists(store, above, "micro", 2)


def test_the_commands_say_what_holds_and_the_remedy(store: Store, campaign: Campaign) -> None:
    paused = archloop("pause", "t", "--as", "ada", "--reason", "lunch")
    assert "nothing new begins until `archloop resume t`" in paused.stdout
    assert (
        "Campaign t was paused by ada (lunch): `archloop resume t` lets it go on."
        in archloop("status", "-c", "t").stdout
    )
    told = json.loads(archloop("stop", "t", "--as", "bob", "--json").stdout)
    assert (told["campaign"], told["state"], told["who"]) == ("t", "stopped", "bob")
    status = json.loads(archloop("status", "-c", "t", "--json").stdout)
    assert (status["halted"]["state"], status["waiting"], status["forks"]) == ("stopped", [], [])
    assert "It is stopped already" in str(archloop("stop", "t").exception)
    assert "No campaign is called x" in str(archloop("stop", "x").exception)
    assert "Say what to stop" in str(archloop("stop").exception)
    assert "`archloop run --campaign t` goes on with what was stopped" in archloop("resume", "t").stdout
    assert "Nothing waits for approval" in archloop("approve").stdout
    assert "Nobody asked for approval of t" in str(archloop("approve", "t", "--as", "ada").exception)
    assert "A campaign is called t already" in str(archloop("fork", "t", "t").exception)
    fork_campaign(store, campaign, "u", ("t-c001",), "ada", {})  # killed before it has its caps
    assert "starts from t-c001: `archloop run -c u" in archloop("fork", "t", "u", "--max-cpu-hours", "2").stdout
    assert get_budget(store, "u").caps["cpu_seconds"] == 7_200_000_000
    assert "starts from t-c001" in archloop("fork", "t", "v").stdout
    sources = [
        one.environment["fitness_source"]
        for one in (get_campaign(store, "v"), checked_settings("w", 1, "tiny", "grammar", 0))
    ]
    assert sources[0] == sources[1]
    assert "A fork of t, from t-c001." in archloop("status", "-c", "u").stdout
    assert "Forked as u, v." in archloop("status", "-c", "t").stdout


def test_where_people_approve_it_takes_as_many_voices(store: Store) -> None:
    one = Campaign(id="t", scale="tiny", provider="grammar", cycles=1, approvals=2, approvers=("ada", "bob"))
    open_campaign(store, one)
    for command in (("pause", "t"), ("resume", "t")):
        assert "say who you are with --as NAME" in str(archloop(*command).exception)
    assert "eve is not an approver here: ask ada or bob." in str(archloop("pause", "t", "--as", "eve").exception)
    for _ in range(2):
        told = archloop("pause", "t", "--as", "ada").stdout
        assert "To pause campaign t: 1 of 2 have approved (ada); the same command with --as" in told
    assert get_control(store, "t").state == "running"
    assert "is paused" in archloop("pause", "t", "--as", "bob").stdout
    assert get_control(store, "t").who == "ada, bob"
    archloop("resume", "t", "--as", "ada")
    assert get_control(store, "t").state == "paused", "earlier voices were for the pause"
    archloop("resume", "t", "--as", "bob")
    archloop("pause", "t", "--as", "ada")
    assert [one.what for one in waiting_requests(store, "t")] == ["pause"]
    assert "is stopped" in archloop("stop", "t", "--as", "eve").stdout, "anyone may stop"
    assert waiting_requests(store, "t") == [], "nobody need decide on a switch that was turned since"
    design = create_experiment(store, "t-c001", campaign="t", kind="candidate", name="n", cycle=1)
    set_fields(store, design.id, fitness=0.5, state="done", code=put_text(store, "# n"))
    told = archloop("fork", "t", "u", "--from", "t-c001", "--as", "bob").stdout
    assert "To fork campaign t as u from t-c001: 1 of 2 have approved (bob)" in told
    archloop("fork", "t", "u", "--from", "t-c001", "--as", "ada")
    assert get_campaign(store, "u").approvers == ("ada", "bob"), "a fork keeps the rule"
