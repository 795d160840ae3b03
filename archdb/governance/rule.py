"""Whose word is needed: how many different people have to approve, and who they may be."""

import os

from pydantic import Field

from archdb.errors import Conflict
from archdb.records import Campaign, Record

NEEDED = "ARCHLOOP_APPROVALS"
APPROVERS = "ARCHLOOP_APPROVERS"


class Rule(Record):
    """The rule of a campaign, fixed when it is created; or of the laboratory, for what concerns all of them."""

    needed: int = Field(default=0, ge=0)  # 0: nobody is asked
    approvers: tuple[str, ...] = ()  # empty: whoever gives a name

    def same_as(self, other: "Rule") -> bool:
        """Whether it asks for as many of the same people, in whatever order they are named."""
        return self.needed == other.needed and set(self.approvers) == set(other.approvers)

    def refuse_stranger(self, who: str) -> None:
        """Refuse a person whose word does not count.

        Raises:
            Conflict: nobody, or not one of the approvers.
        """
        if not who.strip():
            raise Conflict("A decision needs a person's name: give it with --as NAME.")
        if self.approvers and who not in self.approvers:
            raise Conflict(f"{who} is not an approver here: ask {' or '.join(self.approvers)}.")


def rule_of(campaign: Campaign) -> Rule:
    """The campaign's rule."""
    return Rule(needed=campaign.approvals, approvers=campaign.approvers)


def rule_from(needed: int | None = None, approvers: tuple[str, ...] = ()) -> Rule:
    """The rule that these settings make; where one is left out, ARCHLOOP_APPROVALS or ARCHLOOP_APPROVERS says it.

    Raises:
        Conflict: no number, fewer than none, or more people than may approve.
    """
    names = approvers or tuple(one.strip() for one in os.environ.get(APPROVERS, "").split(",") if one.strip())
    given = os.environ.get(NEEDED) or "0" if needed is None else str(needed)
    if not given.isdecimal():
        raise Conflict(f"{given} is no number of approvals: give --approvals or {NEEDED} a number from 0.")
    names = tuple(dict.fromkeys(names))
    if names and int(given) > len(names):
        raise Conflict(
            f"{given} approvals are more than the {len(names)} who may approve: name more people with --approver or "
            f"{APPROVERS}, or ask for fewer."
        )
    return Rule(needed=int(given), approvers=names)
