"""What of a replayed campaign was not as recorded, for a person and for a machine."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from archdb import REPLAYED, Campaign, Store, campaign_calls, campaign_experiments
from tasks.replay.playing import NOT_RECORDED, played
from tasks.replay.recording import EVALUATIONS

NAMED = 5  # calls or designs that a sentence names
WHAT = {"template": "its template", "filling": "what it is filled with"}
PLAYED = ("baseline", "candidate", "ablation")  # kinds of experiments that a cassette holds


class Divergent(BaseModel):
    """A prompt that is not the recorded one."""

    model_config = ConfigDict(frozen=True)

    call: str
    changed: str  # "template" or "filling"


class Account(BaseModel):
    """How a replay compares with what it replays."""

    model_config = ConfigDict(frozen=True)

    cassette: str  # sha256
    recorded_as: str  # name of the recorded campaign
    calls: int  # that were asked
    divergent: tuple[Divergent, ...]
    not_recorded: tuple[str, ...]  # calls that the cassette does not hold
    unasked: int  # recorded calls of the cycles that ended here, which nobody asked
    replayed: int  # evaluations taken from the cassette
    evaluated: tuple[str, ...]  # designs of which a stage was done for real


def account(store: Store, campaign: Campaign) -> Account | None:
    """The account of a campaign; None if it replays nothing."""
    play = played(store, campaign)
    if play is None:
        return None
    calls = campaign_calls(store, campaign.id)
    designs = [one for one in campaign_experiments(store, campaign.id) if one.kind in PLAYED]
    stages = [(one.id, stage) for one in designs for stage in one.stages.values() if stage.stage in EVALUATIONS]
    over = {one.cycle for one in designs if one.kind == "candidate" and one.analysis is not None}
    answered = sum(bool(one.recorded) for one in calls)
    return Account(
        cassette=campaign.cassette,
        recorded_as=play.cassette.campaign,
        calls=len(calls),
        divergent=tuple(Divergent(call=one.id, changed=one.diverged) for one in calls if one.diverged),
        not_recorded=tuple(one.id for one in calls if one.outcome == NOT_RECORDED),
        unasked=max(0, sum(one.cycle in over for one in play.cassette.calls) - answered),
        replayed=sum(bool(stage.summary.get(REPLAYED)) for _, stage in stages),
        evaluated=tuple(dict.fromkeys(name for name, stage in stages if not stage.summary.get(REPLAYED))),
    )


def sentences(one: Account) -> Iterator[str]:
    """The account in words, the good news in one sentence."""
    yield f"Replay of {one.recorded_as} (cassette {one.cassette[:12]}): {_prompts(one)}; {_results(one)}."
    for kind, what in WHAT.items():
        names = [found.call for found in one.divergent if found.changed == kind]
        if names:
            yield f"Differs in {what}: {_named(names)}. The recorded replies were used."
    if one.not_recorded:
        yield f"Not in the cassette: {_named(one.not_recorded)}. These calls had no answer."
    if one.unasked:
        yield f"Recorded, and never asked for: {one.unasked} calls."
    if one.evaluated:
        yield f"Evaluated anew, since the program or the stage is not the recorded one: {_named(one.evaluated)}."


def _prompts(one: Account) -> str:
    known = one.calls - len(one.not_recorded)
    if not one.divergent:
        return f"all {known} prompts are as recorded" if known else "no model was asked"
    return f"{len(one.divergent)} of {known} prompts differ"


def _results(one: Account) -> str:
    return f"{one.replayed} evaluations were taken from the cassette"


def _named(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
