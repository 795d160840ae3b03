"""What the report says of a campaign as a whole: the store's own numbers, in words, drawings, CSV and JSON."""

import csv
import re
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import matplotlib.image
import pytest

from archdb import Campaign, Store, campaign_outlines, get_campaign
from evaluation import objectives_of
from flows.report import write_report
from flows.report.whole.curves import corners
from flows.report.wording import signed
from tasks.discoveries import search_of
from tasks.families import families_of
from tasks.peers import EFFECTS_EACH, component_effects
from tasks.population_effects import certain_effects, effects_among, effects_of
from tests.flows.report_campaign import (
    PARENT,
    Bench,
    a_campaign,
    packed_in,
    record_lab,
    seed_baselines,
    store_of_module,
)
from tests.flows.report_search import HOSTILE, PAPERS, record_search, stored

store = store_of_module


@pytest.fixture(scope="module")
def campaign(store: Store) -> Campaign:
    return record_search(store)


@pytest.fixture(scope="module")
def folder(store: Store, campaign: Campaign) -> Path:
    return write_report(store, campaign).parent


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


def section(html: str, name: str) -> str:
    found = re.search(rf'<section id="{name}">.*?</section>', html, re.DOTALL)
    assert found, name
    return found.group()


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_planted_effect_is_drawn_and_told(store: Store, campaign: Campaign, html: str, folder: Path) -> None:
    found = effects_of(store, campaign)
    top = found["recall_loss"].marginal[0]
    assert (top.choices, top.certain) == (("decay=fixed",), True)
    told = section(html, "components")
    assert f"{signed(top.effect)} ({signed(top.low)} to {signed(top.high)})" in told
    assert told.count('class="estimate certain') >= 3, "on recall, on fitness, and the knock-out"
    both = (*found["recall_loss"].marginal, *found["recall_loss"].pairwise)
    assert f"{sum(one.certain for one in both)} of {len(both)} effects are certain" in told
    assert "Nothing is certain in text, selective copying" in told
    kept = [one for one in rows(folder, "components") if one["objective"] == "recall_loss"]
    effects = [*found["recall_loss"].marginal, *found["recall_loss"].pairwise]
    assert [(one["choice"], float(one["effect"]), float(one["low"])) for one in kept] == [
        (one.choices[0], one.effect, one.low) for one in effects
    ]
    assert rows(folder, "ablations")[0]["worth"] == "0.4"
    assert "+0.40 (+0.10 to +0.70)" in told


def test_the_researcher_is_told_of_it_from_whole_groups_of_designs(store: Store, campaign: Campaign) -> None:
    known = sorted((one for one in campaign_outlines(store, campaign.id) if one.cycle), key=lambda one: one.cycle or 0)
    candidates = [one for one in known if one.kind == "candidate"]
    assert len(candidates) % EFFECTS_EACH
    objectives = objectives_of(campaign.scale)
    told = component_effects(store, campaign.id, objectives)
    assert (told[0].choices, told[0].objective) == (("decay=fixed",), "recall_loss")
    whole = candidates[: len(candidates) // EFFECTS_EACH * EFFECTS_EACH]
    assert told == certain_effects(effects_among(whole, objectives))
    assert told != certain_effects(effects_among(candidates, objectives)), "those after the last whole group wait"


def test_families_are_compared(store: Store, campaign: Campaign, html: str, folder: Path) -> None:
    found = families_of(store, campaign)
    assert {one.name for one in found.families} == {"gated_deltanet", "gla"}
    told = section(html, "families")
    assert "The search was to start from gated_deltanet, gla." in told
    for one in found.families:
        assert f"{one.rate:.3g} <small>{one.rate_low:.3g} to {one.rate_high:.3g}</small>" in told
        assert signed(one.best, 3) in told
        curve = [(float(row["cpu_hours"]), float(row["best_so_far"])) for row in rows(folder, "families")
                 if row["root"] == one.root]  # fmt: skip
        assert tuple(curve) == one.curve


def test_the_table_of_designs_has_the_store_s_numbers(store: Store, campaign: Campaign, folder: Path) -> None:
    kept = rows(folder, "designs")
    assert len(kept) == len([one for one in campaign_outlines(store, campaign.id) if one.kind != "ablation"])
    for row in kept:
        one = stored(store, row["id"])
        assert row["fitness"] == ("" if one.fitness is None else repr(one.fitness))
        assert {name: row[f"gain_{name}"] for name in one.gains} == {k: repr(v) for k, v in one.gains.items()}
        if one.fitness is not None:
            assert {name: float(row[name]) for name in one.efficiency} == one.efficiency
        assert float(row["cpu_seconds"]) == one.cpu_seconds
        assert row["parent"] == (one.parents[0] if one.parents else "")
        assert row["failure"] == (one.failure.kind if one.failure else "")
    best = [float(row["best_until_then"]) for row in sorted(kept, key=lambda row: int(row["ended_as"])) if
            row["best_until_then"]]  # fmt: skip
    assert all(later >= earlier for earlier, later in pairwise(best))
    assert stored(store, "c001").name == HOSTILE
    assert [row["name"] for row in kept if row["id"] == "search-c001"] == [f"'{HOSTILE}"], "no formula"


def test_discoveries_are_drawn_with_the_sentences_of_the_command(
    store: Store, campaign: Campaign, html: str, folder: Path
) -> None:
    search, told = search_of(store, campaign), section(html, "scaling")
    assert f"{len(search.moments)} screened designs above the best baseline that has a rank" in told
    assert "expected until C" in told
    assert [float(one["CPU-hours"]) for one in rows(folder, "scaling")] == sorted(search.moments)


def test_what_was_read_is_told_with_what_it_led_to(store: Store, campaign: Campaign, folder: Path, html: str) -> None:
    designs = [one for one in campaign_outlines(store, campaign.id) if one.kind == "candidate"]
    kept = {one["id"]: one for one in rows(folder, "provenance")}
    assert set(kept) == set(PAPERS)
    for place, paper in enumerate(PAPERS):
        using = [one for one in designs if (one.cycle or 0) % 2 == place]
        scored = [one for one in using if one.fitness is not None]
        steps = [(one.fitness or 0.0) - (stored(store, one.parents[0]).fitness or 0.0) for one in scored]
        row = kept[paper]
        assert (int(row["shown"]), int(row["used"]), int(row["scored"])) == (len(designs), len(using), len(scored))
        assert float(row["mean_step"]) == pytest.approx(fmean(steps))
        assert float(row["best_fitness"]) == max(one.fitness or -9.0 for one in scored)
    better = max(kept.values(), key=lambda row: float(row["mean_step"]))
    assert section(html, "provenance").index(better["title"]) == min(
        section(html, "provenance").index(row["title"]) for row in kept.values()
    )


def test_failures_are_counted(folder: Path, html: str) -> None:
    assert rows(folder, "failures") == [{"stage": "gpu-train", "kind": "too_slow", "designs": "12"}]
    assert "too slow in gpu-train" in section(html, "failures")


def test_the_page_carries_the_tables(folder: Path, html: str) -> None:
    carried = {name: table for name, table in packed_in(html).items() if name.startswith("table-")}
    assert {"table-designs", "table-components", "table-provenance"} <= set(carried)
    for name, table in carried.items():
        kept = rows(folder, name.removeprefix("table-"))
        assert list(kept[0]) == table["columns"]
        assert len(kept) == len(table["rows"])
    named = carried["table-designs"]
    assert HOSTILE in [row[named["columns"].index("name")] for row in named["rows"]]


def test_every_linked_file_is_there_and_every_picture_shows_something(folder: Path, html: str) -> None:
    linked = set(re.findall(r'href="([a-z]+\.(?:csv|png))"', html))
    assert linked == {one.name for one in folder.iterdir()} - {"index.html"}
    for name in ("components", "families", "scaling", "pareto", "failures", "ablations"):
        picture = matplotlib.image.imread(folder / f"{name}.png")
        assert picture.std() > 0.02, name


def test_a_figure_of_no_discovery_is_listed_without_numbers(store: Store) -> None:
    a_campaign(store, "dull")
    seed_baselines(store, "dull")
    worse = Bench(store, "dull-c001", campaign="dull", cycle=1)
    worse.write(PARENT)
    worse.check()
    worse.evaluate([(2.9, 2.9, 2.1)])
    worse.close("dull")
    index = write_report(store, get_campaign(store, "dull"))
    pictures = {one.name for one in index.parent.glob("*.png")}
    assert "scaling.png" in pictures
    assert not (index.parent / "scaling.csv").exists()
    listed = section(index.read_text(encoding="utf-8"), "figures")
    assert set(re.findall(r'href="([a-z]+\.png)"', listed)) == pictures


def test_where_nothing_can_be_said_the_page_says_why(store: Store) -> None:
    html = write_report(store, record_lab(store)).read_text(encoding="utf-8")
    assert "0 parents have more than one child, and 8 are needed." in section(html, "components")
    assert "No component has been knocked out" in section(html, "components")


def test_a_staircase_keeps_its_steps_and_its_end() -> None:
    curve = [(float(at), float(at // 100)) for at in range(1000)]
    assert corners(curve) == [(100.0 * step, float(step)) for step in range(10)] + [(999.0, 9.0)]
    assert len(corners([(float(at), float(at)) for at in range(5000)])) <= 401


def test_objectives_are_titled(html: str) -> None:
    for one in objectives_of("nano").values():
        assert f"Gain: {one.title}" in section(html, "pareto")
