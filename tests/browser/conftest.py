"""A laboratory that `archloop up` runs, with a finished campaign, and a browser for a person's eyes.

Without playwright or a Chromium these tests are skipped, and say why. ARCHLOOP_CHROMIUM names a browser that is not on
the PATH. Screenshots are kept in tests/browser/screenshots, which git ignores.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archdb import Store, open_store
from tests.conftest import forget_connections
from tests.laboratory import CYCLES, PATIENCE, Lab
from tests.laboratory_up import Up

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCREENSHOTS = Path(__file__).parent / "screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
Look = Callable[[str], "Page"]


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install '.[browser]'"
    )
    program = os.environ.get("ARCHLOOP_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on the PATH, and ARCHLOOP_CHROMIUM names none")
    asked = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=asked, timeout=1000 * PATIENCE)
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def up(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`archloop up`, and the campaign ``t`` in its laboratory."""
    folder = tmp_path_factory.mktemp("pages") / "data"
    folder.mkdir()
    started = Up(folder)
    try:
        started.wait_until_ready()
        done = Lab(folder, started.api).run("run", "--scale", "tiny", "--cycles", str(CYCLES), "--campaign", "t")
        assert done.returncode == 0, done.stderr[-3000:]
        yield started
    finally:
        started.stop()


@pytest.fixture
def its_store(up: Up, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The laboratory's store, opened in this process."""
    forget_connections()
    monkeypatch.setenv("ARCHLOOP_HOME", str(up.folder))
    yield open_store()
    forget_connections()


@pytest.fixture
def look(browser: "Browser", request: pytest.FixtureRequest) -> Iterator[Look]:
    """Visit an address. What the page looked like at the test's end is kept as a picture."""
    page = browser.new_page(viewport={"width": 1400, "height": 1800})
    page.set_default_timeout(1000 * PATIENCE)

    def visit(address: str) -> "Page":
        page.goto(address)
        return page

    yield visit
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{request.node.name}.png", full_page=True)
    page.close()
