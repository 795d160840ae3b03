"""A campaign on a model is exported, and run again from its cassette alone."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from archdb import Store, get_budget, get_campaign, list_running
from archdb.audit import check_chain, check_records
from archdb.copies import find_cassette
from tests.flows.recorded import ANSWERS, CYCLES, DOMAIN, NAME, at_home, environment, record, story
from tests.laboratory import Lab

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("lab")]  # they share one laboratory
REPLAY = ("run", "--provider", "replay", "--domain", DOMAIN, "--cassette")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Path:
    """The data folder of the recorded campaign."""
    folder = tmp_path_factory.mktemp("recorded") / "data"
    assert record(folder, lab) == len(ANSWERS)
    return folder


@pytest.fixture(scope="module")
def cassette(home: Path, lab: Lab) -> Path:
    file = home.with_name("rec.jsonl.gz")
    told = archloop(home, lab, "cassette", "export", NAME, str(file))
    assert told.returncode == 0, told.stderr[-3000:]
    assert f"{CYCLES} cycles, {len(ANSWERS) - 1} model calls" in told.stdout
    return file


def archloop(folder: Path, lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        lab.command(*arguments), env=environment(folder, lab), cwd=folder.parent, capture_output=True, text=True,
        timeout=400, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def assert_sound(store: Store, name: str) -> None:
    """It cost nothing, and its records agree with the event log."""
    spent = get_budget(store, name).spent
    assert not any(spent.values()), spent
    walk = check_chain(store)
    assert walk.faults + check_records(store, walk, name).faults == []


def test_the_recorded_campaign_has_a_repair_failures_and_findings(home: Path, lab: Lab) -> None:
    with at_home(home, lab) as store:
        first, second, third, fourth, ablation = story(store, NAME)[-CYCLES - 1 :]
    assert (first["attempt"], first["state"]) == (1, "done")
    assert first["stages"]["compile-check:0"][1]["kind"] == "not_causal"
    assert (second["failure"]["stage"], second["failure"]["kind"]) == ("propose", "wrong_schema")
    assert (third["failure"]["stage"], third["failure"]["kind"]) == ("codegen", "edits_failed")
    assert fourth["state"] == "done"
    assert (ablation["id"], ablation["state"]) == ("@-c004-without-squash", "done")
    assert len(ablation["findings"]) == 1
    assert [len(one["findings"]) for one in (first, second, third, fourth)] == [1, 0, 0, 2]
    assert "@-c001/finding-0" in fourth["stages"]["propose:0"][0]["retrieved"]


@pytest.mark.parametrize("name", [NAME, "two"])
def test_a_replay_repeats_every_design_and_decision(
    home: Path, lab: Lab, cassette: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "data"
    named = () if name == NAME else ("--name", name)
    told = archloop(folder, lab, *REPLAY, str(cassette), *named, "--json")
    assert told.returncode == 0, told.stderr[-3000:]
    replay = json.loads(told.stdout)["replay"]
    assert replay["divergent"] == replay["not_recorded"] == replay["evaluated"] == []
    assert (replay["calls"], replay["unasked"]) == (len(ANSWERS) - 1, 0)
    assert "prompts are as recorded" in told.stderr
    with at_home(home, lab) as store:
        recorded = story(store, NAME)
    with at_home(folder, lab) as store:
        for one, other in zip(recorded, story(store, name), strict=True):
            assert other == one
        assert_sound(store, name)
        assert find_cassette(store, get_campaign(store, name).cassette).campaign == NAME
    again = tmp_path / cassette.name
    assert archloop(folder, lab, "cassette", "export", name, str(again)).returncode == 0
    assert again.read_bytes() == cassette.read_bytes(), "a replay does not give back what it plays"


def test_the_same_campaign_gives_the_same_bytes(home: Path, lab: Lab, cassette: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl.gz"
    assert archloop(home, lab, "cassette", "export", NAME, str(again)).returncode == 0
    assert again.read_bytes() == cassette.read_bytes()


def test_a_changed_template_is_told_and_changes_nothing(
    home: Path, lab: Lab, cassette: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archdb import list_calls
    from archdb.copies import keep_cassette, read_cassette
    from flows.campaign import campaign
    from tasks.agents.openai import prompting
    from tasks.replay.account import account, sentences

    changed = tmp_path / "prompts"
    shutil.copytree(prompting.FOLDER, changed)
    text = (changed / "repair.md").read_text()
    (changed / "repair.md").write_text(text.replace("Repair it,", "Mend it,"))
    monkeypatch.setattr(prompting, "FOLDER", changed)
    prompting._environment.cache_clear()
    prompting.sha256_of.cache_clear()
    try:
        with at_home(tmp_path / "data", lab) as store:
            campaign(
                NAME, CYCLES, provider="replay", parallel=1, cassette=keep_cassette(store, *read_cassette(cassette))
            )
            found = account(store, get_campaign(store, NAME))
            assert found is not None
            assert [(one.call, one.changed) for one in found.divergent] == [(f"{NAME}-c001/engineer/2", "template")]
            assert f"Differs in its template: {NAME}-c001/engineer/2" in "\n".join(sentences(found))
            assert [one.diverged for one in list_calls(store, f"{NAME}-c001")] == ["", "", "template", ""]
            replayed = story(store, NAME)
    finally:
        prompting._environment.cache_clear()
        prompting.sha256_of.cache_clear()
    told = archloop(tmp_path / "data", lab, "show", f"{NAME}-c001")
    assert "its template" in " ".join(told.stdout.split()), told.stdout
    assert "from the cassette" in told.stdout
    with at_home(home, lab) as store:
        assert replayed == story(store, NAME)


def test_killed_in_the_middle_a_replay_goes_on_without_the_file(
    home: Path, lab: Lab, cassette: Path, tmp_path: Path
) -> None:
    folder, file = tmp_path / "data", tmp_path / cassette.name
    shutil.copy(cassette, file)
    child = subprocess.Popen(
        lab.command(*REPLAY, str(file)), env=environment(folder, lab), cwd=tmp_path,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    with at_home(folder, lab) as store:
        started = time.time()
        try:
            while not any(one.id > f"{NAME}-c" for one in list_running(store, NAME)):
                assert child.poll() is None, "the replay ended before a cycle was seen"
                assert time.time() - started < 300
                time.sleep(0.002)
        finally:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        assert len(story(store, NAME)) < 2 + CYCLES, "it was killed after its last cycle began"
    file.unlink()
    told = archloop(folder, lab, "run", "--provider", "replay", "-c", NAME)
    assert told.returncode == 0, told.stderr[-3000:]
    assert "prompts are as recorded" in told.stdout
    with at_home(home, lab) as store:
        recorded = story(store, NAME)
    with at_home(folder, lab) as store:
        assert story(store, NAME) == recorded
        assert_sound(store, NAME)


def test_a_changed_answer_is_evaluated_for_real_and_a_missing_one_is_told(
    home: Path, lab: Lab, cassette: Path, tmp_path: Path
) -> None:
    from archdb.copies import keep_cassette, read_cassette
    from flows.campaign import campaign
    from tasks.replay.account import account

    held, texts = read_cassette(cassette)
    calls = []
    for call in held.calls:
        if call.cycle == 2:
            continue  # as if its answers were lost
        if (call.cycle, call.role) == (4, "engineer"):
            reply = texts[call.reply].replace("x.sigmoid() ** 2", "x.sigmoid() ** 3")
            assert reply != texts[call.reply]
            call = call.model_copy(update={"reply": hashlib.sha256(reply.encode()).hexdigest()})
            texts[call.reply] = reply
        calls.append(call)
    changed = held.model_copy(update={"calls": tuple(calls)})
    with at_home(tmp_path / "data", lab) as store:
        campaign(NAME, CYCLES, provider="replay", parallel=1, cassette=keep_cassette(store, changed, texts))
        found = account(store, get_campaign(store, NAME))
        first, second, third, fourth, _ = story(store, NAME)[-CYCLES - 1 :]
    assert found is not None
    assert found.not_recorded == (f"{NAME}-c002/researcher/0",)
    assert (second["failure"]["stage"], second["failure"]["kind"]) == ("propose", "not_recorded")
    assert found.evaluated == (f"{NAME}-c004", f"{NAME}-c004-without-squash")
    with at_home(home, lab) as store:
        recorded = story(store, NAME)[-CYCLES - 1 :]
    assert (first, third) == (recorded[0], recorded[2])
    assert fourth["state"] == recorded[3]["state"] == "done"
    assert fourth["code"] != recorded[3]["code"]
    assert fourth["objectives"] != recorded[3]["objectives"]
