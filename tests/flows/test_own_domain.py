"""The worked example of another domain, docs/examples/update_rules, through the same flows; domains that are none."""

import sys
from pathlib import Path

import pytest

from archdb import Store, campaign_experiments, get_report
from tests.laboratory import Lab

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
RUN = ("run", "-c", "rules", "--scale", "tiny", "--domain", "update_rules", "--provider", "domain")
RAISES = "def update(gradient, state, share):\n    return gradient / 0 if share else missing\n"
LIES = "def update(gradient, state, share):\n    print('loss 0.0')\n    return -gradient\n"
KEEPS = "kept = []\n\n\ndef update(gradient, state, share):\n    kept.append(1)\n    return -gradient / len(kept)\n"
GROWS = "def update(gradient, state, share):\n    return 1e5 * gradient\n"
LEAPS = "def update(gradient, state, share):\n    return gradient - gradient + 1e200 * (share > 0.98)\n"  # at last


@pytest.fixture
def examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The examples can be imported, here and in commands."""
    monkeypatch.setenv("ARCHLOOP_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", f"{EXAMPLES.parents[1]}:{EXAMPLES}")
    monkeypatch.setattr(sys, "path", [*sys.path, str(EXAMPLES)])


@pytest.mark.slow
@pytest.mark.xdist_group("lab")
@pytest.mark.usefixtures("examples")
def test_a_campaign_optimises_update_rules(lab: Lab, lab_store: Store, tmp_path: Path) -> None:
    ended = lab.run(*RUN, "--cycles", "3")
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert "best baseline, " in ended.stdout
    designs = campaign_experiments(lab_store, "rules")
    assert sorted(one.name for one in designs if one.kind == "baseline") == ["adam", "momentum", "sgd", "signum"]
    scored = [one for one in designs if one.kind == "candidate" and one.fitness is not None]
    assert scored
    for one in scored:
        assert set(one.objectives) == {"waves_loss", "ring_loss", "uneven_loss"} == set(one.gains)
        assert set(one.components) == {"clip", "direction", "scaling", "rate", "schedule"}
        assert one.parents
        checked = one.stage("compile-check")
        assert checked is not None
        assert checked.report is not None
        assert get_report(lab_store, checked.report)["body"]["sandbox"]["seccomp"].startswith("on")
    from tasks import tracking

    told = tracking.client().get_run(scored[0].mlflow_run or "").data
    assert told.params["slot.direction"] == scored[0].components["direction"]
    assert "mlp_hidden" not in told.params
    assert told.metrics["eval/waves_loss"] == scored[0].objectives["waves_loss"]
    report = (lab.folder / "reports" / "rules" / "index.html").read_text()
    assert "it is told gradients, and gives steps" in report
    for foreign in ("sub-quadratic", "softmax", "training tokens", "optimiser"):
        assert foreign not in report
    assert "go on with --domain update_rules" in lab.run("run", "-c", "rules", "--scale", "tiny").stderr
    assert lab.run(*RUN, "--cycles", "4").returncode == 0
    file = str(tmp_path / "rules.jsonl.gz")
    assert lab.run("dossier", "export", "rules", file).returncode == 0
    again = lab.run("dossier", "verify", file, "--domain", "update_rules")
    assert "all agrees" in again.stdout, again.stdout


@pytest.mark.usefixtures("examples")
def test_rules_that_raise_or_lie_or_remember_are_refused(tmp_path: Path) -> None:
    from tasks.domain import domain_of
    from tasks.sandbox.jail import jail

    rules = domain_of("update_rules")
    for source, kind in ((RAISES, "crashed"), (LIES, "invalid_output"), (KEEPS, "mixes_samples"), ("(", "crashed")):
        failure = rules.check(source, "tiny", tmp_path, jail()).failure
        assert failure is not None
        assert failure.kind == kind
    for grows in (GROWS, LEAPS):
        assert rules.check(grows, "tiny", tmp_path, jail()).failure is None
        failure = rules.train(grows, "tiny", 0, 0, tmp_path, jail(), None, None).failure
        assert failure is not None
        assert failure.kind == "diverged"
        assert not (tmp_path / "weights.safetensors").exists()


@pytest.mark.usefixtures("examples")
def test_what_a_rule_is_scored_on_is_drawn_from_a_key_that_it_cannot_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.domain import domain_of
    from tasks.sandbox.jail import jail

    rules = domain_of("update_rules")
    held = rules.corpus().holdout
    assert held == rules.corpus().holdout
    looks = f"open({str(tmp_path / 'data' / 'update-rules.key')!r})\n{GROWS}"
    failure = rules.check(looks, "tiny", tmp_path / "work", jail()).failure
    assert failure is not None
    assert failure.kind == "crashed"
    assert "update-rules.key" in failure.message
    monkeypatch.setenv("ARCHLOOP_HOME", str(tmp_path / "elsewhere"))
    assert rules.corpus().holdout != held


@pytest.mark.usefixtures("examples")
def test_a_domain_and_a_provider_have_to_fit() -> None:
    from flows.promote import larger
    from flows.settings import campaign_record

    refused = {
        ("nowhere", "grammar"): "cannot be imported (No module named 'nowhere')",
        ("json", "grammar"): "lacks objectives_of",
        ("evaluation", "domain"): "brings no provider of its own",
        ("update_rules", "grammar"): "use the one that it brings, with --provider domain",
    }
    for (domain, provider), told in refused.items():
        with pytest.raises(ValueError, match="domain") as fault:
            campaign_record("x", 1, "tiny", provider, 0, domain)
        assert told in str(fault.value)
    record = campaign_record("x", 1, "tiny", "domain", 0, "update_rules")
    assert record.dataset.startswith("update-rules-1 ")
    above = larger(record, "nano")
    assert (above.domain, above.provider) == ("update_rules", "domain")


def test_a_module_that_raises_when_it_is_imported_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.domain import domain_of

    (tmp_path / "broken_domain.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r"broken_domain cannot be imported \(ZeroDivisionError"):
        domain_of("broken_domain")
