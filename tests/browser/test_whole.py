"""The figures of a report that scripts draw: the reader's axes and limits, and what the page saves by itself."""

import contextlib
import csv
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.image
import pytest

from archdb import Outline, Store, campaign_outlines, get_campaign
from evaluation import MEASURES, objectives_of
from flows.report import write_report
from tasks.limits import limit_of, meeting
from tasks.trade_offs import axes_of, unbeaten
from tests.flows.report_search import record_search

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pages")]


@pytest.fixture
def alone(store: Store, browser: "Browser", tmp_path: Path) -> Iterator["Page"]:
    """The page of a planted search, sent without the files beside it, in a browser that tells of any fault."""
    shutil.copy(write_report(store, record_search(store)), tmp_path / "sent.html")
    page, faults = browser.new_page(), list[str]()
    page.on("console", lambda told: faults.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.goto((tmp_path / "sent.html").as_uri())
    page.locator("#pareto svg").wait_for()
    yield page
    page.close()
    assert not faults


def cells(file: Path) -> list[list[str | float]]:
    """A CSV file with its numbers as numbers: 60.0 and 60 are the same."""

    def value(text: str) -> str | float:
        with contextlib.suppress(ValueError):
            return float(text)
        return text

    with file.open(newline="", encoding="utf-8") as stream:
        return [[value(one) for one in row] for row in csv.reader(stream)]


def scored_within(store: Store, limits: str = "") -> Sequence[Outline]:
    """The designs with a fitness that meet limits as a reader writes them."""
    scored = [one for one in campaign_outlines(store, "search") if one.fitness is not None]
    reference = next(one for one in scored if "reference" in one.tags)
    read = [limit_of(one, MEASURES) for one in limits.split(",")] if limits else []
    return meeting(scored, read, reference).designs


def front_of(designs: Sequence[Outline], *axes: str) -> set[str]:
    """Ids of the front that the command prints."""
    return {one.id for one, _ in unbeaten(designs, axes_of(axes, objectives_of("nano"), MEASURES)).members}


def test_limits_leave_the_designs_that_the_command_prints(alone: "Page", store: Store) -> None:
    scored = scored_within(store)
    told = alone.locator("#pareto .told")
    assert told.inner_text().startswith(f"{len(scored)} of {len(scored)} designs; ")
    for text in ("claimed_state_bytes_per_layer<=64kB", "state_bytes_per_layer <= 64KiB, decode_seconds<=1.1x"):
        alone.fill("#pareto [name=limits]", text)
        met = len(scored_within(store, text))
        assert 0 < met < len(scored)
        assert told.inner_text().startswith(f"{met} of {len(scored)} designs meet this; ")
        assert alone.locator("#pareto svg .point").count() == met
    alone.fill("#pareto [name=limits]", "weight<=3")
    assert told.inner_text() == "weight is not recorded of these designs."
    alone.fill("#pareto [name=limits]", "")
    alone.select_option("#pareto [name=across]", "decode_seconds")
    alone.select_option("#pareto [name=up]", "gain_recall_loss")
    front = front_of(scored, "decode_seconds", "recall_loss")
    assert f"; {len(front)} on the front." in told.inner_text()
    first = alone.locator("#pareto a:has(.best-of)").first
    first.focus()
    assert any(f"({name}): " in told.inner_text() for name in front)
    first.press("Enter")
    assert "#design-" in alone.url


def test_designs_at_the_same_place_are_on_the_front_together(alone: "Page", store: Store) -> None:
    alone.select_option("#pareto [name=across]", "decode_seconds")
    alone.select_option("#pareto [name=up]", "claimed_state_bytes_per_layer")
    text = "decode_seconds>=1ms, state_bytes_per_layer>=8KiB"
    alone.fill("#pareto [name=limits]", text)
    front = front_of(scored_within(store, text), "decode_seconds", "state_bytes_per_layer")
    assert front == {"search-gated_deltanet", "search-gla"}
    assert "; 2 on the front." in alone.locator("#pareto .told").inner_text()


def test_fitness_far_apart_above_the_reference_is_drawn(alone: "Page", store: Store) -> None:
    text = "decode_seconds>=1.37ms, decode_seconds<=1.42ms, state_bytes_per_layer>=100kB"
    values = [one.fitness or 0.0 for one in scored_within(store, text)]
    assert min(values) > 0
    assert max(values) > 30 * min(values), "where other axes have decades"
    alone.fill("#pareto [name=limits]", text)
    assert alone.locator("#pareto svg .point").count() == len(values)
    assert "0" in alone.locator("#pareto svg .tick").all_text_contents()


def test_numbers_and_pictures_are_saved_from_the_page_alone(alone: "Page", store: Store, tmp_path: Path) -> None:
    folder = write_report(store, get_campaign(store, "search")).parent
    for table in ("designs", "components", "provenance"):
        with alone.expect_download() as saved:
            alone.locator(f"#figures [data-csv={table}]").first.click()
        saved.value.save_as(tmp_path / saved.value.suggested_filename)
        assert cells(tmp_path / f"search-{table}.csv") == cells(folder / f"{table}.csv")
    for section in ("progress", "components", "pareto", "families"):
        with alone.expect_download() as saved:
            alone.locator(f"#{section} [data-png]").first.click()
        saved.value.save_as(tmp_path / f"{section}.png")
        picture = matplotlib.image.imread(tmp_path / f"{section}.png")
        assert picture.shape[1] == (920 if section == "components" else 1520)
        assert picture[..., :3].std() > 0.02, "something is drawn on the paper"
