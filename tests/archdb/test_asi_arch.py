"""Importing ASI-Arch's release: both layouts, what is malformed, and that importing again changes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from archdb import (
    Campaign,
    Conflict,
    Store,
    campaign_experiments,
    descendants,
    events_after,
    find_experiment,
    get_campaign,
    get_experiment,
    get_text,
    leaderboard,
    open_campaign,
    ranked_by_score,
    same_code,
)
from archdb.asi_arch import SCORE, import_release, imported_result, read_release
from archdb.asi_arch.family import paths_of
from archdb.asi_arch.release import NotARelease
from archdb.audit import check_chain, check_records
from archdb.records import plain
from tests.archdb.asi_arch_release import (
    GALLERY,
    NODES,
    PROGRAM,
    PUBLISHED,
    WHY_NOT,
    gallery_row,
    node,
    table,
    write_clone,
    write_numbers,
)

published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason=WHY_NOT)


def everything(store: Store) -> dict[str, dict[Any, Any]]:
    """Every document of every collection."""
    names = store.database.list_collection_names()
    return {name: {one["_id"]: one for one in store.database[name].find({})} for name in names}


@pytest.mark.parametrize("within", ["", "data"])
def test_a_clone_becomes_a_campaign(store: Store, tmp_path: Path, within: str) -> None:
    release = read_release(write_clone(tmp_path / "clone") / within)
    assert release.malformed == ()
    done = import_release(store, release, "asi-arch")
    assert (done.added, done.completed, done.differing) == (4, 0, ())
    experiments = {one.id: one for one in campaign_experiments(store, "asi-arch")}
    assert list(experiments) == ["asi-arch-0001", "asi-arch-0002", "asi-arch-0003", "asi-arch-0005"]
    third = experiments["asi-arch-0003"]
    assert (third.kind, third.state, third.name) == ("imported", "done", "Net-3")
    assert third.parents == ("asi-arch-0002",)
    assert third.path == ("asi-arch-0001", "asi-arch-0002")
    assert third.objectives == {SCORE: 2.5}
    assert third.fitness is None, "a score of others is no fitness"
    assert third.details == {"arc_easy": 0.5, "piqa": 0.75, "average": 0.625}
    texts = [get_text(store, digest or "") for digest in (third.code, third.motivation, third.analysis)]
    assert texts == [PROGRAM + "# another\n", "**Why** it may help", "It helped."]
    result = imported_result(store, third)
    assert result is not None
    assert (result.parameters, result.curve, result.curve_nan) == (474_880_000, ((1, 11.0),), (100, 200))
    assert (result.name, result.benchmarks_nan) == ("delta_net_3", ("lam_ppl",))
    assert [one.id for one in same_code(store, PROGRAM + "# another\n")] == ["asi-arch-0003:0"]
    assert experiments["asi-arch-0005"].code is None
    assert get_campaign(store, "asi-arch").ranked_by == SCORE


def test_the_layout_without_texts_has_the_same_numbers(store: Store, tmp_path: Path) -> None:
    numbers, clone = read_release(write_numbers(tmp_path / "numbers")), read_release(write_clone(tmp_path / "clone"))
    assert numbers.malformed == ()
    assert [one.result for one in numbers.nodes] == [one.result for one in clone.nodes]
    assert not [one for one in numbers.nodes if one.program or one.motivation or one.summary]


def test_importing_twice_changes_nothing(store: Store, tmp_path: Path) -> None:
    release = read_release(write_clone(tmp_path))
    import_release(store, release, "asi-arch")
    before = everything(store)
    again = import_release(store, release, "asi-arch")
    assert (again.added, again.completed) == (0, 0)
    assert everything(store) == before


def test_a_stopped_import_goes_on_and_leaves_no_orphan(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archdb.asi_arch.keep.BATCH", 1)
    release = read_release(write_clone(tmp_path))

    def stop(done: int) -> None:
        if done > 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_release(store, release, "asi-arch", stop)
    begun = {one.id for one in campaign_experiments(store, "asi-arch")}
    assert 0 < len(begun) < len(NODES)
    assert all(set(get_experiment(store, one).path) <= begun for one in begun)
    seen: list[int] = []
    assert import_release(store, release, "asi-arch", seen.append).added == len(NODES) - len(begun)
    assert seen[-1] == len(NODES)
    assert len(campaign_experiments(store, "asi-arch")) == len(NODES)


def test_a_fuller_copy_completes_what_an_earlier_one_lacked(store: Store, tmp_path: Path) -> None:
    import_release(store, read_release(write_clone(tmp_path / "tree", gallery=None)), "asi-arch")
    numbers = read_release(write_numbers(tmp_path / "numbers"))
    clone = read_release(write_clone(tmp_path / "clone"))
    assert import_release(store, numbers, "asi-arch").completed == 2
    assert import_release(store, clone, "asi-arch").completed == 2
    filled = campaign_experiments(store, "asi-arch")
    assert import_release(store, numbers, "asi-arch").completed == 0, "a poorer copy takes nothing away"
    assert campaign_experiments(store, "asi-arch") == filled
    import_release(store, clone, "fresh")
    fresh = campaign_experiments(store, "fresh")
    for field in ("code", "motivation", "analysis", "details", "tags", "objectives"):
        assert [getattr(one, field) for one in filled] == [getattr(one, field) for one in fresh], field
    assert [imported_result(store, one) for one in filled] == [imported_result(store, one) for one in fresh]
    walk = check_chain(store)
    assert walk.faults + check_records(store, walk).faults == []
    assert {one.kind for one in events_after(store, 0)} == {"campaign", "stage", "code"}


def test_another_score_is_told_and_not_taken(store: Store, tmp_path: Path) -> None:
    import_release(store, read_release(write_clone(tmp_path / "old")), "asi-arch")
    before = everything(store)["experiments"]
    other = write_clone(tmp_path / "new", [*NODES[:3], node(5, 1, 0.75)], None)
    assert import_release(store, read_release(other), "asi-arch").differing == ("asi-arch-0005",)
    assert everything(store)["experiments"] == before


def test_a_campaign_of_our_own_is_never_mixed_with_imported_designs(store: Store, tmp_path: Path) -> None:
    open_campaign(store, Campaign(id="mine", scale="nano", provider="grammar", cycles=1))
    with pytest.raises(Conflict, match="--campaign NAME"):
        import_release(store, read_release(write_clone(tmp_path)), "mine")
    assert not campaign_experiments(store, "mine")


def test_imported_designs_are_ranked_among_themselves(store: Store, tmp_path: Path) -> None:
    import_release(store, read_release(write_clone(tmp_path)), "asi-arch")
    assert [one.name for one in ranked_by_score(store, "asi-arch", SCORE, 9)] == ["Net-3", "Net-2", "Net-1", "Net-5"]
    assert [one.name for one in ranked_by_score(store, "asi-arch", SCORE, 9, with_code=True)] == ["Net-3", "Net-2"]
    assert leaderboard(store, "asi-arch", 9) == [], "none has a fitness"
    assert find_experiment(store, "3", "asi-arch").id == "asi-arch-0003"
    below = descendants(store, get_experiment(store, "asi-arch-0001"))
    assert [one.id for one in below] == ["asi-arch-0002", "asi-arch-0005", "asi-arch-0003"], "parents come first"


BROKEN_NODES = [
    ("a row", "cannot be read"),
    ({"name": "x", "score": 1.0}, "index cannot be read"),
    (node(-4, None, 1.0), "index cannot be read"),
    (node(2, 1, 1.0), "has its index 2 already"),
    (node(7, 99, 1.0), "its parent 99 is no node"),
    (node(8, 8, 1.0), "among its own ancestors (8 -> 8)"),
    (node(9, 1, float("nan")), "score nan is left out"),
    (node(10, 1, 7.5), "score 7.5 is left out"),
    (node(11, 1, "high"), "score 'high' is left out"),
    (node(12, 1, None), "it has no score"),
    (node(13, "root", 1.0), "parent 'root' is left out"),
    (node(14, 1, 1.0, name=None, name_new=" "), "it has no name"),
    (node(15, 1, 1.0, name_new="\ud800"), "name_new"),
    (node(16, 1, 1.0, name_new=["x"]), "name_new ['x'] is left out"),
]


@pytest.mark.parametrize(("row", "why"), BROKEN_NODES, ids=[why for _, why in BROKEN_NODES])
def test_a_malformed_node_is_listed_and_costs_nobody_else(store: Store, tmp_path: Path, row: Any, why: str) -> None:
    release = read_release(write_clone(tmp_path, [*NODES, row]))
    assert why in " ".join(one.sentence for one in release.malformed)
    assert {(one.file, one.row) for one in release.malformed} == {("tree.json", len(NODES) + 1)}
    import_release(store, release, "asi-arch")
    known = {one.id: one for one in campaign_experiments(store, "asi-arch")}
    assert {"asi-arch-0001", "asi-arch-0002", "asi-arch-0003", "asi-arch-0005"} <= set(known)
    for document in everything(store)["experiments"].values():
        plain(document)
    if isinstance(row, dict) and row.get("index", 0) > 5:
        assert f"asi-arch-{row['index']:04d}" in known, "the node is kept without what made no sense"


BROKEN_RESULTS = [
    ({"index": 77}, "index 77 is no node"),
    (gallery_row(NODES[1]), "has its index 2 already"),
    (gallery_row(NODES[3], score=2.9), "its score is 2.9, but 0.5 in the tree"),
    (gallery_row(NODES[3], parameters="many"), "parameters 'many' is left out"),
    (gallery_row(NODES[3], result="{'train': "), "result"),
    (gallery_row(NODES[3], result="[1]"), "result '[1]' is left out"),
    (gallery_row(NODES[3], program=["code"]), "program ['code'] is left out"),
    (gallery_row(NODES[3], motivation="\udcff"), "motivation"),
    (gallery_row(NODES[3], result={"train": "no table"}), "its table 'no table' is left out"),
    (gallery_row(NODES[3], result={"train": 5}), "its table '5' is left out"),
    (gallery_row(NODES[3], result={"train": ",1,2\nx,3.0"}), "3 columns, but 2 cells"),
    (gallery_row(NODES[3], result={"train": ",1,last\nx,3.0,2.0"}), "'last' of its curve is left out"),
    (gallery_row(NODES[3], result={"test": ",piqa\nx,good"}), "the cell 'good' under 'piqa' is left out"),
    (gallery_row(NODES[3], result={"test": ",piqa\nx,-inf"}), "the cell '-inf' under 'piqa' is left out"),
    (gallery_row(NODES[3], result={"test": ",a.$b\nx,0.5"}), "the benchmark 'a.$b' is left out"),
    (7, "cannot be read"),
]


@pytest.mark.parametrize(("row", "why"), BROKEN_RESULTS, ids=[why for _, why in BROKEN_RESULTS])
def test_a_malformed_result_is_listed_and_costs_nobody_else(store: Store, tmp_path: Path, row: Any, why: str) -> None:
    release = read_release(write_clone(tmp_path, gallery=[*GALLERY, row]))
    assert why in " ".join(one.sentence for one in release.malformed)
    assert {(one.file, one.row) for one in release.malformed} == {("106.json", len(GALLERY) + 1)}
    import_release(store, release, "asi-arch")
    assert len(campaign_experiments(store, "asi-arch")) == len(NODES)
    second = get_experiment(store, "asi-arch-0002")
    assert get_text(store, second.code or "") == PROGRAM


def test_of_several_rows_of_a_table_the_design_s_own_is_taken(tmp_path: Path) -> None:
    both = table("delta_net_1", (1, 100), (11.0, 9.0)) + "\n" + "delta_net_2,10.0,8.0"
    gallery = [gallery_row(NODES[1], result={"train": both, "test": None})]
    two = next(one for one in read_release(write_clone(tmp_path, gallery=gallery)).nodes if one.result.index == 2)
    assert two.result.curve == ((1, 10.0), (100, 8.0))
    assert two.result.benchmarks == {}


def test_a_circle_is_opened_at_its_lowest_node() -> None:
    told: list[tuple[int, str]] = []
    paths = paths_of({9: 7, 7: 8, 8: 9, 3: 7, 4: None}, lambda node, why: told.append((node, why)))
    assert [node for node, _ in told] == [7]
    assert paths == {7: (), 9: (7,), 8: (7, 9), 3: (7,), 4: ()}


def test_a_long_chain_is_no_problem() -> None:
    paths = paths_of({index: index - 1 if index else None for index in range(3000)}, lambda *_: None)
    assert len(paths[2999]) == 2999


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "is not JSON"), ("3", "neither a list"), ("version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
     ("[" * 100_000, "is not JSON"), ('{"results": {}}', "neither a list")],
)  # fmt: skip
def test_a_file_that_is_no_list_is_named(tmp_path: Path, text: str, words: str) -> None:
    clone = write_clone(tmp_path)
    for file in (clone / "data" / "106.json", clone / "data" / "tree.json"):
        file.write_text(text)
        with pytest.raises(NotARelease, match=words) as told:
            read_release(clone)
        assert str(file) in str(told.value)


def test_a_path_without_a_release_is_refused_with_the_remedy(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(NotARelease, match="give a clone of"):
            read_release(path)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    clone = write_clone(tmp_path)
    (clone / "data" / "tree.json").write_bytes(b"\xff\xfe")
    with pytest.raises(NotARelease, match="UTF-8"):
        read_release(clone)


@published
def test_the_published_data_is_read_without_a_complaint() -> None:
    release = read_release(PUBLISHED)
    assert release.malformed == ()
    tree = {one["index"]: one for one in json.loads((PUBLISHED / "tree.json").read_text())["results"]}
    assert len(release.nodes) == len(tree) == 1772
    for one in release.nodes:
        row = tree[one.result.index]
        assert (one.score, one.path[-1] if one.path else None) == (row["score"], row["parent"])
    gallery = [one.result for one in release.nodes if one.result.gallery]
    assert len(gallery) == 106
    assert all(one.parameters and len(one.benchmarks) == 9 for one in gallery)
    assert [(one.index, len(one.curve_nan)) for one in gallery if one.curve_nan] == [(562, 17)]
    assert max(len(one.path) for one in release.nodes) == 11


@published
@pytest.mark.slow
def test_the_published_data_is_imported_once(store: Store) -> None:
    release = read_release(PUBLISHED)
    assert import_release(store, release, "asi-arch").added == 1772
    before = everything(store)
    assert import_release(store, release, "asi-arch").added == 0
    assert everything(store) == before
    assert len(descendants(store, get_experiment(store, "asi-arch-0001"))) == 1771
    for document in before["experiments"].values():
        plain(document)
