"""A real campaign whose cycles improve imported programs, through the command line."""

import json
import random
from pathlib import Path

import pytest

from archdb import Store, campaign_experiments, get_text
from tasks.sample import IMPORTED_SHARE
from tests.archdb.asi_arch_release import PROGRAM, write_clone
from tests.laboratory import Lab

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("lab")]
CYCLES = 2


def seed_that_draws_one() -> int:
    """The first seed of a campaign whose first cycle improves an imported design."""
    return next(seed for seed in range(100) if random.Random(f"{seed}/1/sample").random() < IMPORTED_SHARE)


def test_a_campaign_improves_imported_programs(lab: Lab, lab_store: Store, tmp_path: Path) -> None:
    assert lab.run("import", "asi-arch", str(write_clone(tmp_path))).returncode == 0
    settings = ("--scale", "tiny", "-c", "p", "--seed", str(seed_that_draws_one()), "--cycles", str(CYCLES))
    done = lab.run("run", *settings, "--parents-from", "asi-arch")
    assert done.returncode == 0, done.stderr[-3000:]
    experiments = campaign_experiments(lab_store, "p")
    assert not [one for one in experiments if one.kind == "imported"]
    first = next(one for one in experiments if one.cycle == 1)
    assert first.state == "done", first.failure
    assert first.fitness is not None
    assert first.parents[0] in ("asi-arch-0002", "asi-arch-0003")
    assert first.parents[1].startswith("p-")
    assert "the grammar has no words for its program" in get_text(lab_store, first.motivation or "")

    lineage = lab.run("lineage", "1", "-c", "p").stdout
    assert "asi-arch-0001" in lineage
    assert "ASI-Arch score" in lineage
    assert first.id in lab.run("lineage", first.parents[0]).stdout, "the imported parent shows its child"
    assert f"--- {first.parents[0]}" in lab.run("diff", "1", "-c", "p").stdout
    assert first.parents[0] in (lab.folder / "reports" / "p" / "index.html").read_text()
    assert first.id in Path(lab.run("report", "-c", "asi-arch").stdout.strip()).read_text()
    ranked = json.loads(lab.run("leaderboard", "-c", "p", "--json").stdout)
    assert {one["kind"] for one in ranked} == {"baseline", "candidate"}

    again = lab.run("run", *settings)
    assert again.returncode == 0, again.stderr[-3000:]
    assert campaign_experiments(lab_store, "p") == experiments
    refused = lab.run("run", *settings, "--parents-from", "p")
    assert "p was not imported" in refused.stderr
    for command in (("evaluate", "asi-arch-0002"), ("verify", "asi-arch-0002")):
        assert "nothing runs in it" in lab.run(*command, "-c", "asi-arch").stderr
    assert "asi-arch was imported" in lab.run("run", "-c", "asi-arch").stderr


def test_an_imported_program_is_checked_and_evaluated_by_its_id(lab: Lab, lab_store: Store, tmp_path: Path) -> None:
    assert lab.run("import", "asi-arch", str(write_clone(tmp_path))).returncode == 0
    checked = lab.run("check", "asi-arch-0002", "--scale", "tiny")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "asi-arch-0002 may be trained" in checked.stdout
    bare = lab.run("check", "asi-arch-0001", "--scale", "tiny")
    assert bare.returncode == 1
    assert "recorded without a program" in bare.stderr
    assert "No experiment is called asi-arch-9999" in lab.run("check", "asi-arch-9999").stderr
    told = json.loads(lab.run("evaluate", "asi-arch-0002", "-c", "e", "--scale", "tiny", "--json").stdout)
    assert told["state"] == "done"
    assert (told["kind"], told["name"]) == ("external", "asi-arch-0002")
    assert told["fitness"] is not None
    (one,) = [one for one in campaign_experiments(lab_store, "e") if one.kind == "external"]
    assert get_text(lab_store, one.code or "") == PROGRAM
