"""compile-check on files in ASI-Arch's form: the mask path and cached decoding are properties of their own."""

from pathlib import Path

import pytest

from evaluation import CheckReport, check, plain_launch

DESIGNS = Path(__file__).with_name("designs")


def run(name: str, folder: Path) -> CheckReport:
    return check((DESIGNS / f"{name}.py").read_text("utf-8"), "nano", folder, plain_launch)


@pytest.mark.parametrize(
    ("name", "warned"),
    [
        ("packed_delta", set()),
        ("scheduled_floor", {"repeatable", "checkpoint", "auxiliary", "mask", "cache"}),
        ("plain_tensor", {"range", "mask", "cache"}),
    ],
)
def test_a_design_in_the_published_form(name: str, warned: set[str], tmp_path: Path) -> None:
    report = run(name, tmp_path)
    assert report.failure is None
    assert {verdict.property for verdict in report.verdicts if verdict.verdict == "warn"} == warned
    assert {"mask", "cache"} <= {verdict.property for verdict in report.verdicts}
    assert report.mlp_hidden > 0


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("half_inside", "crashed", "casts to a half type inside"),
        ("missing_operation", "no_candidate", "fla.ops.nsa is not provided"),
        ("token_loop", "superlinear", "elements written, backward"),
    ],
)
def test_a_design_that_is_rejected_with_its_reason(name: str, kind: str, words: str, tmp_path: Path) -> None:
    failure = run(name, tmp_path).failure
    assert failure is not None
    assert failure.kind == kind
    assert words in failure.message
