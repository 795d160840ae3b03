"""The parts of the report on their own: layout, order, numbers and Markdown."""

import io
import re

import matplotlib.image
import pytest

from archdb import Campaign, Finding
from evaluation import objectives_of, scale
from flows.report.axes import linear, tick_label
from flows.report.contents import Ablation, Contents, Design, Failure, Link, Score, Slot, Yardstick
from flows.report.drawings import draw_losses
from flows.report.figures import draw_figures
from flows.report.gather import progress, ranked, without_superseded
from flows.report.markdown import render_markdown
from flows.report.series import Line, lines_by_task, visible_losses
from flows.report.tree import lay_out
from flows.report.whole import Whole, tables_of
from flows.report.whole.contents import KnockOut
from flows.report.wording import amount, anchor, number, places, signed
from flows.report.write import render_page
from tests.flows.report_campaign import HOSTILE, packed_in


def a_design(number: int, **fields: object) -> Design:
    values = {"id": f"c{number}", "anchor": f"a{number}", "name": f"N{number}", "kind": "candidate", "state": "done",
              "reference": False, "quadratic": False, "cycle": number} | fields  # fmt: skip
    return Design.model_validate(values)


def test_lineage_of_200_designs_gives_each_its_own_row_below_its_parent() -> None:
    designs = [a_design(n, parent=f"c{(n * 7) % n}" if n > 4 else None, fitness=n / 100) for n in range(200)]
    nodes = lay_out(designs)
    assert [node.row for node in nodes] == list(range(200))
    assert {node.design.id for node in nodes} == {one.id for one in designs}
    for node in nodes:
        above = None if node.parent is None else nodes[node.parent]
        assert (above.design.id if above else None) == node.design.parent
        assert node.depth == (above.depth + 1 if above else 0)
        assert above is None or above.row < node.row


def a_campaign_of(size: int, **fields: object) -> Contents:
    curves = {"text": tuple((step, 2.0 + 1 / step) for step in range(1, 400))}
    common = {"cpu_seconds": 9.0, "curves": curves} | fields
    designs = ranked(
        [
            a_design(n, parent=f"c{n // 3}" if n else None, fitness=1 / (n + 1), finished_at=float(n), **common)
            for n in range(size)
        ]
    )
    return Contents(
        campaign=Campaign(id="big", scale="nano", provider="grammar", cycles=size),
        written_at=0.0,
        yardsticks=(),
        designs=tuple(designs),
        lessons=(),
        superseded=0,
        kinds_of_failure=(),
        progress=progress(designs),
        fitness_places=3,
    )


def page_of(contents: Contents, **whole: object) -> str:
    told = Whole.model_validate(whole)
    return render_page(contents, told, tables_of(contents, told))


def test_the_page_of_200_designs_shows_the_best_and_packs_the_rest() -> None:
    contents = a_campaign_of(200)
    written = {"name": HOSTILE, "motivation": HOSTILE, "slots": (Slot(name="decay", choice=HOSTILE),)}
    last = a_design(199, fitness=0.0, **written)
    html = page_of(contents.model_copy(update={"designs": (*contents.designs[:-1], last)}))
    packed = packed_in(html)
    assert "<article" not in html
    columns = packed["columns"]
    assert columns["anchor"] == [f"a{n}" for n in range(200)]
    for n in range(200):  # each is where the page's script looks for it
        assert f'<article id="a{n}">' in packed[f"designs-{n // columns['chunk']}"][f"a{n}"]
    assert packed["lineage"].count('class="name"') == 200
    assert packed["leaderboard"].count("<tr>") == 100, "behind the best hundred, which the page shows"
    section = packed[f"designs-{199 // columns['chunk']}"]["a199"]
    for markup, times in ((section, 3), (packed["leaderboard"], 1), (packed["lineage"], 1)):
        assert markup.count("&lt;script&gt;steal()") >= times
        assert "<script" not in markup
        assert "<img" not in markup
    assert html.count('class="line ') == 65, "the best five and the sixty behind them"
    assert len(html) < 300_000


def test_where_the_first_rows_are_all_the_page_offers_no_more() -> None:
    html = page_of(a_campaign_of(80))
    assert "designs-0" in packed_in(html)
    assert "leaderboard" not in packed_in(html)
    assert "a script would show the others" not in html
    assert "a script would show the others" in page_of(a_campaign_of(101))


def test_what_is_cut_says_so_and_where_the_rest_is() -> None:
    lost = KnockOut(
        design=Link(text="N1"), experiment="c1-less", component="decay", difference=0.1, low=None, high=None, seeds=1
    )
    few, many = (page_of(a_campaign_of(2), knock_outs=(lost,) * size) for size in (24, 70))
    assert "ablations.csv has all" not in few
    assert "These are the first 24 of 70; ablations.csv has all." in many, "the drawing"
    assert "These are the first 60 of 70; ablations.csv has all." in many, "the table"


def test_a_small_campaign_reads_without_a_script() -> None:
    html = page_of(a_campaign_of(20))
    assert set(packed_in(html)) == {"columns", "searched", "table-designs"}, "what tree, search and saving need"
    assert html.count("<article") == html.count('class="name"') == 20
    assert "<noscript>" not in html


def test_what_the_script_knows_is_what_the_page_says() -> None:
    hostile = "</script><b>c1</b>"
    lost = {"failure": Failure(stage="gpu-train", kind="too_slow", message="", remedy=""), "fitness": None}
    less = Ablation(id="c1-less", anchor="less", component="decay", parameters=None, cpu_seconds=1.0)
    designs = ranked(
        [
            a_design(0, fitness=0.25, reference=True, scores={"loss": Score(value=2.0, gain=0.0, normalised=0.0)}),
            a_design(1, fitness=0.5, parent="c0", name=hostile, ablations=(less,), motivation="keeps\n more",
                     scores={"loss": Score(value=1.0, gain=1.0, normalised=2.0)}, parameters=7),
            a_design(2, parent="c1", **lost),
            a_design(3, parent="elsewhere-9"),
        ]
    )  # fmt: skip
    contents = a_campaign_of(0).model_copy(
        update={
            "designs": tuple(designs),
            "yardsticks": (Yardstick(name="loss", title="Loss", unit="nats", better="lower"),),
        }
    )
    html = page_of(contents)
    packed = packed_in(html)
    known = packed["columns"]
    assert known["name"][1] == hostile
    assert hostile not in html
    assert known["parent"] == [-1, 0, 1, -1]
    assert known["order"] == [0, 1, 2, 3], "parents come before their children"
    assert known["ranking"] == [1, 0]
    assert known["mark"] == ["", "", "failed: too slow in gpu-train", "unfinished"]
    assert known["inside"] == {"less": 1}, "a link to an ablation opens its design"
    values = {one["key"]: one["values"] for one in known["measures"]}
    assert values["gain loss"] == [0.0, 2.0, None, None]
    assert values["parameters"] == [None, 7, None, None]
    assert packed["searched"]["motivation"] == ["", "keeps more", "", ""]


def test_every_task_of_a_large_scale_is_drawn_under_its_title() -> None:
    tasks = [plan.task for plan in scale("micro").tasks]
    design = a_design(1, curves=dict.fromkeys(reversed([*tasks, "unheard"]), ((1, 3.0), (2, 2.0))), fitness=0.1)
    yardsticks = tuple(
        Yardstick(name=name, title=one.title, unit=one.unit, better=one.better, task=one.task)
        for name, one in objectives_of("micro").items()
    )
    contents = Contents(
        campaign=Campaign(id="wide", scale="micro", provider="grammar", cycles=1),
        written_at=0.0,
        yardsticks=yardsticks,
        designs=(design,),
        lessons=(),
        superseded=0,
        kinds_of_failure=(),
        progress=(),
        fitness_places=3,
    )
    assert len(tasks) == len(yardsticks) > 4
    assert list(lines_by_task(contents)) == [*tasks, "unheard"]
    titles = [one.title for one in yardsticks]
    assert [title for title, _ in draw_losses(contents)] == [*titles, "unheard"]
    html = page_of(contents)
    assert all(f"<figcaption>{title}</figcaption>" in html for title in titles)
    high, wide, _ = matplotlib.image.imread(io.BytesIO(draw_figures(contents)["losses.png"])).shape
    assert wide <= 3000, "four side by side"
    assert high >= 3 * 600


def test_progress_counts_compute_in_order_and_ignores_what_is_not_the_bar() -> None:
    designs = [
        a_design(1, fitness=-0.5, finished_at=2.0, cpu_seconds=10.0),
        a_design(2, fitness=0.9, finished_at=1.0, cpu_seconds=5.0, quadratic=True),
        a_design(3, finished_at=3.0, cpu_seconds=7.0),
        a_design(4, fitness=0.1, finished_at=4.0, cpu_seconds=1.0),
        a_design(5, state="open"),
    ]
    found = [(point.design.id, point.cpu_seconds, point.best) for point in progress(designs)]
    assert found == [("c2", 5.0, None), ("c1", 15.0, -0.5), ("c3", 22.0, -0.5), ("c4", 23.0, 0.1)]
    assert [one.rank for one in ranked(designs)] == [2, None, None, 1, None]


def test_a_population_finding_gives_way_to_one_on_more_designs() -> None:
    def finding(name: str, *evidence: str) -> Finding:
        return Finding(id=name, campaign="x", text=name, evidence=evidence, components=("decay=fixed",))

    pair, early, late = finding("pair", "a", "b"), finding("early", "a", "b", "c"), finding("late", "a", "b", "c", "d")
    assert without_superseded([pair, early, late]) == [pair, late]


def test_numbers_are_written_alike_and_tell_values_apart() -> None:
    assert places([0.5, 0.5, 0.1 + 0.2, 0.3], 2) == 2
    assert places([0.1234, 0.1233], 2) == 4
    assert (signed(-0.0001), signed(0.25), signed(-3.0, 1), number(None)) == (
        "0.00",
        "+0.25",
        "\N{MINUS SIGN}3.0",
        "\N{EN DASH}",
    )
    assert number(1234567) == "1,234,567"
    assert (amount(1234567.2), amount(0.0012345), amount(-0.25), amount(None)) == (
        "1,234,567",
        "0.00123",
        "\N{MINUS SIGN}0.25",
        "\N{EN DASH}",
    )
    assert anchor("a/b c") != anchor("a_2f_b c")
    assert not re.search(r"\s|/", anchor("a/b c"))


def test_markdown_is_rendered_without_html_images_or_odd_links() -> None:
    found = render_markdown(
        "# T\n\n**b** <b>raw</b> [j](javascript:x) [d](data:image/png;base64,x) [f](file.html) [o](https://o.example) ![i](https://i/x)"
    )
    assert "<h5>T</h5>" in found
    assert "<strong>b</strong>" in found
    assert "&lt;b&gt;raw" in found
    assert re.findall(r'href="([^"]*)"', found) == ["https://o.example", "https://i/x"]
    assert "<img" not in found


def test_a_forged_curve_cannot_stretch_the_axis_of_the_others() -> None:
    def line(role: str, *losses: float) -> Line:
        points = tuple(enumerate(losses, start=1))
        return Line.model_validate({"design": a_design(1), "role": role, "place": 0, "points": points})

    honest = line("reference", 5.0, 0.5)
    assert max(visible_losses([honest, line("top", 1e30, 0.2, -4.0)])) == 5.0
    assert min(visible_losses([honest, line("top", 1e30, 0.2, -4.0)])) == 0.05
    assert visible_losses([line("top", 3.0)]) == [3.0]


@pytest.mark.parametrize("high", [1e-6, 0.3, 1.0, 7.0, 1234.5, 1e9])
def test_ticks_are_few_round_and_inside(high: float) -> None:
    axis = linear([0.0, high], 10.0, 110.0)
    ticks = axis.ticks()
    assert 3 <= len(ticks) <= 6
    assert all(axis.low <= tick <= axis.high for tick in ticks)
    said = [float(tick_label(tick, ticks).replace(",", "").replace("\N{MINUS SIGN}", "-")) for tick in ticks]
    assert said == pytest.approx(ticks)
    assert (axis.at(axis.low), axis.at(axis.high), axis.at(-1e12), axis.at(1e12)) == (10.0, 110.0, 10.0, 110.0)
