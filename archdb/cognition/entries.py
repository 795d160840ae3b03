"""What the cognition base holds: papers that ship with archloop, papers that were added or imported, and findings.

Files and MongoDB are the truth; the LanceDB table is an index of them that can be rebuilt at any time.
"""

from collections.abc import Sequence
from functools import cache
from typing import Literal

from pydantic import Field, FiniteFloat

from archdb.cognition.papers import Paper, read_literature
from archdb.events import sha256_of
from archdb.patience import patient
from archdb.records import Finding, Record
from archdb.store import Store

EntryKind = Literal["paper", "finding"]
ESSENCE = 3  # passages of an entry that say what it is; the others are its symptoms
INDEXES = {"findings": (("campaign", "created_at"),)}


class Entry(Record):
    """One paper or finding as retrieval sees it: a title, and passages that are looked up one by one."""

    id: str = Field(alias="_id")
    kind: EntryKind = "paper"
    title: str
    passages: tuple[str, ...]
    year: int | None = None
    components: tuple[str, ...] = ()  # "slot=choice"
    evidence: tuple[str, ...] = ()  # the experiments behind a finding
    effect: FiniteFloat = 0.0  # of a finding, in fitness units
    campaign: str = ""  # of a finding
    origin: str = "archloop"  # or the file that it was added from
    created_at: float = 0.0

    @property
    def text(self) -> str:
        return "\n".join(self.passages)

    @property
    def sha256(self) -> str:
        """Of the content: an entry is indexed again when it changes, and only then."""
        return sha256_of(self.model_dump(exclude={"created_at", "origin"}))


def paper_entry(paper: Paper, origin: str = "archloop") -> Entry:
    """A paper in passages: when it helps, what it is about, how it is built, and each of its symptoms."""
    head = f"{paper.title}. {', '.join(paper.topics)}."
    return Entry(
        id=paper.id,
        title=paper.title,
        year=paper.year,
        passages=(
            f"{head} {paper.helps_when}",
            f"{head} {paper.problem} {paper.mechanism}",
            f"{paper.implement} {paper.pitfalls}",
            *paper.symptoms,
        ),
        components=paper.components,
        origin=origin,
    )


def essence(entry: Entry) -> str:
    """What an entry says of itself, without the symptoms that only help to find it."""
    told = entry.passages[:ESSENCE]
    return "\n".join(one.removeprefix(f"{entry.title}. ") for one in told)


def finding_entry(finding: Finding) -> Entry:
    """A finding, which is one passage."""
    return Entry(
        id=finding.id,
        kind="finding",
        title=finding.text[:90],
        passages=(finding.text,),
        components=finding.components,
        evidence=finding.evidence,
        effect=finding.effect,
        campaign=finding.campaign,
        created_at=finding.created_at,
    )


@cache
def shipped() -> dict[str, Entry]:
    """The papers that ship with archloop, by id."""
    return {paper.id: paper_entry(paper) for paper in read_literature()}


@patient
def find_entries(store: Store, ids: Sequence[str]) -> list[Entry]:
    """The entries with these ids that exist, in this order."""
    known = dict(shipped())
    asked = [one for one in ids if one not in known]
    if asked:
        known |= {one["_id"]: Entry.model_validate(one) for one in store.entries.find({"_id": {"$in": asked}})}
        found = store.findings.find({"_id": {"$in": asked}})
        known |= {one["_id"]: finding_entry(Finding.model_validate(one)) for one in found}
    return [known[one] for one in ids if one in known]


@patient
def all_ids(store: Store) -> list[str]:
    """The ids of every entry."""
    own = [str(one["_id"]) for place in (store.entries, store.findings) for one in place.find({}, {"_id": 1})]
    return [*shipped(), *own]


@patient
def list_findings(store: Store, campaign: str) -> list[Finding]:
    """The findings of a campaign, oldest first."""
    found = list(store.findings.find({"campaign": campaign}).sort("created_at", 1))
    return [Finding.model_validate(one) for one in found]
