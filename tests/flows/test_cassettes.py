"""Cassettes as files: what is written is read again, and what cannot be replayed is refused in a sentence."""

import gzip
import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from archdb import CassetteUnusable, Store, get_text, put_text
from archdb.copies import (
    Cassette,
    HeldCall,
    HeldEvaluation,
    Settings,
    find_cassette,
    keep_cassette,
    read_cassette,
    write_cassette,
)
from flows.cli.asked import Refused
from flows.cli.replay import replay_of_file
from flows.settings import campaign_record, replay_record
from tests.flows.test_refusals import NO_PREFECT, archloop, assert_one_sentence


@pytest.fixture
def cassette(store: Store) -> Cassette:
    wanted = campaign_record("rec", 3, "tiny", "openai", 7, "evaluation", model="m")
    prompt, reply, report = (put_text(store, text) for text in ("What?\u2028\n", '{"a": 1}', "{}"))
    call = HeldCall(cycle=1, role="researcher", number=0, prompt=prompt, reply=reply, outcome="answered")
    found = HeldEvaluation(
        cycle=1, stage="compile-check", attempt=0, program="p", report=report, summary={"b": 1, "a": 2}
    )
    settings = Settings.model_validate(wanted.model_dump())
    return Cassette(campaign="rec", settings=settings, calls=(call,), evaluations=(found,))


@pytest.fixture
def file(store: Store, cassette: Cassette, tmp_path: Path) -> Path:
    write_cassette(store, cassette, tmp_path / "rec.jsonl")
    return tmp_path / "rec.jsonl"


def test_what_is_written_is_read_and_kept(store: Store, cassette: Cassette, file: Path, tmp_path: Path) -> None:
    write_cassette(store, cassette, tmp_path / "rec.jsonl.gz")
    assert gzip.decompress((tmp_path / "rec.jsonl.gz").read_bytes()) == file.read_bytes()
    store.blobs.delete_many({})  # another laboratory's store
    read, texts = read_cassette(tmp_path / "rec.jsonl.gz")
    assert read == cassette
    kept = keep_cassette(store, read, texts)
    assert find_cassette(store, kept) == cassette
    assert list(find_cassette(store, kept).evaluations[0].summary) == ["b", "a"], "the order is shown in prompts"
    assert get_text(store, cassette.calls[0].prompt) == "What?\u2028\n"


def relined(change: Callable[[list[str]], list[str]]) -> Callable[[bytes], bytes]:
    """Lines changed by somebody who makes the last one fit."""

    def do(data: bytes) -> bytes:
        lines = change(data.decode().split("\n")[:-2])
        body = "".join(f"{one}\n" for one in lines).encode()
        end = {"kind": "end", "lines": len(lines), "sha256": hashlib.sha256(body).hexdigest()}
        return body + json.dumps(end).encode() + b"\n"

    return do


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut off within a line": (lambda data: data[: len(data) // 2], "is cut off or damaged: copy or export it again"),
    "cut off behind a line": (lambda data: b"\n".join(data.split(b"\n")[:2]) + b"\n", "is cut off"),
    "a gzip file cut off": (lambda data: gzip.compress(data)[:-20], "is cut off"),
    "a gzip file with another checksum": (
        lambda data: (packed := gzip.compress(data))[:-6] + bytes([packed[-6] ^ 8]) + packed[-5:],
        "is cut off or damaged",
    ),
    "another version": (lambda data: data.replace(b'"version":1', b'"version":9'), "of version 9.*reads version 1"),
    "changed": (lambda data: data.replace(b"answered", b"refused_"), "was changed after it was written"),
    "no cassette": (lambda data: b"design,score\n1,2\n", "is no cassette"),
    "empty": (lambda data: b"", "is no cassette"),
    "bytes": (lambda data: b"\xff\xfe\x00", "is no cassette"),
    "a text is missing": (relined(lambda lines: lines[:-1]), "text .* is not in it"),
    "a record is malformed": (
        relined(lambda lines: [one.replace('"number":0', '"number":"x"') for one in lines]),
        "number",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused(file: Path, damage: str) -> None:
    change, told = DAMAGE[damage]
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(CassetteUnusable, match=told) as refused:
        read_cassette(file)
    assert str(refused.value).startswith(str(file))


def test_other_data_and_unknown_providers_are_refused(cassette: Cassette) -> None:
    other = cassette.settings.model_copy(update={"dataset": "tales 123456"})
    with pytest.raises(CassetteUnusable, match="recorded with the data tales"):
        replay_record(cassette.model_copy(update={"settings": other}))
    for provider in ("oracle", "replay"):
        other = cassette.settings.model_copy(update={"provider": provider})
        with pytest.raises(CassetteUnusable, match=f"the provider {provider}, which this archloop does not have"):
            replay_record(cassette.model_copy(update={"settings": other}))


slow = partial(pytest.param, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--scale", "nano"), ("scale tiny, not nano", "leave --scale out")),
        slow(("--seed", "8"), ("seed 7, not 8", "leave --seed out")),
        slow(("--model", "other"), ("model m, not other",)),
        slow(("--ablations", "3"), ("ablations 1, not 3",)),
        slow(("--baseline", "retnet"), ("baseline none, not retnet",)),
        slow(("--families", "gla"), ("families none, not gla", "leave --families out")),
        (("--cycles", "4"), ("holds 3 cycles, not 4",)),
        slow(("--provider", "grammar"), ("--cassette is for --provider replay",)),
    ],
)
def test_an_option_that_contradicts_it_is_refused(
    file: Path, tmp_path: Path, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    told = archloop("run", "--cassette", str(file), *options, home=tmp_path / "d", **NO_PREFECT)
    assert_one_sentence(told, *words)
    assert not (tmp_path / "d").exists(), "something was started"


def test_a_part_of_its_families_contradicts_it(cassette: Cassette, store: Store, tmp_path: Path) -> None:
    both = cassette.settings.model_copy(update={"families": ("gla", "mamba2")})
    write_cassette(store, cassette.model_copy(update={"settings": both}), tmp_path / "both.jsonl")
    with pytest.raises(Refused, match="families gla, mamba2, not gla"):
        replay_of_file(tmp_path / "both.jsonl", {"families": ["gla"]}, None)
    assert replay_of_file(tmp_path / "both.jsonl", {"families": ["mamba2", "gla"]}, None).campaign.families


def test_a_file_imports_no_domain_that_nobody_has_named(
    cassette: Cassette, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "of_a_stranger.py").write_text("raise SystemExit('it was imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    other = cassette.settings.model_copy(update={"domain": "of_a_stranger"})
    write_cassette(store, cassette.model_copy(update={"settings": other}), tmp_path / "theirs.jsonl")
    with pytest.raises(Refused, match="give --domain of_a_stranger if you trust it"):
        replay_of_file(tmp_path / "theirs.jsonl", {}, None)
    with pytest.raises(SystemExit, match="it was imported"):
        replay_of_file(tmp_path / "theirs.jsonl", {"domain": "of_a_stranger"}, None)


def test_nothing_to_replay_is_refused(tmp_path: Path) -> None:
    told = archloop("run", "--cassette", "nowhere.jsonl", home=tmp_path / "d", **NO_PREFECT)
    assert_one_sentence(told, "nowhere.jsonl cannot be read")
    with pytest.raises(ValueError, match="give --cassette FILE"):
        campaign_record("t", 1, "tiny", "replay", 0, "evaluation")
