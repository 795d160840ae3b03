"""Cassettes: what models answered and evaluations found in a campaign, so that it can be run again from that alone.

A cassette is a manifest and texts. The manifest says which settings decided what happened, and has a record for each
model call and each evaluation, which name their texts (prompts, replies, reports) by sha256. In the store both are
blobs, so that what a cassette shares with other campaigns is there once; cassette_file.py is the portable form.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping

from pydantic import Field, FiniteFloat, ValidationError

from archdb.blobs import get_text, put_text, put_texts
from archdb.copies.lines_file import Form, line
from archdb.errors import CassetteUnusable
from archdb.records import Body, Failed, Record, document
from archdb.store import Store

VERSION = 1  # of the manifest and of the file
BATCH = 100  # texts of one request
FORM = Form("cassette", CassetteUnusable)


class Settings(Record):
    """Those of a campaign that decide what happens in it."""

    scale: str
    provider: str
    model: str = ""
    cycles: int  # that are held: the campaign's finished ones, from the first without a gap
    seed: int
    domain: str
    dataset: str
    further_baselines: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    parents_from: str = ""
    sampler: str
    ablations: int = 0


class HeldCall(Record):
    """A question to a model, and what came of it."""

    cycle: int
    role: str
    number: int
    prompt: str  # sha256 of the text
    template: str = ""
    template_sha256: str = ""
    model: str = ""
    outcome: str
    message: str = ""
    reply: str = ""  # sha256 of the text; empty if there was none
    prompt_tokens: int = 0
    completion_tokens: int = 0
    dollars: FiniteFloat | None = None
    seconds: FiniteFloat = 0.0
    attempts: tuple[str, ...] = ()  # how each ended


class HeldEvaluation(Record):
    """A finished check, training or benchmark of a program."""

    cycle: int | None = None  # of a candidate, and of its ablations
    ablation: str = ""  # what follows on the design's id in an ablation's
    baseline: str = ""  # name, of a baseline
    stage: str
    attempt: int
    seed: int | None = None
    program: str  # sha256 of the source
    summary: Body = Field(default_factory=dict)
    report: str = ""  # sha256 of the text of {schema, version, body}
    failure: Failed | None = None
    sets: Body = Field(default_factory=dict)  # fields of the experiment that it set


class Cassette(Record):
    """A manifest."""

    campaign: str  # its name, which is part of ids in prompts and replies
    settings: Settings
    environment: dict[str, str] = Field(default_factory=dict)  # versions that it was recorded with
    calls: tuple[HeldCall, ...] = ()
    evaluations: tuple[HeldEvaluation, ...] = ()

    @property
    def texts(self) -> list[str]:
        """The sha256 of every text that it names, sorted."""
        named = {one.report for one in self.evaluations}
        for call in self.calls:
            named |= {call.prompt, call.reply}
        return sorted(named - {""})


def lines_of(cassette: Cassette) -> Iterator[str]:
    """The manifest, a line for the head and one for each record. The same cassette gives the same lines."""
    head = cassette.model_dump(mode="json", exclude={"calls", "evaluations"})
    counts = {"calls": len(cassette.calls), "evaluations": len(cassette.evaluations)}
    yield line({"kind": "cassette", "version": VERSION, **head, **counts})
    yield from (line({"kind": "call", **document(one)}) for one in cassette.calls)
    yield from (line({"kind": "evaluation", **document(one)}) for one in cassette.evaluations)


def check_head(head: object) -> int:
    """How many records follow on a manifest's first line.

    Raises:
        CassetteUnusable: it is no such line, or one of another version.
    """
    if not isinstance(head, dict) or head.get("kind") != "cassette":
        raise CassetteUnusable("is no cassette: give a file that `archloop cassette export` wrote.")
    if head.get("version") != VERSION:
        raise CassetteUnusable(
            f"is a cassette of version {head.get('version')}, and this archloop reads version {VERSION}: replay it "
            "with the archloop that wrote it, or export the campaign again."
        )
    try:
        return int(head["calls"]) + int(head["evaluations"])
    except (KeyError, TypeError, ValueError):
        raise CassetteUnusable("is a damaged cassette (its first line): export it again.") from None


def read_manifest(documents: list[Body]) -> Cassette:
    """The cassette that these lines, each of them read, make up; the first was checked.

    Raises:
        CassetteUnusable: a line is not what it should be.
    """
    head, *rest = documents
    found: dict[str, list[Body]] = {"call": [], "evaluation": []}
    try:
        for one in rest:
            found[one["kind"]].append(one)
        read = Cassette.model_validate(head | {"calls": found["call"], "evaluations": found["evaluation"]})
    except (ValidationError, KeyError, TypeError) as fault:
        first = fault.errors()[0] if isinstance(fault, ValidationError) else {"loc": ("kind",), "msg": "unknown"}
        where = ".".join(map(str, first["loc"]))
        raise CassetteUnusable(f"is a damaged cassette ({where}: {first['msg']}): export it again.") from None
    if (len(read.calls), len(read.evaluations)) != (head["calls"], head["evaluations"]):
        raise FORM.cut
    return read


def sha256_of_cassette(cassette: Cassette) -> str:
    """Under which a cassette is kept."""
    return hashlib.sha256(_manifest(cassette).encode()).hexdigest()


def _manifest(cassette: Cassette) -> str:
    return "\n".join(lines_of(cassette))


def keep_cassette(store: Store, cassette: Cassette, texts: Mapping[str, str]) -> str:
    """Keep a cassette with all its texts, and return its sha256. Done again it changes nothing."""
    every = list(texts.values())
    for start in range(0, len(every), BATCH):
        put_texts(store, every[start : start + BATCH])
    return put_text(store, _manifest(cassette))  # last: a manifest that is there has its texts


def find_cassette(store: Store, sha256: str) -> Cassette:
    """A cassette that is kept.

    Raises:
        NotFound: there is none.
        CassetteUnusable: an archloop of another version has kept it.
    """
    documents = [json.loads(one) for one in get_text(store, sha256).split("\n")]
    try:
        check_head(documents[0])
        return read_manifest(documents)
    except CassetteUnusable as fault:
        raise CassetteUnusable(f"The cassette {sha256[:12]} in the store {fault}") from None
