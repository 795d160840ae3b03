"""The figures of a report that scripts draw: the reader's axes and limits, and what the page saves by itself."""

import contextlib
import csv
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.image
import pytest

from archdb import Store, campaign_outlines, get_campaign
from evaluation import MEASURES
from flows.report import write_report
from tasks.limits import limit_of, meeting
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


def test_limits_leave_the_designs_that_the_command_prints(alone: "Page", store: Store) -> None:
    scored = [one for one in campaign_outlines(store, "search") if one.fitness is not None]
    reference = next(one for one in scored if "reference" in one.tags)
    told = alone.locator("#pareto .told")
    assert told.inner_text().startswith(f"{len(scored)} of {len(scored)} designs; ")
    for text in ("claimed_state_bytes_per_layer<=64kB", "state_bytes_per_layer <= 64KiB, decode_seconds<=1.1x"):
        alone.fill("#pareto [name=limits]", text)
        limits = [limit_of(one, MEASURES) for one in text.split(",")]
        met = len(meeting(scored, limits, reference).designs)
        assert 0 < met < len(scored)
        assert told.inner_text().startswith(f"{met} of {len(scored)} designs meet this; ")
        assert alone.locator("#pareto svg .point").count() == met
    alone.fill("#pareto [name=limits]", "weight<=3")
    assert told.inner_text() == "weight is not recorded of these designs."
    alone.fill("#pareto [name=limits]", "")
    alone.select_option("#pareto [name=across]", "decode_seconds")
    alone.select_option("#pareto [name=up]", "gain_recall_loss")
    points = {one.id: (one.efficiency["decode_seconds"], -one.gains["recall_loss"]) for one in scored
              if "quadratic" not in one.tags}  # fmt: skip
    front = {
        name for name, own in points.items()
        if not any(other != own and other[0] <= own[0] and other[1] <= own[1] for other in points.values())
    }  # fmt: skip
    assert f"; {len(front)} on the front." in told.inner_text()
    first = alone.locator("#pareto a:has(.best-of)").first
    first.focus()
    assert any(f"({name}): " in told.inner_text() for name in front)
    first.press("Enter")
    assert "#design-" in alone.url


def test_numbers_and_pictures_are_saved_from_the_page_alone(alone: "Page", store: Store, tmp_path: Path) -> None:
    folder = write_report(store, get_campaign(store, "search")).parent
    for table in ("designs", "components", "provenance"):
        with alone.expect_download() as saved:
            alone.locator(f"#figures [data-csv={table}]").first.click()
        saved.value.save_as(tmp_path / saved.value.suggested_filename)
        assert cells(tmp_path / f"search-{table}.csv") == cells(folder / f"{table}.csv")
    for section in ("components", "pareto", "families"):
        with alone.expect_download() as saved:
            alone.locator(f"#{section} [data-png]").first.click()
        saved.value.save_as(tmp_path / f"{section}.png")
        picture = matplotlib.image.imread(tmp_path / f"{section}.png")
        assert picture.shape[1] == (920 if section == "components" else 1520)
        assert picture[..., :3].std() > 0.02, "something is drawn on the paper"
