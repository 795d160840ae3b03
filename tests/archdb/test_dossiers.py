"""Dossiers are of one moment, and their log vouches for every record and setting in them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from archdb import (
    Conflict,
    DossierUnusable,
    Store,
    add_holdout,
    claim,
    list_verified,
    open_dispatch,
    release,
    set_fields,
)
from archdb.copies import Dossier, check_events, read_dossier, read_dossier_of, write_dossier
from archdb.outbox import settle_all
from archdb.store import Document
from tests.archdb.event_log import DESIGN, write_call, write_decisions, write_log


def exported(store: Store) -> Dossier:
    write_log(store)
    write_call(store)
    write_decisions(store)
    return read_dossier_of(store, "t", None)


def test_a_dossier_comes_back_from_its_file_and_agrees(store: Store, tmp_path: Path) -> None:
    dossier = exported(store)
    write_dossier(dossier, tmp_path / "t.jsonl")
    assert read_dossier(tmp_path / "t.jsonl") == (dossier, [])
    head, _anchors, faults = check_events(dossier)
    assert faults == []
    assert head.partition(":")[0] == str(len(dossier.events))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"approvals": 1}, "The campaign's approvals is 1"),
        ({"cassette": "0" * 64}, "The campaign's cassette is 0"),
        ({"forked_from": "s", "forked": ["s-c001"]}, "The campaign's forked_from is s"),
        ({"sampler": "map-elites"}, "The campaign's sampler is map-elites"),
    ],
)
def test_an_edited_setting_is_found(store: Store, change: Document, told: str) -> None:
    dossier = exported(store)
    dossier.campaign.update(change)
    assert any(one.sentence.startswith(told) for one in check_events(dossier)[2])


def nameless(dossier: Dossier) -> None:
    del dossier.records["experiments"][0]["_id"]
    del dossier.records["verified"][0]["_id"]


def odd_key(dossier: Dossier) -> None:
    dossier.events[3]["key"] = ["a", {}]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            nameless,
            ("A record among the experiments has no _id", "A record among the verified has", f"{DESIGN} is gone"),
        ),
        (odd_key, ("Event 4 (stage of t-c001) is not as it was written",)),
    ],
)
def test_what_no_record_looks_like_is_told(
    store: Store, change: Callable[[Dossier], None], told: tuple[str, ...]
) -> None:
    dossier = exported(store)
    change(dossier)
    found = [one.sentence for one in check_events(dossier)[2]]
    for sentence in told:
        assert any(one.startswith(sentence) for one in found), found


def test_a_first_line_without_counts_is_damage(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    write_dossier(exported(store), file)
    file.write_text(file.read_text().replace('"counts":', '"count":', 1))
    with pytest.raises(DossierUnusable, match="is a damaged dossier"):
        read_dossier(file)


def touch(store: Store) -> None:
    token = claim(store, DESIGN)
    assert token is not None
    release(store, DESIGN, token)


def link(store: Store) -> None:
    set_fields(store, DESIGN, mlflow_run="7")


def decide(store: Store) -> None:
    (test,) = list_verified(store, "t")
    add_holdout(store, test, test.result | {"promoted": False})


@pytest.mark.parametrize("act", [touch, link, decide], ids=["claimed", "linked", "decided"])
def test_what_happens_while_it_is_read_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch, act: Callable[[Store], None]
) -> None:
    exported(store)

    def meanwhile(of: Store) -> int:
        act(of)
        return settle_all(of)

    monkeypatch.setattr("archdb.copies.dossier.settle_all", meanwhile)
    with pytest.raises(Conflict, match="Something was recorded of t while it was read: wait until t rests"):
        read_dossier_of(store, "t", None)


def test_a_machine_that_works_on_a_design_is_waited_for(store: Store) -> None:
    exported(store)
    token = claim(store, DESIGN)
    assert token is not None
    open_dispatch(store, DESIGN, token)
    release(store, DESIGN, token)  # the caller is gone, its machine works on
    with pytest.raises(Conflict, match=f"A worker is at work on {DESIGN}: wait until t rests"):
        read_dossier_of(store, "t", None)
