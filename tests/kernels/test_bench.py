"""The real bench in a process of its own, with tiny sizes: what it writes, and what it refuses before it starts."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from matplotlib.image import imread

from kernels.bench import __main__ as bench
from kernels.bench import chunks
from kernels.bench.cases import Shape, cases
from kernels.bench.roofline import Device, rooflines
from kernels.bench.timing import MOST, timed

TINY = ("--device", "cpu", "--budget", "0.01")


def test_a_tiny_run_writes_its_numbers_and_its_plot(tmp_path: Path) -> None:
    numbers, plot = tmp_path / "numbers.json", tmp_path / "plot.png"
    chosen = ("--op", "Gated DeltaNet", "--shape", "1,40,2,16", "--json", str(numbers), "--plot", str(plot))
    command = [sys.executable, "-m", "kernels.bench", *TINY, *chosen]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(numbers.read_text())
    assert [(row["op"], row["way"]) for row in found["rows"]] == [
        (name, way) for name in ("Gated DeltaNet", "softmax attention") for way in ("forward", "both")
    ]
    assert found["models"] == []
    for row in found["rows"]:
        assert row["shape"] == "B1 T40 H2 D16"
        assert 0 < row["low"] <= row["ours"] <= row["high"]
        assert row["roofline"] > 0
        assert (row["attention"] is None) == (row["op"] == "softmax attention")
        assert row["op"] in ended.stdout
    assert len(set(imread(plot).reshape(-1, 4).sum(1))) > 10


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--op", "typo"), "--op knows no 'typo', but these: linear attention; Mamba-2, RetNet; GLA; DeltaNet;"),
        (("--op", "l2_norm", "--plot", "plot.png"), "nothing is compared with l2_norm"),
        (("--shape", "1,2,3"), "'1,2,3' is not four positive numbers B,T,H,D"),
        (("--json", "no/such/folder/numbers.json"), "the folder of no/such/folder/numbers.json does not exist"),
    ],
    ids=lambda given: given[0] if isinstance(given, tuple) else "",
)
def test_misuse_ends_in_one_sentence_before_anything_is_timed(
    arguments: tuple[str, ...], reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", *TINY, *arguments])
    with pytest.raises(SystemExit) as ended:
        bench.main()
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert reason in told.err
    assert told.out == ""


def test_the_first_call_is_not_counted() -> None:
    calls: list[int] = []

    def slow_at_first() -> None:
        started = time.process_time()
        while not calls and time.process_time() < started + 0.2:
            pass
        calls.append(1)

    found = timed(slow_at_first, "cpu", 0.2)
    assert found.calls == MOST
    assert found.high < 0.2


def test_every_op_has_a_roofline_of_its_own_two_formulas() -> None:
    only_products = Device(bytes_per_second=1e30, flops_per_second=1.0)
    shape = Shape(2, 64, 2, 16)
    found = {case.name: rooflines(case, only_products) for case in cases(shape, "cpu", torch.float32)}
    assert all(forward <= both for forward, both in found.values())
    assert found["short_conv"] == (2 * 4 * 2 * 64 * 32, 6 * 4 * 2 * 64 * 32)  # 4 taps; backward twice forward
    assert found["KDA"][1] > 2 * found["KDA"][0] > 2 * found["GLA"][0] > 0


def test_chunk_sizes_are_compared(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(chunks, "LENGTH", 64)
    monkeypatch.setattr(chunks, "WIDTHS", (16, 64))
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    monkeypatch.setattr(sys, "argv", ["chunks", "--budget", "0.001"])
    chunks.main()
    _, header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["op", "D", "16", "32", "64"]
    assert len(rows) == 6 * len(chunks.WIDTHS)
    assert all(row.count("*") == 1 and row.count("<") >= 1 for row in rows)
