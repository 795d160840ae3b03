"""A small event log on a real store, written the way stages write it, and what tampers with it."""

from collections.abc import Callable

from archdb import (
    Campaign,
    Experiment,
    ModelCall,
    Stage,
    Store,
    claim,
    create_experiment,
    open_campaign,
    put_report,
    put_text,
    record_call,
    record_code,
    record_once,
    record_verified,
    release,
    set_caps,
    set_panel,
    write_stage,
)
from archdb.audit import Anchor, Anchors, Fault, check_chain, check_records
from archdb.designs import Analysed, Proposed
from archdb.events import hash_of
from archdb.governance import Rule, decide, open_request, turn
from archdb.store import Document

DESIGN = "t-c001"


def write_log(store: Store) -> None:
    """A campaign with its panel, one design from its proposal to its analysis, and its test: 10 events and more."""
    open_campaign(store, Campaign(id="t", scale="tiny", provider="grammar", cycles=2, dataset="plays 1", seed=3))
    set_panel(store, "t", {"reference": {"loss": [1.0, 2.0]}, "baselines": {"gla": {"loss": 1.5}}}, 3.0)
    one = create_experiment(store, DESIGN, campaign="t", kind="candidate", name="cycle 1", cycle=1)
    token = claim(store, one.id)
    assert token is not None
    reply = put_report(store, "Proposal", 1, {"name": "Gated"})
    record_once(store, Proposed(id=one.id, campaign="t", name="Gated", reply=reply, created_at=5.0))
    motivation = put_text(store, "because")
    write(store, one, token, "propose", report=reply, name="Gated", motivation=motivation)
    code = record_code(store, "class Candidate: ...\n", one, 0, "codegen", components={"decay": "fixed"})
    write(store, one, token, "codegen", code=code.sha256, components=code.components)
    trained = put_report(store, "TrainReport", 1, {"cpu_seconds": 3.25})
    write(store, one, token, "gpu-train", report=trained, seed=0, summary={"cpu_seconds": 3.25, "tokens": 7})
    write(store, one, token, "benchmark", seed=0, summary={"objectives": {"loss": 0.5}}, objectives={"loss": 0.5})
    text = put_text(store, "it helped")
    record_once(store, Analysed(id=one.id, campaign="t", text=text, created_at=9.0))
    write(store, one, token, "analyze", analysis=text, fitness=0.25, state="done", finished_at=8.0)
    release(store, one.id, token)
    record_verified(store, "t", one.id, "gla", lambda _: {"breakthrough": False, "promoted": None, "p": 0.5})


def write_call(store: Store) -> None:
    """A call of a model for the design: one event more."""
    prompt, reply = put_text(store, "Which gate?"), put_text(store, "None.")
    record_call(
        store,
        ModelCall(
            id=f"{DESIGN}/researcher/0", campaign="t", experiment=DESIGN, role="researcher", number=0, prompt=prompt,
            model="m", outcome="answered", reply=reply,
        ),
    )  # fmt: skip


def write_decisions(store: Store) -> None:
    """What people decided on the campaign: a cap, an approved verification, a pause. Five events more."""
    set_caps(store, "t", {"cpu_seconds": 60.0})
    rule = Rule(needed=1, approvers=("ada",))
    decide(store, open_request(store, "verification", DESIGN, "t", rule, "It trains twice.", size=2), "ada", "approved")
    turn(store, "t", "paused", "ada", "the machine is needed")


def write(store: Store, one: Experiment, token: int, stage: str, **fields: object) -> None:
    own = {name: fields.pop(name) for name in ("report", "seed", "summary") if name in fields}
    record = Stage.model_validate({"stage": stage, "started_at": 1.0, "seconds": 2.0, **own})
    write_stage(store, one.id, record, token, **fields)


def stored(store: Store) -> list[Document]:
    """Every event as it is stored, in order."""
    return sorted(store.events.find({}), key=lambda one: int(one["_id"]))


def edit(store: Store, place: int, change: Callable[[Document], None]) -> None:
    """Change an event as someone with the store's password would."""
    event = store.events.find_one({"_id": place})
    assert event is not None
    change(event)
    store.events.replace_one({"_id": place}, event)


def write_anew(store: Store, place: int, change: Callable[[Document], None]) -> None:
    """Change an event and give it and all that follow hashes that fit again."""
    events = stored(store)
    change(events[place - 1])
    for before, event in zip([None, *events], events, strict=False):
        event["prev"] = before["hash"] if before else ""
        event["hash"] = hash_of(event)
        store.events.replace_one({"_id": event["_id"]}, event)


def audit(store: Store, *anchors: Anchor) -> list[Fault]:
    """All that an audit finds wrong, each told in one sentence."""
    walk = check_chain(store, Anchors(found=anchors))
    found = walk.faults + check_records(store, walk).faults
    assert all(one.sentence.count(". ") == 0 and one.sentence.endswith(".") for one in found)
    return found
