"""Turning a switch and forking where people approve: it happens once enough of them have asked for the same."""

import hashlib
from collections.abc import Sequence

from archdb import (
    KINDS,
    Amounts,
    Campaign,
    Conflict,
    Store,
    exact,
    fork_campaign,
    forks_of,
    refuse_known,
    set_caps,
    shown,
)
from archdb.governance import (
    EVERYTHING,
    Request,
    Rule,
    decide,
    get_control,
    list_approvals,
    open_request,
    refuse_turn,
    rule_of,
    subject_of_turn,
    turn,
)
from archdb.governance.approvals import What
from archdb.governance.control import Switch
from flows.settings import measured_environment

TURNS: dict[str, Switch] = {"pause": "paused", "resume": "running", "stop": "stopped"}


def turn_by_quorum(store: Store, switch: str, verb: str, who: str, reason: str, rule: Rule) -> Request | None:
    """Pause, resume or stop; where people approve, add a voice for it, and do it with the last one. Anyone may stop.

    Returns:
        The request for it, where people are asked.

    Raises:
        Conflict: it stands so already, or who is not an approver.
    """
    to, now = TURNS[verb], get_control(store, switch)
    refuse_turn(now, to)
    if not rule.needed or verb == "stop":
        turn(store, switch, to, who, reason)
        return None
    what: What = "pause" if verb == "pause" else "resume"
    subject = subject_of_turn(now)
    name = "everything" if switch == EVERYTHING else f"campaign {switch}"
    campaign = "" if switch == EVERYTHING else switch
    request = open_request(store, what, subject, campaign, rule, f"To {verb} {name}")
    request = decide(store, request, who, "approved", reason)
    if request.state == "approved":
        reasons = [one.reason for one in list_approvals(store, subject, what) if one.reason]
        try:
            turn(store, switch, to, request.by, "; ".join(reasons), now.number)
        except Conflict:
            if get_control(store, switch).number != now.number + 1:
                raise  # else somebody with the same voices was faster
    return request


def fork_by_quorum(
    store: Store, old: Campaign, name: str, designs: Sequence[str], caps: Amounts, who: str
) -> tuple[Request | None, Campaign | None]:
    """Fork a campaign under these caps; where people approve, add a voice for this very fork, and do it with the last.

    Asked again, it goes on where it was killed: a fork that is there from the same designs gets the caps.

    Returns:
        The request for it, where people are asked, and the fork once it is made.

    Raises:
        Conflict: another campaign has this name, or who is not an approver.
    """
    made = next((one for one in forks_of(store, old.id) if (one.id, one.forked) == (name, tuple(designs))), None)
    if made is None:
        refuse_known(store, name)
    rule, request = rule_of(old), None
    if rule.needed:
        allowed = [f"{shown(units, kind)} {KINDS[kind].word}" for kind, units in sorted(exact(caps).items())]
        told = f"To fork campaign {old.id} as {name} from {', '.join(designs)}"
        told += f" with at most {' and '.join(allowed)}" if allowed else ""
        chosen = hashlib.sha256(told.encode()).hexdigest()[:8]  # other designs or caps are another fork
        request = open_request(store, "fork", f"{old.id}/{name}/{chosen}", old.id, rule, told)
        rule.refuse_stranger(who)
        if request.state == "waiting":
            request = decide(store, request, who, "approved")
        if request.state == "waiting":
            return request, None
    by = request.by if request else who
    made = made or fork_campaign(store, old, name, designs, by, measured_environment(old.domain))
    set_caps(store, made.id, caps)
    return request, made
