"""compile-check on real children: a right layer passes, and each seeded bug is rejected for its own reason."""

import re
from pathlib import Path

import pytest

from evaluation import CheckReport, check, plain_launch
from evaluation.checks import contract

HEAD = """
import torch
import torch.nn.functional as F
from torch import nn

class Candidate(nn.Module):
    def __init__(self, d_model, n_heads, **kwargs):
        super().__init__()
        self.inner = nn.Linear(d_model, d_model, bias=False)
        self.gain = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        h = self.inner(x)
"""

# A causal running mean, then the line under test.
RIGHT = "        return h.cumsum(1) / torch.arange(1, x.shape[1] + 1, dtype=x.dtype)[:, None] + self.gain * x\n"

BUGS = {
    "off_by_one": ("not_causal", "        return h + torch.roll(h, -1, 1)\n"),
    "behind_a_zero_gain": ("not_causal", "        return h + self.gain * torch.roll(h, -1, 1)\n"),
    "total_length": (
        "length_dependent",
        "        return h * torch.arange(x.shape[1], dtype=x.dtype)[:, None] / x.shape[1]\n",
    ),
    "long_only": ("not_causal", "        return h + (h.mean(1, keepdim=True) if x.shape[1] > 1000 else 0)\n"),
    "train_mode_only": ("not_causal", "        return h - h.mean(1, keepdim=True) if self.training else h\n"),
    "over_the_batch": ("mixes_samples", "        return h.cumsum(0)\n"),
    "not_a_number": ("non_finite", "        return h / (h - h)\n"),
    "infinite_gradient": ("non_finite", "        return h + (x - x).abs().sqrt()\n"),
    "wrong_shape": ("wrong_shape", "        return h[..., :-1]\n"),
    "tuple": ("wrong_shape", "        return h, None\n"),
    "raises": ("crashed", "        return h @ h\n"),
    "ends_the_process": ("reaches_out", "        torch.os._exit(0)\n"),
}


def run(source: str, folder: Path) -> CheckReport:
    return check(source, "tiny", folder, plain_launch)


def test_right_layer_passes_with_evidence(tmp_path: Path) -> None:
    report = run(HEAD + RIGHT, tmp_path)
    assert report.failure is None
    assert {verdict.verdict for verdict in report.verdicts} == {"pass"}
    assert [verdict.property for verdict in report.verdicts] == [
        "contract",
        "shapes",
        "finite",
        "batch",
        "causality",
        "length",
        "complexity",
        "overwrites",
        "decoding",
        "parameters",
        "gradients",
        "repeatable",
        "checkpoint",
        "range",
        "auxiliary",
    ]
    assert report.mixer_parameters == 32 * 32 + 1
    assert abs(report.parameters / report.reference_parameters - 1) <= 0.02
    assert report.mlp_hidden > 0
    assert report.cpu_seconds > 0
    assert "unsandboxed" in report.sandbox["sandbox"]
    assert list(tmp_path.iterdir()) == []  # nothing is left for a later child to find


@pytest.mark.parametrize("bug", ["off_by_one", "behind_a_zero_gain", "not_a_number", "wrong_shape", "raises"])
def test_seeded_bug_is_rejected_for_its_reason(bug: str, tmp_path: Path) -> None:
    kind, line = BUGS[bug]
    failure = run(HEAD + line, tmp_path).failure
    assert failure is not None
    assert failure.kind == kind
    assert failure.message
    assert failure.remedy
    if kind == "crashed":
        assert "candidate.py line 14" in failure.message


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_every_seeded_bug(bug: str, tmp_path: Path) -> None:
    kind, line = BUGS[bug]
    failure = run(HEAD + line, tmp_path).failure
    assert failure is not None
    assert failure.kind == kind, failure.message


def test_centred_convolution_is_not_causal(tmp_path: Path) -> None:

    line = (
        "        return F.conv1d(h.mT, torch.ones(h.shape[2], 1, 3, dtype=x.dtype), padding=1, groups=h.shape[2]).mT\n"
    )
    report = run(HEAD + line, tmp_path)
    assert report.failure is not None
    assert report.failure.kind == "not_causal"
    assert next(v.verdict for v in report.verdicts if v.property == "causality") == "fail"


def test_too_large_a_mixer_is_refused_with_the_numbers(tmp_path: Path) -> None:
    source = (
        HEAD.replace("d_model, d_model, bias", "d_model, 20 * d_model, bias") + "        return h[..., : x.shape[-1]]\n"
    )
    failure = run(source, tmp_path).failure
    assert failure is not None
    assert failure.kind == "too_many_parameters"
    assert str(20 * 32 * 32 + 1) in failure.message


def test_drift_and_idle_parameters_are_warnings(tmp_path: Path) -> None:
    source = HEAD + "        self.calls = getattr(self, 'calls', 0) + 1\n        return h * self.calls\n"
    report = run(source, tmp_path)
    assert report.failure is None
    assert {v.property for v in report.verdicts if v.verdict == "warn"} == {"repeatable", "gradients", "checkpoint"}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("class Candidate(:\n", "not valid Python"),
        ("import torch\n", "no class named Candidate"),
        ("import os\nclass Candidate: pass\n", "imports 'os'"),
        ("from torchvision import x\nclass Candidate: pass\n", "imports 'torchvision'"),
        ("x = " + "(" * 5000, "parse|not valid"),
        ("#" * 300_000, "characters"),
    ],
)
def test_contract_is_read_without_running(source: str, words: str) -> None:
    verdict, failure = contract.judge(source)
    assert failure is not None
    assert failure.kind == "no_candidate"
    assert re.search(words, failure.message)
    assert verdict.verdict == "fail"


def test_file_that_raises_on_import_has_no_candidate(tmp_path: Path) -> None:
    report = run("import torch\nclass Candidate(torch.nn.Module):\n    x = 1 / 0\n", tmp_path)
    assert report.failure is not None
    assert report.failure.kind == "no_candidate"
    assert "ZeroDivisionError" in report.failure.message
    assert "line 3" in report.failure.message
