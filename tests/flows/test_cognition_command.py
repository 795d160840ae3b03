"""``archloop cognition`` and its bench, as a person calls them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from archdb import Store
from flows.cli import app
from flows.cli.asked import Refused

PAPER = """
id = "notes-1"
title = "Quagga gates"
year = 2026
authors = "Nobody"
problem = "Gates that look at the state alone leak whatever the key says of it, which was not known."
mechanism = "Let the gate see the key: g_t = sigmoid(w . k_t), S_t = g_t S_{t-1} + k_t v_t^T, for every head."
helps_when = "Quagga recall falls although plain recall holds, at every number of keys that was tried."
implement = "decay = logsigmoid(w(k)) of shape [B, T, H], given to chunk_linear together with the key."
pitfalls = "None that anybody knows."
topics = ["gating"]
"""


def call(*words: str) -> str:
    result = CliRunner().invoke(app, ["cognition", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_paper_of_ones_own_is_added_found_and_replaced(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "quagga.toml"
    file.write_text(PAPER)
    assert "1 new, 0 changed, 0 as they were" in call("add", str(file))
    assert "0 new, 0 changed, 1 as they were" in call("add", str(tmp_path))
    told = call("search", "quagga recall falls", "--limit", "1")
    assert "Quagga gates" in told
    assert "number 1 by words (quagga, recall, falls)" in told
    file.write_text(PAPER.replace("Quagga recall", "Zebra recall"))
    assert json.loads(call("add", str(file), "--json"))["changed"] == ["notes-1"]
    (hit,) = json.loads(call("search", "zebra", "--limit", "1", "--json"))
    assert hit["id"] == "notes-1"
    assert call("search", "zebra", "--among", "findings").startswith("Nothing fits")


def test_what_cannot_be_added_is_said_and_the_rest_is_added(store: Store, tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(PAPER)
    (tmp_path / "bad.toml").write_text(PAPER.replace("year = 2026", 'year = "soon"'))
    told = call("add", str(tmp_path))
    assert "1 new" in told
    assert "Left out: bad.toml: field year" in " ".join(told.split())
    with pytest.raises(Refused, match=r"bad\.toml: field year"):
        call("add", str(tmp_path / "bad.toml"))
    with pytest.raises(Refused, match=r"There is no .*nowhere: name a file or a folder"):
        call("add", str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match=r"There is no \.toml or \.json file in"):
        call("add", str(tmp_path / "empty"))


@pytest.mark.slow
def test_the_retrieval_bar_is_measured_three_ways(store: Store, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["bench", "retrieval", "--into", str(tmp_path)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    kept = json.loads((tmp_path / "retrieval.json").read_text())
    rows = {(one["half"], one["way"]): one for one in kept["rows"]}
    assert len(rows) == 6
    for one in rows.values():
        assert len(one["places"]) == one["questions"] == (150 if one["half"] == "tuning" else 30)
        assert one["hit@1"] <= one["hit@3"] <= one["hit@5"] <= 1
        assert one["hit@3"] == sum(place is not None and place <= 3 for place in one["places"]) / one["questions"]
        assert one["hit@3 as first written"] <= one["hit@3"]
    assert rows["tuning", "fused"]["hit@3"] >= 0.93, "what was tuned has become worse"
    assert rows["kept-apart", "fused"]["hit@3"] >= 0.85, "far below the bar"
