"""The report of 2,000 designs in a browser: how soon it can be used, and that its controls do what they say."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archdb import Experiment, campaign_experiments, open_store
from archdb.shared_server import detach
from flows.report import write_report
from flows.report.wording import anchor
from tests.browser.conftest import Look
from tests.conftest import forget_connections
from tests.flows.large_campaign import record_large
from tests.flows.report_campaign import HOSTILE, record_lab
from tests.laboratory import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pages")]
SIZE = 2000
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@dataclass(frozen=True)
class Written:
    """A report, and what is in it."""

    index: Path
    hostile: Path  # the report of a small campaign whose texts are markup and scripts
    designs: tuple[Experiment, ...]
    ablations: tuple[Experiment, ...]

    @property
    def best(self) -> Experiment:
        return max(self.designs, key=lambda one: -9.0 if one.fitness is None else one.fitness)


@pytest.fixture(scope="module")
def written(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    home = tmp_path_factory.mktemp("large") / "data"
    with pytest.MonkeyPatch.context() as patch:
        forget_connections()
        patch.setenv("ARCHLOOP_HOME", str(home))
        store = open_store()
        index = write_report(store, record_large(store, "large", SIZE))
        experiments = campaign_experiments(store, "large")
        yield Written(
            index,
            write_report(store, record_lab(store)),
            tuple(one for one in experiments if one.kind != "ablation"),
            tuple(one for one in experiments if one.kind == "ablation"),
        )
        forget_connections()
        detach(home / "store")


@pytest.fixture
def visit(look: Look, written: Written) -> Iterator["Page"]:
    """The report, once its tree is drawn. What a browser complains of or asks for fails the test."""
    page = look("about:blank")
    faults: list[str] = []
    page.on("console", lambda told: faults.append(told.text) if told.type in ("error", "warning") else None)
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.on("request", lambda request: None if request.url.startswith("file:") else faults.append(request.url))
    page.goto(written.index.as_uri())
    settle(page)
    yield page
    assert not faults


def settle(page: "Page") -> None:
    page.locator("[data-tree]").wait_for()
    page.evaluate(FRAMES)


def point_at_a_design(page: "Page", start: float = 0.3) -> tuple[float, float]:
    """Move the mouse over the tree until it says what is there."""
    canvas = page.locator("[data-tree] canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    for across in range(30):
        for down in range(30):
            at = box["x"] + box["width"] * (start + across / 60), box["y"] + box["height"] * (0.1 + down / 40)
            page.mouse.move(*at)
            page.evaluate(FRAMES)
            if page.locator("[data-tip]").is_visible():
                return at
    raise AssertionError("nothing in the tree says what it is")


def test_2000_designs_are_usable_within_three_seconds(visit: "Page", written: Written) -> None:
    ready = visit.evaluate(
        "performance.getEntriesByName('usable')[0].startTime"
    )  # milliseconds of the page's own clock
    assert ready < 3000
    assert written.index.stat().st_size < 8e6
    assert visit.locator("article").count() == 0, "no design is laid out before somebody asks for it"
    assert visit.locator("table.board tbody tr").count() == 100
    visit.get_by_role("button", name="Show all").click()
    scored = sum(one.fitness is not None for one in written.designs)
    assert scored > 1500
    visit.locator("table.board tbody tr").nth(scored - 1).wait_for()
    visit.get_by_text("The same as rows").click()
    visit.locator("#lineage svg .name").nth(len(written.designs) - 1).wait_for()


def test_links_open_designs_and_going_back_shows_the_last_one(visit: "Page", written: Written) -> None:
    lost = next(one for one in written.designs if one.failure)
    ablation = written.ablations[-1]
    visit.goto(f"{written.index.as_uri()}#{anchor(lost.id)}")  # within the page
    visit.locator(f"article#{anchor(lost.id)}").get_by_text("It used 211 CPU-seconds.").wait_for()
    visit.goto("about:blank")
    visit.goto(f"{written.index.as_uri()}#{anchor(ablation.id)}")  # from elsewhere, to a row within a design
    row = visit.locator(f"tr#{anchor(ablation.id)}")
    row.wait_for()
    assert row.evaluate(
        "(row) => { const at = row.getBoundingClientRect(); return at.top > 0 && at.bottom < innerHeight; }"
    )
    shown = visit.locator("article")
    assert shown.get_attribute("id") == anchor(ablation.parents[0])
    visit.locator("table.board tbody a").first.click()
    visit.locator(f"article#{anchor(written.best.id)}").wait_for()
    assert shown.count() == 1
    visit.locator("details.code summary").click()
    visit.go_back()
    visit.locator(f"tr#{anchor(ablation.id)}").wait_for()


def test_search_finds_ids_components_and_motivations(visit: "Page", written: Written) -> None:
    field, hits = visit.get_by_role("searchbox", name="Search designs"), visit.locator("#found li")
    rotary = [one for one in written.designs if one.components.get("position") == "rotary"]
    wanted = next(one for one in rotary if one.name != HOSTILE)
    visit.keyboard.press("/")
    visit.keyboard.type(wanted.id)
    hits.filter(has_text=wanted.name).first.wait_for()
    assert hits.count() == 1
    field.fill("number 1234 asks")  # of a motivation
    hits.filter(has_text="large-c1235").wait_for()
    assert hits.count() == 2, "and c1234, of which number 1233 asks"
    field.fill("position=rotary memory_rule=scan")
    both = [one for one in written.designs if {"rotary", "scan"} <= set(one.components.values())]
    visit.get_by_text(f"The best 30 of {len(both):,} designs").wait_for()
    visit.keyboard.press("Enter")
    visit.locator("article").wait_for()
    assert "rotary" in visit.locator("article").inner_text()
    assert not visit.locator("#found").is_visible()
    field.fill("<b>nothing</b>")
    visit.get_by_text("No designs").wait_for()


def test_the_leaderboard_is_filtered_and_sorted(visit: "Page", written: Written) -> None:
    rows = visit.locator("table.board tbody tr")
    visit.get_by_placeholder("name, id or component").fill("decay=bounded")
    bounded = [one for one in written.designs if one.fitness is not None and one.components.get("decay") == "bounded"]
    visit.locator("[data-count]", has_text=f"{len(bounded)} of ").wait_for()
    assert rows.count() == min(100, len(bounded))
    visit.locator("select[data-kind]").select_option("baseline")
    visit.locator("[data-count]", has_text="0 of ").wait_for()
    assert rows.count() == 0
    visit.get_by_placeholder("name, id or component").fill("")
    head = visit.locator("th", has_text="CPU-seconds")
    head.get_by_role("button").click()
    visit.locator('th[aria-sort="descending"]').wait_for()
    baselines = [one for one in written.designs if one.kind == "baseline"]
    dearest = max(baselines, key=lambda one: one.cpu_seconds)
    assert rows.count() == len(baselines)
    assert dearest.name in rows.first.inner_text()
    head.get_by_role("button").press("Enter")
    visit.locator('th[aria-sort="ascending"]').wait_for()
    assert dearest.name in rows.last.inner_text()


def test_the_tree_is_coloured_zoomed_and_opens_designs(visit: "Page", written: Written) -> None:
    from playwright.sync_api import expect

    drawn = "document.querySelector('[data-tree] canvas').toDataURL()"
    pictures = [visit.evaluate(drawn)]
    for measure in ("Gain in Text", "Parameters", "CPU-seconds", "Cycle"):
        visit.get_by_label("Colour").select_option(measure)
        visit.evaluate(FRAMES)
        pictures.append(visit.evaluate(drawn))
    visit.get_by_label("From left to right").select_option("by generation")
    visit.get_by_role("button", name="Zoom in").click()
    visit.evaluate(FRAMES)
    pictures.append(visit.evaluate(drawn))
    assert len(set(pictures)) == len(pictures)
    fingers = "getComputedStyle(document.querySelector('[data-tree] canvas')).touchAction"
    assert visit.evaluate(fingers) == "none", "they move what is zoomed"
    visit.get_by_role("button", name="Whole tree").click()
    assert visit.evaluate(fingers) == "pan-y", "they scroll the page"
    at = point_at_a_design(visit)
    told = visit.locator("[data-tip] strong").inner_text(), visit.locator("[data-tip] small").inner_text()
    one = next(one for one in written.designs if told[1].startswith(f"{one.id} "))
    assert told[0] == one.name
    article = visit.locator(f"article#{anchor(one.id)}")
    stood = visit.evaluate("scrollY")
    for _ in ("opened", "opened already"):
        visit.mouse.click(*at)
        expect(article).to_be_in_viewport(timeout=1000 * PATIENCE)
        visit.evaluate("(top) => scrollTo({ top, behavior: 'instant' })", stood)
        expect(article).not_to_be_in_viewport()
    visit.locator("[data-tree] canvas").focus()
    visit.keyboard.press("ArrowLeft")  # to its parent
    visit.evaluate(FRAMES)
    assert visit.locator("[data-tip] small").inner_text().startswith(f"{one.parents[0]} ")
    visit.keyboard.press("Enter")
    visit.locator(f"article#{anchor(one.parents[0])}").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_the_page_without_moving_it_sideways(visit: "Page", written: Written, scheme: str) -> None:
    visit.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    visit.set_viewport_size({"width": 390, "height": 844})
    visit.locator("table.board tbody a").first.click()
    visit.locator("article").wait_for()
    for summary in visit.locator("article summary").all():
        summary.click()
    visit.evaluate(FRAMES)
    assert visit.evaluate("document.documentElement.scrollWidth") == 390
    assert visit.locator("article").inner_text().startswith(written.best.name)


def test_on_paper_there_is_the_opened_design_and_no_control(visit: "Page", written: Written, tmp_path: Path) -> None:
    visit.emulate_media(color_scheme="dark")
    visit.locator("table.board tbody a").first.click()
    visit.locator("article").wait_for()
    visit.pdf(path=tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    visit.emulate_media(media="print", color_scheme="dark")
    for control in ("nav", "[data-find]", "[data-board]", "[data-more]", "[data-zoom=in]", "[data-across]", ".pager"):
        assert not visit.locator(control).first.is_visible(), control
    assert visit.locator("article").is_visible()
    assert visit.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_what_a_design_wrote_is_shown_and_never_run(visit: "Page", written: Written) -> None:
    visit.goto(written.hostile.as_uri())
    settle(visit)
    visit.keyboard.press("/")
    visit.keyboard.type("<script>steal()")
    hit = visit.locator("#found li a")
    hit.first.wait_for()
    shown = HOSTILE.split(" \x1b")[0]
    assert hit.first.inner_text().startswith(shown)
    visit.keyboard.press("Escape")
    point_at_a_design(visit, start=0.45)
    assert visit.locator("[data-tip] strong").inner_text().startswith(shown)
    visit.get_by_placeholder("name, id or component").fill("steal")
    visit.locator("[data-count]", has_text="1 of 4").wait_for()
    visit.goto(f"{written.hostile.as_uri()}#{anchor('lab-c002')}")
    assert visit.locator(f"article#{anchor('lab-c002')}").is_visible(), (
        "a small campaign's designs all stand in the page"
    )
    assert visit.locator("img").count() == 0


def test_what_a_design_wrote_stays_text_where_it_is_unpacked(visit: "Page", written: Written) -> None:
    tainted = next(one for one in written.designs if one.name == HOSTILE)
    visit.get_by_text("The same as rows").click()
    visit.locator("#lineage svg .name", has_text="<script>steal()").first.wait_for()
    visit.get_by_role("button", name="Show all").click()
    visit.locator("table.board a", has_text="<script>steal()").click()
    article = visit.locator(f"article#{anchor(tainted.id)}")
    article.wait_for()
    assert article.inner_text().count("<script>steal()") == 3, "its name, its motivation and a component"
    assert visit.locator("img").count() == 0


def test_without_scripts_the_page_says_what_it_lacks(browser: "Browser", written: Written) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(written.index.as_uri())
    said = [one.text_content() or "" for one in page.locator("noscript p").all() if one.is_visible()]
    assert sum("this browser runs none" in one for one in said) == 2
    assert page.locator("table.board tbody tr").count() == 100
    for control in ("[data-find]", "[data-board]", "[data-tree]"):
        assert not page.locator(control).is_visible(), control
    context.close()
