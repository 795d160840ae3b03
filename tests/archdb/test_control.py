"""Switches, requests for approval and forks on a real store, also when several people act at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from archdb import (
    Campaign,
    Conflict,
    Experiment,
    Halted,
    Store,
    create_experiment,
    designs_to_fork,
    events_after,
    fork_campaign,
    forks_of,
    get_campaign,
    open_campaign,
    put_text,
    set_fields,
)
from archdb.audit import check_chain, check_records
from archdb.governance import (
    EVERYTHING,
    Rule,
    conclude,
    decide,
    get_control,
    halt_of,
    open_request,
    require_not_stopped,
    require_running,
    rule_from,
    turn,
    waiting_requests,
)

TWO = Rule(needed=2, approvers=("ada", "bob", "cy"))


def audited(store: Store) -> list[str]:
    walk = check_chain(store)
    return [one.sentence for one in walk.faults + check_records(store, walk).faults]


def kinds(store: Store) -> list[str]:
    return [one.kind for one in events_after(store, 0)]


def at_once(jobs: list[Callable[[], object]]) -> list[object]:
    """What each gave, or the Conflict that it met."""

    def attempt(job: Callable[[], object]) -> object:
        try:
            return job()
        except Conflict as fault:
            return fault

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(attempt, jobs))


def test_a_switch_is_turned_and_told_and_says_the_remedy(store: Store) -> None:
    require_running(store, "t")
    turn(store, "t", "paused", "ada", "the machine is needed")
    with pytest.raises(Halted, match=r"Campaign t was paused by ada \(the machine is needed\): `archloop resume t`"):
        require_running(store, "t")
    require_not_stopped(store, "t")
    require_running(store, "another")
    turn(store, "t", "stopped", "bob")
    with pytest.raises(Halted, match="was stopped by bob"):
        require_not_stopped(store, "t")
    turn(store, "t", "running", "ada")
    require_running(store, "t")
    assert kinds(store) == ["paused", "stopped", "resumed"]
    assert audited(store) == []


def test_the_switch_over_everything_holds_for_every_campaign(store: Store) -> None:
    turn(store, "t", "paused", "ada")
    turn(store, EVERYTHING, "stopped", "bob")
    for campaign in ("t", "another"):
        halt = halt_of(store, campaign)
        assert halt is not None
        assert (halt.id, halt.state) == (EVERYTHING, "stopped"), "a stop goes before a pause"
    turn(store, EVERYTHING, "running", "bob")
    assert halt_of(store, "another") is None
    assert halt_of(store, "t") == get_control(store, "t")


@pytest.mark.parametrize(
    ("before", "to", "sentence"),
    [
        ((), "running", "there is nothing to resume"),
        (("paused",), "paused", "It is paused already"),
        (("stopped",), "stopped", "It is stopped already"),
        (("stopped",), "paused", "It is stopped already"),
        (("stopped", "running"), "running", "there is nothing to resume"),
    ],
)
def test_a_turn_to_where_it_stands_is_refused(store: Store, before: tuple[str, ...], to: str, sentence: str) -> None:
    for state in before:
        turn(store, "t", state, "ada")  # type: ignore[arg-type]
    with pytest.raises(Conflict, match=sentence):
        turn(store, "t", to, "bob")  # type: ignore[arg-type]


def test_of_several_who_turn_it_at_once_one_does(store: Store) -> None:
    found = at_once([lambda who=who: turn(store, "t", "stopped", who) for who in "abcdef"])  # type: ignore[misc]
    assert sum(isinstance(one, Conflict) for one in found) == 5
    with pytest.raises(Conflict, match="The switch of campaign t was turned by"):
        turn(store, "t", "running", "g", number=0)
    assert kinds(store) == ["stopped"]
    assert get_control(store, "t").number == 1


def test_a_request_ends_with_the_last_voice_that_is_needed(store: Store) -> None:
    request = open_request(store, "campaign", "t", "t", TWO, "It trains.", {"cpu_seconds": 1.5})
    assert open_request(store, "campaign", "t", "t", Rule(needed=1), "Other.") == request
    with pytest.raises(Conflict, match="eve is not an approver here: ask ada or bob or cy"):
        decide(store, request, "eve", "approved")
    assert decide(store, request, "ada", "approved").state == "waiting"
    assert decide(store, request, " ada ", "approved").state == "waiting", "one person is one voice"
    assert [one.id for one in waiting_requests(store, "t")] == ["campaign/t"]
    ended = decide(store, request, "bob", "approved")
    assert (ended.state, ended.by, waiting_requests(store)) == ("approved", "ada, bob", [])
    assert decide(store, ended, "bob", "approved") == ended
    with pytest.raises(Conflict, match="was approved already, by ada, bob"):
        decide(store, ended, "cy", "refused")
    with pytest.raises(Conflict, match="ada has approved The start of campaign t before"):
        decide(store, ended, "ada", "refused")
    assert kinds(store) == ["asked", "approved", "approved", "decided"]
    assert audited(store) == []


def test_who_decides_on_what_has_ended_meanwhile_is_told(store: Store) -> None:
    seen = open_request(store, "pause", "t/3", "t", TWO, "To pause campaign t")
    decide(store, seen, "ada", "refused")
    with pytest.raises(Conflict, match="The pause of campaign t was refused already, by ada: there is nothing"):
        decide(store, seen, "bob", "approved")
    assert kinds(store) == ["asked", "refused", "decided"]


def test_a_refusal_ends_it_with_the_reason(store: Store) -> None:
    request = open_request(store, "verification", "t-c001", "t", TWO, "It trains.")
    decide(store, request, "ada", "approved")
    ended = decide(store, request, "cy", "refused", "too dear")
    assert (ended.state, ended.by, ended.reason) == ("refused", "cy", "too dear")
    assert conclude(store, request) == ended


def test_voices_at_once_end_it_once(store: Store) -> None:
    request = open_request(store, "campaign", "t", "t", Rule(needed=4), "It trains.")
    names = ("a", "b", "c", "d", "a", "b")
    at_once([lambda who=who: decide(store, request, who, "approved") for who in names])  # type: ignore[misc]
    assert conclude(store, request).state == "approved"
    assert kinds(store).count("approved") == 4
    assert kinds(store).count("decided") == 1


def test_a_rule_comes_from_the_settings_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rule_from() == Rule()
    monkeypatch.setenv("ARCHLOOP_APPROVALS", "2")
    monkeypatch.setenv("ARCHLOOP_APPROVERS", "ada, bob")
    assert rule_from() == Rule(needed=2, approvers=("ada", "bob"))
    assert rule_from(1, ("cy",)) == Rule(needed=1, approvers=("cy",))
    with pytest.raises(Conflict, match="3 approvals are more than the 2 who may approve"):
        rule_from(3)
    monkeypatch.setenv("ARCHLOOP_APPROVALS", "all")
    with pytest.raises(Conflict, match="all is no number of approvals"):
        rule_from()


def test_a_campaign_s_rule_stands(store: Store) -> None:
    open_campaign(
        store, Campaign(id="t", scale="tiny", provider="grammar", cycles=1, approvals=2, approvers=("a", "b"))
    )
    wanted = Campaign(id="t", scale="tiny", provider="grammar", cycles=1)
    assert open_campaign(store, wanted).approvals == 2
    assert open_campaign(store, wanted, rule=Rule(needed=2, approvers=("b", "a"))).approvals == 2
    with pytest.raises(Conflict, match="was started with 2 approvals by a or b, and that stands"):
        open_campaign(store, wanted, rule=Rule())
    store.campaigns.update_one({"_id": "t"}, {"$set": {"approvals": 0}})
    assert audited(store) != [], "the log tells of the rule"


def design(store: Store, name: str, kind: str = "candidate", fitness: float | None = 1.0) -> Experiment:
    one = create_experiment(store, f"t-{name}", campaign="t", kind=kind, name=name)  # type: ignore[arg-type]
    return set_fields(store, one.id, fitness=fitness, state="done", code=put_text(store, f"# {name}"))


def test_a_fork_has_the_settings_and_names_its_origin(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    old = open_campaign(
        store, Campaign(id="t", scale="tiny", provider="grammar", cycles=9, sampler="map-elites", approvals=1)
    )
    for name, fitness in (("c001", 0.5), ("c002", 0.75), ("c003", None)):
        design(store, name, fitness=fitness)
    design(store, "gla", kind="baseline")
    assert designs_to_fork(store, old) == ("t-c002", "t-c001")
    assert designs_to_fork(store, old, ["t-c001"]) == ("t-c001",)
    for wrong in ("t-gla", "t-c003", "t-none"):
        with pytest.raises(Conflict, match=f"{wrong} is no finished design of campaign t"):
            designs_to_fork(store, old, [wrong])
    monkeypatch.setattr("archdb.forks.MOST", 1)
    for number in range(4):
        design(store, f"again{number}", kind="external", fitness=2.0 + number)
    assert designs_to_fork(store, old) == ("t-c002",), "it looks behind the first few of the board"
    made = fork_campaign(store, old, "u", ("t-c001",), "ada", {"torch": "2"})
    assert get_campaign(store, "u") == made
    assert (made.sampler, made.approvals, made.cycles, made.panel) == ("map-elites", 1, 0, None)
    assert (made.forked_from, made.forked) == ("t", ("t-c001",))
    assert [one.id for one in forks_of(store, "t")] == ["u"]
    with pytest.raises(Conflict, match="A campaign is called u already"):
        fork_campaign(store, old, "u", ("t-c001",), "ada", {})
    assert kinds(store)[-2:] == ["campaign", "forked"]
    assert audited(store) == []


def test_of_two_forks_of_one_name_one_is_made(store: Store) -> None:
    old = open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=9))
    design(store, "c001")
    jobs = [lambda who=who: fork_campaign(store, old, "u", ("t-c001",), who, {}) for who in "abcd"]  # type: ignore[misc]
    assert sum(isinstance(one, Conflict) for one in at_once(jobs)) == 3
    assert kinds(store).count("forked") == 1
