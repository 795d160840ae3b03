"""The report of a campaign: what stands in it, that untrusted text stays text, and that it loads nothing."""

import io
import re
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.image
import pytest
from markupsafe import escape

from archdb import (
    Campaign,
    Failed,
    HomeUnusable,
    Proposed,
    Store,
    get_campaign,
    get_experiment,
    put_report,
    record_once,
)
from evaluation import Panel, fitness
from flows.report import write_report
from flows.report.gather import gather
from flows.report.tree import lay_out
from flows.report.whole.sources import sources_of
from flows.report.wording import anchor
from tasks.agents.protocols import Prediction, Proposal
from tests.flows.report_campaign import (
    CHANGED,
    HOSTILE,
    SCORES,
    Bench,
    a_campaign,
    record_lab,
    seed_baselines,
    store_of_module,
)

store = store_of_module


@pytest.fixture(scope="module")
def campaign(store: Store) -> Campaign:
    return record_lab(store)


class Page(HTMLParser):
    """What a browser would act on."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text, self.inside = "", ""
        self.raw: dict[str, list[str]] = {"script": [], "style": [], "packed": []}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self.inside = "packed" if dict(attrs).get("type") == "application/octet-stream" else tag

    def handle_data(self, data: str) -> None:
        if self.inside in self.raw:
            self.raw[self.inside].append(data)
        else:
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def all(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.tags if attribute in attributes]


@pytest.fixture(scope="module")
def index(store: Store, campaign: Campaign) -> Path:
    return write_report(store, campaign)


@pytest.fixture(scope="module")
def html(index: Path) -> str:
    return index.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def section(html: str, name: str) -> str:
    found = re.search(rf'<(section|article) id="{re.escape(name)}">.*?</\1>', html, re.DOTALL)
    assert found, name
    return found.group()


def test_every_section_is_there_and_every_link_leads_to_one(page: Page, index: Path) -> None:
    ids = page.all("id")
    assert {"leaderboard", "losses", "lineage", "progress", "learned", "failures", "method", "designs"} <= set(ids)
    assert len(ids) == len(set(ids))
    designs = [*(f"lab-{name}" for name in SCORES), "lab-c001", "lab-c002", "lab-c003"]
    assert {anchor(one) for one in designs} <= set(ids)
    inner = [href[1:] for href in page.all("href") if href.startswith("#")]
    assert set(inner) <= set(ids)
    assert index.is_absolute()
    beside = {href for href in page.all("href") if not href.startswith("#") and "://" not in href}
    assert {one.name for one in index.parent.iterdir()} == {"index.html"} | beside
    assert {"leaderboard.png", "lineage.png", "losses.png", "progress.png", "designs.csv", "losses.csv"} <= beside


def test_nothing_is_loaded_from_elsewhere(page: Page, html: str) -> None:
    assert {tag for tag, _ in page.tags}.isdisjoint(
        {"img", "link", "iframe", "object", "embed", "base", "form", "image", "use"}
    )
    assert not page.all("src") + page.all("srcset") + page.all("xlink:href")
    outer = [
        (tag, attributes["href"]) for tag, attributes in page.tags if not attributes.get("href", "#").startswith("#")
    ]
    assert outer
    assert all(tag == "a" and re.match(r"https?://|[a-z]+\.(csv|png)$", href) for tag, href in outer)
    assert "url(" not in "".join(page.raw["style"])
    assert "@import" not in html


def test_untrusted_text_stays_text(page: Page, html: str) -> None:
    assert len(page.raw["style"]) == len(page.raw["script"]) == 1
    assert not any("steal" in part for parts in page.raw.values() for part in parts)
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    (policy,) = [one for one in page.all("content") if "default-src 'none'" in one]
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert allowed.pop("img-src") == "data:", "what scripts draw from the page's own figures"
    assert all(value == "'none'" or value.startswith("'sha256-") for value in allowed.values())
    shown = str(escape(HOSTILE)).replace("\x1b", "\ufffd").replace("\u202e", "\ufffd")
    assert all(re.fullmatch(r"[A-Za-z0-9+/]+=*", part) for part in page.raw["packed"]), "nothing in them is markup"
    for name in ("leaderboard", "losses", "lineage", "learned", anchor("lab-c001")):
        assert shown.split("&gt;steal()")[0] in section(html, name), name
    assert html.count("steal()") > 10
    assert "\x1b" not in html
    assert "\u202e" not in html


def test_leaderboard_ranks_by_fitness_and_sets_the_reference_apart(html: str, store: Store) -> None:
    rows = re.findall(r"<tr.*?</tr>", section(html, "leaderboard"), re.DOTALL)[1:]
    order = [
        next(one for one in ("lab-c001", *(f"lab-{n}" for n in SCORES)) if f"#{anchor(one)}" in row) for row in rows
    ]
    fitnesses = [get_experiment(store, one).fitness or 0.0 for one in order]
    assert fitnesses == sorted(fitnesses, reverse=True)
    assert len(order) == 4
    first = {one: re.sub(r"<[^>]+>", "", row.split("</td>")[0]).strip() for one, row in zip(order, rows, strict=True)}
    assert first["lab-softmax_attention"] == "\N{EN DASH}"
    assert sorted(rank for rank in first.values() if rank.isdigit()) == ["1", "2", "3"]
    marked = [one for one, row in zip(order, rows, strict=True) if 'class="reference"' in row]
    assert marked == ["lab-gated_deltanet"]
    good = rows[order.index("lab-c001")]
    assert good.count("within noise") == 1, "recall moved by one standard deviation, text and copying by more than four"
    assert "139,876" in good


def test_a_design_shows_its_whole_story(html: str) -> None:
    found = section(html, anchor("lab-c001"))
    for words in (
        "https://arxiv.org/abs/2412.06464", "Gated Delta Networks", "Notes of a newcomer", "lab-c000/finding-0",
        "component, used",
        "Attempt 1", "rejected", "Attempt 2", "Mask it.", "40 cuts agree", "seccomp on (37 calls)", "0.8750",
        "run-lab-c001", "flow-7", "<strong>helped</strong>", "2,150,400 training tokens", "beyond noise",
    ):  # fmt: skip
        assert words in found, words
    assert '<span class="remove">-TAPS = 4' in found
    assert '<span class="add">+TAPS = 8' in found
    assert "The whole file" in section(html, anchor("lab-gated_deltanet"))
    assert "Seed 2" in section(html, anchor("lab-gated_deltanet"))


def test_efficiency_is_shown_beside_the_reference_and_says_whose_word_it_is(html: str) -> None:
    text = re.sub(r"<[^>]+>", "|", html)
    assert "Decoding, one token||0.00125||0.00125||s||measured" in text
    assert "Decoding state, one layer||10,496||10,496||bytes||the design&#39;s claim" in text


def test_failures_and_unfinished_designs_are_told(html: str) -> None:
    failures = section(html, "failures")
    assert "<strong>1</strong> too slow in gpu-train." in failures
    assert "It used 211 CPU-seconds." in failures
    assert "It used 211 CPU-seconds." in section(html, anchor("lab-c002"))
    assert "in gpu-train: recall, step 210 of 450" in section(html, "leaderboard")
    learned = section(html, "learned")
    assert learned.index("Copying got worse.") < learned.index("A fixed decay helped"), (
        "the stronger effect comes first"
    )
    assert "Sluggish failed." not in learned, "a failure's effect is a convention of the search, not a measurement"


def test_numbers_of_the_method_are_those_of_the_panel(store: Store, campaign: Campaign) -> None:
    contents = gather(store, campaign)
    scored = fitness(get_experiment(store, "lab-c001").objectives, Panel.model_validate(campaign.panel))
    assert {one.name: one.scale for one in contents.yardsticks} == pytest.approx(
        {name: gain.unit for name, gain in scored.gains.items()}
    )
    assert contents.cpu_seconds == pytest.approx(3 * 5 + 5 * 74 + 2 * 5 + 74 + 211)
    reference = contents.reference
    assert reference is not None
    assert reference.fitness == pytest.approx(0.0)


def test_figures_are_images_with_something_on_them(index: Path) -> None:
    for file in index.parent.glob("*.png"):
        pixels = matplotlib.image.imread(io.BytesIO(file.read_bytes()))
        assert min(pixels.shape[:2]) > 150, file.name
        assert pixels.std() > 0.01, file.name


def test_writing_again_replaces_the_files_and_leaves_no_drafts(store: Store, campaign: Campaign, index: Path) -> None:
    before, names = index.stat().st_ino, {one.name for one in index.parent.iterdir()}
    index.write_text("old")
    assert write_report(store, campaign) == index
    assert index.stat().st_ino != before
    assert "</html>" in index.read_text()
    assert {one.name for one in index.parent.iterdir()} == names


def test_an_empty_campaign_has_a_report(store: Store) -> None:
    index = write_report(store, a_campaign(store, "empty"))
    found = Page(index.read_text())
    assert "No design has been started yet." in found.text
    assert {"leaderboard", "designs"} <= set(found.all("id"))
    assert (index.parent / "losses.png").read_bytes().startswith(b"\x89PNG")


def test_a_campaign_with_only_failures_has_a_report(store: Store) -> None:
    campaign = a_campaign(store, "doomed")
    bench = Bench(store, "doomed-c001", campaign="doomed", name="Broken", cycle=1)
    crash = Failed(stage="compile-check", kind="crashed", message="It raised.")
    bench.stage("codegen", patch={"state": "failed", "failure": crash, "finished_at": 5.0})
    html = write_report(store, campaign).read_text()
    assert "It raised." in section(html, "failures")
    assert "No design has a fitness yet" in html


def test_predictions_stand_beside_what_came_of_them(store: Store, html: str) -> None:
    assert 'id="foresight"' not in html, "nobody predicted anything there"
    a_campaign(store, "seer")
    seed_baselines(store, "seer")
    parent = "seer-gated_deltanet"
    said = (Prediction(objective="recall_loss", change=0.5, confidence=0.75),)
    for number, name in enumerate(("seer-c001", "seer-c002"), 1):
        proposal = Proposal(name=name, motivation="", parents=(parent,), predictions=said)
        reply = put_report(store, "Proposal", 1, proposal.model_dump(mode="json"))
        record_once(store, Proposed(id=name, campaign="seer", name=name, parents=(parent,), reply=reply))
        one = Bench(store, name, campaign="seer", cycle=number)
        one.stage("sample", patch={"parents": [parent], "path": [parent]})
        one.write(CHANGED)
        one.check()
        one.evaluate([(2.40, (0.30, 1.40)[number - 1], 0.50)])
        one.close("seer")
    told = section(write_report(store, get_campaign(store, "seer")).read_text(), "foresight")
    assert "Too few to say: 2 of 30 predictions, 2 of 10 designs." in told
    assert "<td>0.7 to 0.8</td>" in told
    assert "50%" in told


def test_a_parent_in_another_campaign_is_compared_but_not_linked(store: Store, campaign: Campaign) -> None:
    fork = a_campaign(store, "fork")
    bench = Bench(store, "fork-c001", campaign="fork", cycle=1)
    bench.stage("sample", patch={"parents": ["lab-gated_deltanet", "gone-c009"], "path": ["lab-gated_deltanet"]})
    named = ["lab-gated_deltanet", "gone-c009", "gone-c009/finding-0", "arXiv:2501.00001", "decay=fixed"]
    bench.stage("propose", summary={"used": named})
    bench.write(CHANGED)
    design = gather(store, fork).designs[0]
    assert design.compared
    assert [one.kind for one in design.evidence] == ["experiment", "experiment", "finding", "paper", "component"]
    assert {one.kind for one in sources_of([design])} == {"finding", "paper"}
    assert [(one.text, one.href) for one in design.parents] == [("lab-gated_deltanet", ""), ("gone-c009", "")]
    assert [node.depth for node in lay_out([design])] == [0]


@pytest.mark.parametrize("name", ["../../out", "..", "a/b"])
def test_a_campaign_name_never_leads_out_of_the_reports(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    campaign = a_campaign(store, name)
    monkeypatch.setenv("ARCHLOOP_HOME", str(tmp_path))
    assert write_report(store, campaign).parent.parent == tmp_path / "reports"


def test_an_unusable_folder_is_named(
    store: Store, campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reports").write_text("a file in the way")
    monkeypatch.setenv("ARCHLOOP_HOME", str(tmp_path))
    with pytest.raises(HomeUnusable, match="set ARCHLOOP_HOME"):
        write_report(store, campaign)
