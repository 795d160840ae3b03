"""The command that imports ASI-Arch's release, and everything that looks at the campaign it makes."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from archdb import Campaign, Conflict, Store, create_experiment, get_campaign, open_campaign, set_fields
from flows.cli import app
from flows.report import write_report
from flows.report.imported import ImportedContents, Published
from flows.report.imported_drawings import draw_tree
from flows.report.wording import anchor
from tests.archdb.asi_arch_release import (
    GALLERY,
    NODES,
    PROGRAM,
    PUBLISHED,
    WHY_NOT,
    gallery_row,
    node,
    write_clone,
    write_numbers,
)
from tests.flows.report_campaign import packed_in
from tests.flows.test_refusals import archloop, assert_one_sentence
from tests.flows.test_report import Page, section

Told = Callable[..., str]
HOSTILE = "</style><script>steal()</script><img src=x onerror=steal()>"


@pytest.fixture
def told(store: Store, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Run a command on the store and return what it printed."""
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments: object) -> str:
        done = CliRunner().invoke(app, [str(one) for one in arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.stdout

    return run


def test_the_import_says_what_there_is_and_what_is_missing(told: Told, tmp_path: Path) -> None:
    clone = write_clone(tmp_path)
    text = told("import", "asi-arch", clone)
    for words in (
        "asi-arch: 4 designs, 2 of them in the gallery, with 2 loss curves, 2 rows of benchmarks and 2 programs.",
        "4 designs were added and 0 completed; 0 were there already.",
        "2 designs with neither program, curve nor benchmark results",
        "1 design with losses that were published as nan",
        "lam_ppl",
        "Malformed rows: none.",
        "compare with no fitness of this laboratory",
        "--parents-from asi-arch",
    ):
        assert words in text, words
    assert "0 designs were added and 0 completed; 4 were there already." in told("import", "asi-arch", clone)


def test_a_copy_without_texts_says_how_to_get_them(told: Told, tmp_path: Path) -> None:
    text = told("import", "asi-arch", write_numbers(tmp_path), "--campaign", "numbers")
    assert "Programs, motivations, summaries: 0 of 2." in text
    assert "import a clone of github.com/GAIR-NLP/ASI-Arch under the same name" in text
    assert "--parents-from" not in text, "there is no program to start from"
    assert "No gallery file" in told("import", "asi-arch", write_clone(tmp_path / "tree", gallery=None), "-c", "tree")


def test_malformed_rows_are_listed_up_to_twenty(told: Told, tmp_path: Path) -> None:
    broken = [node(100 + index, 1, "high") for index in range(25)]
    clone = write_clone(tmp_path, [*NODES, *broken])
    text = told("import", "asi-arch", clone)
    assert "Malformed rows: 50." in text, "a score that is left out, and none"
    assert "tree.json, row 5: score 'high' is left out" in text
    assert text.count("tree.json, row") == 20
    assert "and 30 more: --json lists all." in text
    found = json.loads(told("import", "asi-arch", clone, "--json"))
    assert len(found["malformed"]) == 50
    assert found["counts"] | {"nodes": 29, "scores": 4, "programs": 2} == found["counts"]
    assert found["added"] == 0


def test_a_path_that_holds_nothing_is_one_sentence(tmp_path: Path) -> None:
    refused = archloop("import", "asi-arch", "nowhere", home=tmp_path / "d")
    assert refused.returncode == 1
    assert_one_sentence(refused, "nowhere holds no tree.json", "give a clone of")


def test_every_view_says_that_the_scores_are_not_ours(told: Told, tmp_path: Path) -> None:
    told("import", "asi-arch", write_clone(tmp_path))
    ranking = told("leaderboard", "-c", "asi-arch")
    assert "ASI-Arch scores of asi-arch (imported)" in ranking
    assert re.findall(r"Net-\d", ranking) == ["Net-3", "Net-2", "Net-1", "Net-5"]
    for text in (ranking, told("status", "-c", "asi-arch", "--watch"), told("show", "3", "-c", "asi-arch")):
        assert "compare with no fitness" in text
        assert "fitness  " not in text
    rows = json.loads(told("leaderboard", "-c", "asi-arch", "--json"))
    assert [one["fitness"] for one in rows] == [None] * 4
    assert rows[0]["objectives"] == {"asi_arch_score": 2.5}
    assert "compare with no fitness" in rows[0]["scores"]
    assert len(json.loads(told("status", "-c", "asi-arch", "--json"))["experiments"]) == 4


def test_one_design_is_shown_with_all_that_was_published(told: Told, tmp_path: Path) -> None:
    told("import", "asi-arch", write_clone(tmp_path))
    text = told("show", "asi-arch-0003")
    for words in ("2.5000 of 3", "delta_net_3", "474.9M", "2 times, from step 100", "piqa (accuracy)", "0.7500",
                  "nan as published", "Why it may help", "Summary", "class DeltaNet", "# another"):  # fmt: skip
        assert words in text, words
    assert json.loads(told("show", "5", "-c", "asi-arch", "--json"))["code"] is None


def test_lineage_and_difference(told: Told, tmp_path: Path) -> None:
    told("import", "asi-arch", write_clone(tmp_path))
    lines = told("lineage", "2", "-c", "asi-arch").splitlines()
    found = [re.findall(r"asi-arch-\d+", line)[0] for line in lines]
    assert found == [f"asi-arch-{one:04d}" for one in (1, 2, 3, 5)]  # the last is a sibling
    assert "ASI-Arch score 2.250" in lines[1]
    assert "+# another" in told("diff", "3", "-c", "asi-arch")
    from flows.cli.asked import Refused

    with pytest.raises(Refused, match="asi-arch-0001 was imported without a program"):
        told("diff", "2", "-c", "asi-arch")


def test_nothing_runs_in_an_imported_campaign(store: Store, told: Told, tmp_path: Path) -> None:
    told("import", "asi-arch", write_clone(tmp_path))
    from flows.cli.run import checked_settings
    from flows.joining import join

    with pytest.raises(Conflict, match="asi-arch was imported"):
        open_campaign(store, checked_settings("asi-arch", 1, "nano", "grammar", 0))
    with pytest.raises(Conflict, match="nothing runs in it"):
        join("asi-arch")


def test_parents_are_only_taken_from_imported_campaigns_that_have_programs(
    store: Store, told: Told, tmp_path: Path
) -> None:
    from archdb import NotFound
    from flows.imported_parents import check_parents_from

    told("import", "asi-arch", write_clone(tmp_path / "clone"))
    told("import", "asi-arch", write_numbers(tmp_path / "numbers"), "-c", "numbers")
    open_campaign(store, Campaign(id="mine", scale="nano", provider="grammar", cycles=1))
    check_parents_from(store, "")
    check_parents_from(store, "asi-arch")
    with pytest.raises(NotFound, match="import it first with `archloop import asi-arch PATH --campaign gone`"):
        check_parents_from(store, "gone")
    with pytest.raises(Conflict, match="mine was not imported"):
        check_parents_from(store, "mine")
    with pytest.raises(Conflict, match="No design of numbers has both a score and a program"):
        check_parents_from(store, "numbers")


def test_where_parents_come_from_is_fixed_when_a_campaign_starts(store: Store) -> None:
    plain = Campaign(id="plain", scale="nano", provider="grammar", cycles=1)
    drawing = plain.model_copy(update={"id": "drawing", "parents_from": "asi-arch"})
    open_campaign(store, plain)
    open_campaign(store, drawing)
    with pytest.raises(Conflict, match="parents from itself alone, not from asi-arch too"):
        open_campaign(store, plain.model_copy(update={"parents_from": "asi-arch"}))
    assert open_campaign(store, drawing.model_copy(update={"parents_from": ""})).parents_from == "asi-arch"


def test_the_report_of_an_imported_campaign(store: Store, told: Told, tmp_path: Path) -> None:
    extra = node(6, 3, 2.9, name_new=HOSTILE)
    rows = [*GALLERY, gallery_row(extra, motivation=f"# Big {HOSTILE}", program=PROGRAM + f"# {HOSTILE}\n")]
    told("import", "asi-arch", write_clone(tmp_path, [*NODES, extra], rows))
    open_campaign(store, Campaign(id="mine", scale="nano", provider="grammar", cycles=1, parents_from="asi-arch"))
    child = create_experiment(store, "mine-c001", campaign="mine", kind="candidate", name="Child", cycle=1)
    set_fields(store, child.id, parents=["asi-arch-0003"], path=["asi-arch-0001", "asi-arch-0002", "asi-arch-0003"])
    index = Path(told("report", "-c", "asi-arch").strip())
    assert [one.name for one in index.parent.iterdir()] == ["index.html"]
    html = index.read_text()
    page = Page(html)
    ids = page.all("id")
    assert len(ids) == len(set(ids))
    assert {href[1:] for href in page.all("href") if href.startswith("#")} <= set(ids)
    assert {tag for tag, _ in page.tags}.isdisjoint({"img", "link", "iframe", "object", "form"})
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert len(page.raw["script"]) == 1
    assert "compare with no fitness" in page.text
    assert "Fitness" not in page.text
    ranked = re.findall(r'href="#(design-asi-arch-\d+)"', section(html, "ranking"))
    assert ranked == [anchor(f"asi-arch-{one:04d}") for one in (6, 3, 2, 1, 5)]
    assert "2 designs have neither program, curve nor benchmark results." in section(html, "missing")
    third = section(html, anchor("asi-arch-0003"))
    for words in ("delta_net_3", "<strong>Why</strong>", "class DeltaNet", "mine-c001 Child", "474,880,000"):
        assert words in third, words
    assert "steal()" in section(html, anchor("asi-arch-0006"))
    assert "0.6250" in section(html, "benchmarks")
    assert section(html, "lineage").count("<details open>") == 3, "the way to the best is open"
    known = packed_in(html)["columns"]
    assert [known["anchor"][place] for place in known["ranking"]] == ranked
    assert [one["key"] for one in known["measures"]] == ["score", "cycle", "parameters", "accuracy"], "and no fitness"


def test_the_report_of_a_tree_alone(store: Store, told: Told, tmp_path: Path) -> None:
    told("import", "asi-arch", write_clone(tmp_path, gallery=None), "-c", "tree")
    html = write_report(store, get_campaign(store, "tree")).read_text()
    assert "No curve was published in this copy." in html
    assert "This copy of the release has no design with results." in html
    open_campaign(store, Campaign(id="empty", scale="asi-arch", provider="x", cycles=0, ranked_by="asi_arch_score"))
    assert "No design with a score" in write_report(store, get_campaign(store, "empty")).read_text()


def test_a_tree_may_be_as_deep_as_it_likes() -> None:
    chain = tuple(
        Published(
            id=f"n{index}", anchor=f"n{index}", name="x", number=index, generation=index,
            parent=f"n{index - 1}" if index else None, children=1, rank=1, score=1.0, gallery=False, benchmarks={},
        )
        for index in range(3000)
    )  # fmt: skip
    record = Campaign(id="deep", scale="asi-arch", provider="x", cycles=0, ranked_by="asi_arch_score")
    html = draw_tree(ImportedContents(campaign=record, written_at=0.0, designs=chain))
    assert html.count("<details") == html.count("</details>") == 2999


@pytest.mark.slow
@pytest.mark.skipif(not PUBLISHED.is_dir(), reason=WHY_NOT)
def test_the_published_data_can_be_browsed(told: Told) -> None:
    text = told("import", "asi-arch", PUBLISHED)
    assert "1,772 designs, 106 of them in the gallery, with 106 loss curves, 106 rows of benchmarks and 0" in text
    assert "1,666 designs with neither program, curve nor benchmark results" in text
    html = Path(told("report", "-c", "asi-arch").strip()).read_text()
    assert len(re.findall(r"<article ", html)) == 106
    assert len(html) < 3_000_000
    assert "AdaptiveRetentionNet" in told("leaderboard", "-c", "asi-arch", "--limit", "1")


def test_the_scaling_of_an_imported_search_is_told_and_drawn(told: Told, tmp_path: Path) -> None:
    told("import", "asi-arch", write_clone(tmp_path))
    picture = tmp_path / "scaling.png"
    text = " ".join(told("scaling", "asi-arch", "--plot", picture).split())
    assert "asi-arch: 2 designs that ASI-Arch published as better than its baseline" in text
    assert "Of its compute only the total was published (20,000 GPU-hours)" in text
    assert "Too few to compare laws: 5 are needed." in text
    assert "Where scores flatten is not told for fewer than 30 of them." in text
    assert picture.read_bytes().startswith(b"\x89PNG")
    found = json.loads(told("scaling", "asi-arch", "--what", "records", "--plot", picture, "--json"))
    assert (found["what"], found["discovery"]["discoveries"]) == ("records", len(found["moments"]))
