"""A dossier verifies from its file alone, and whatever was changed in it is named in a sentence."""

import gzip
import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from archdb import Body, DossierUnusable, Store
from archdb.copies import Dossier, read_dossier, read_dossier_of, write_dossier
from archdb.events import hash_of
from flows.settings import environment
from tasks.anchors import find_anchors
from tasks.dossier.judging import Judgement
from tasks.dossier.making import with_manifest
from tasks.dossier.verifying import verify_dossier
from tests.laboratory import Lab

pytestmark = pytest.mark.xdist_group("lab")
DESIGN = "t-c001"
_made: list[Dossier] = []


@pytest.fixture
def dossier(finished: subprocess.CompletedProcess[str], lab_store: Store) -> Dossier:
    """The dossier of a real campaign, read once."""
    assert finished.returncode == 0, finished.stderr[-3000:]
    if not _made:
        _made.append(with_manifest(read_dossier_of(lab_store, "t", find_anchors(lab_store)), environment()))
    return _made[0].model_copy(deep=True)


def verified(dossier: Dossier) -> Judgement:
    found = Judgement()
    verify_dossier(dossier, found)
    return found


def test_the_file_alone_gives_the_leaderboard_on_another_machine(dossier: Dossier, lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl.gz"
    write_dossier(dossier, file)
    first = file.read_bytes()
    write_dossier(dossier, file)
    assert file.read_bytes() == first
    away = lab.environment() | {
        "ARCHLOOP_HOME": str(tmp_path / "nothing"),
        "ARCHLOOP_MONGODB_URI": "mongodb://127.0.0.1:9/none",
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
    }
    told = subprocess.run(
        lab.command("dossier", "verify", str(file), "--json"), env=away, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert not (tmp_path / "nothing").exists()
    read = json.loads(told.stdout)
    assert (read["agrees"], read["differences"], read["notes"]) == (True, [], [])
    assert read["numbers"] > 500 + numbers_in(read["leaderboard"]), "raw results are compared, and then the claims"
    assert (read["events"], read["programs"]) == (len(dossier.events), len(dossier.records["experiments"]))
    assert read["anchors"] > 0
    stored = {one["_id"]: one["fitness"] for one in dossier.records["experiments"] if one["fitness"] is not None}
    assert {row["id"]: pytest.approx(row["fitness"]) for row in read["leaderboard"]} == stored
    assert dossier.campaign["environment"]["fitness_source"] == dossier.manifest["fitness_source"]["sha256"]


def numbers_in(body: object) -> int:
    if isinstance(body, dict):
        return sum(map(numbers_in, body.values()))
    if isinstance(body, list):
        return sum(map(numbers_in, body))
    return isinstance(body, int | float) and not isinstance(body, bool)


def experiment(dossier: Dossier, name: str = DESIGN) -> Body:
    return next(one for one in dossier.records["experiments"] if one["_id"] == name)


def replace_text(dossier: Dossier, old: str, text: str) -> str:
    """Put a text in the place of another, under its own hash."""
    del dossier.texts[old]
    new = hashlib.sha256(text.encode()).hexdigest()
    dossier.texts[new] = text
    return new


def better_fitness(dossier: Dossier) -> None:
    experiment(dossier)["fitness"] += 0.001


def better_claim(dossier: Dossier) -> None:
    next(row for row in dossier.manifest["leaderboard"] if row["id"] == DESIGN)["fitness"] += 0.001


def forged_row_before_the_true_one(dossier: Dossier) -> None:
    rows = dossier.manifest["leaderboard"]
    place = next(place for place, row in enumerate(rows) if row["id"] == DESIGN)
    rows.insert(place, rows[place] | {"fitness": 9.0})


def row_without_an_id(dossier: Dossier) -> None:
    del dossier.manifest["leaderboard"][0]["id"]


def scale_of_nowhere(dossier: Dossier) -> None:
    dossier.campaign["scale"] = "nowhere"


def time_in_words(dossier: Dossier) -> None:
    experiment(dossier)["stages"]["benchmark:0:0"]["summary"]["cpu_seconds"] = "x"


def text_of_no_characters(dossier: Dossier) -> None:
    dossier.texts["0" * 64] = "\ud800"


def reference_without_trainings(dossier: Dossier) -> None:
    one = next(one for one in dossier.records["experiments"] if "reference" in one["tags"])
    one["stages"] = {key: stage for key, stage in one["stages"].items() if not key.startswith("gpu-train")}


def domain_of_a_stranger(dossier: Dossier) -> None:
    dossier.campaign["domain"] = "this"


def narrower_interval(dossier: Dossier) -> None:
    row = next(row for row in dossier.manifest["leaderboard"] if row["id"] == DESIGN)
    row["against_reference"]["mean_gain"]["low"] = 0.5


def lower_loss(dossier: Dossier) -> None:
    """In the raw result, with every hash that names it made to fit but the log's."""
    stage = experiment(dossier)["stages"]["benchmark:0:0"]
    report = json.loads(dossier.texts[stage["report"]])
    report["body"]["details"]["text_loss"] -= 0.01
    stage["report"] = replace_text(dossier, stage["report"], json.dumps(report, sort_keys=True))


def lower_loss_in_place(dossier: Dossier) -> None:
    stage = experiment(dossier)["stages"]["benchmark:0:0"]
    dossier.texts[stage["report"]] = dossier.texts[stage["report"]].replace('"text_loss": ', '"text_loss": 1')


def weaker_panel(dossier: Dossier) -> None:
    dossier.campaign["panel"]["reference"]["text_bpb"][1] += 0.01


def without_the_design(dossier: Dossier) -> None:
    dossier.records["experiments"] = [one for one in dossier.records["experiments"] if one["_id"] != DESIGN]
    dossier.manifest["leaderboard"] = [row for row in dossier.manifest["leaderboard"] if row["id"] != DESIGN]


def without_its_records(dossier: Dossier) -> None:
    without_the_design(dossier)
    for held in dossier.records.values():
        held[:] = [one for one in held if DESIGN not in (one["_id"], one.get("experiment"))]


def without_all_of_the_design(dossier: Dossier) -> None:
    without_its_records(dossier)
    dossier.events[:] = [one for one in dossier.events if one["subject"] != DESIGN]


def written_anew(dossier: Dossier) -> None:
    """With the event before in the place of each one of the design, and a chain that is whole again."""
    without_its_records(dossier)
    prev = ""
    for place, one in enumerate(dossier.events, start=1):
        if one["subject"] == DESIGN:
            one |= {
                key: value for key, value in dossier.events[place - 2].items() if key not in ("_id", "prev", "hash")
            }
        one |= {"_id": place, "prev": prev}
        one["hash"] = prev = hash_of(one)


def another_program(dossier: Dossier) -> None:
    code = experiment(dossier)["code"]
    dossier.texts[code] += "\n# better\n"


def another_program_that_fits(dossier: Dossier) -> None:
    one = experiment(dossier)
    one["code"] = replace_text(dossier, one["code"], dossier.texts[one["code"]] + "\n# better\n")
    version = next(kept for kept in dossier.records["code_versions"] if kept["_id"] == f"{DESIGN}:0")
    version["sha256"] = one["code"]


def another_source(dossier: Dossier) -> None:
    modules = dossier.manifest["fitness_source"]["modules"]
    text = dossier.texts[modules["evaluation.fitness"]].replace("gain / unit", "2 * gain / unit")
    modules["evaluation.fitness"] = replace_text(dossier, modules["evaluation.fitness"], text)


def other_data(dossier: Dossier) -> None:
    dossier.manifest["data"][0]["holdout"] = "0" * 64


def an_added_finding_of_the_analyst(dossier: Dossier) -> None:
    dossier.records["analyses"][0]["findings"] = ["t-c001/finding-9"]


CHANGES: list[tuple[Callable[[Dossier], None], tuple[str, ...]]] = [
    (better_fitness, (f"fitness of {DESIGN} is", "The fitness is")),
    (better_claim, (f"fitness of {DESIGN} in the leaderboard is",)),
    (forged_row_before_the_true_one, ("order of the leaderboard is", f"fitness of {DESIGN} in the leaderboard is 9")),
    (row_without_an_id, ("order[0] of the leaderboard is absent",)),
    (scale_of_nowhere, ("cannot be computed (",)),
    (time_in_words, ("cannot be computed (ValueError: could not convert string to float: 'x')",)),
    (text_of_no_characters, ("cannot be computed (UnicodeEncodeError",)),
    (reference_without_trainings, ("cannot be computed (",)),
    (domain_of_a_stranger, ("its domain is the module this: verify with --domain this if you trust it to run",)),
    (narrower_interval, (f"against_reference.mean_gain.low of {DESIGN} in the leaderboard is 0.5",)),
    (lower_loss, ("objectives.text_bpb of t-c001", "The record of stage benchmark:0:0 is not what event")),
    (lower_loss_in_place, ("is not the one of this sha256", f"fitness of {DESIGN} is")),
    (weaker_panel, ("panel.reference.text_bpb[1] of t is", "The panel that fitness is measured against is")),
    (without_the_design, (f"{DESIGN} is gone, though the log tells of it",)),
    (without_all_of_the_design, ("missing: removed from the log",)),
    (written_anew, ("the log was written anew from some event",)),
    (another_program, (f"the program of {DESIGN}, is not the one of this sha256",)),
    (another_program_that_fits, ("The record of the code is not what event",)),
    (another_source, ("sha256 of the fitness source of t is",)),
    (other_data, ("data[0].holdout of t is 000",)),
    (an_added_finding_of_the_analyst, ("The record of the analysis is not what event",)),
]


@pytest.mark.parametrize(("change", "sentences"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])
def test_what_was_changed_is_named(
    dossier: Dossier, change: Callable[[Dossier], None], sentences: tuple[str, ...]
) -> None:
    change(dossier)
    found = verified(dossier).differences
    for sentence in sentences:
        assert any(sentence in one for one in found), found
    assert all(one.endswith(".") and "restore the store" not in one for one in found)


def test_a_replaced_source_is_noted_where_its_hash_was_made_to_fit(dossier: Dossier) -> None:
    from tasks.dossier.fitness_source import sha256_of_source

    another_source(dossier)
    told = dossier.manifest["fitness_source"]
    told["sha256"] = sha256_of_source({name: dossier.texts[one] for name, one in told["modules"].items()})
    found = verified(dossier)
    assert found.differences == []
    assert any("evaluation.fitness differs" in one for one in found.notes)
    assert any("changed between the opening of t and the export" in one for one in found.notes)


def test_a_file_says_what_happened_to_it(dossier: Dossier, tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl.gz"
    write_dossier(dossier, file)
    whole = gzip.decompress(file.read_bytes())
    read, wrong = read_dossier(file)
    assert (read, wrong) == (dossier, [])
    (tmp_path / "edited").write_bytes(whole.replace(b'"cycles":2', b'"cycles":3'))
    assert read_dossier(tmp_path / "edited")[1] == [
        "The file was changed after it was written: its last line tells another hash of what is above."
    ]
    lines = whole.split(b"\n")
    del lines[2]
    (tmp_path / "short").write_bytes(b"\n".join(lines))
    assert any("The first line counts" in one for one in read_dossier(tmp_path / "short")[1])
    write_dossier(dossier, tmp_path / "t.jsonl.xz")
    assert read_dossier(tmp_path / "t.jsonl.xz")[0] == dossier
    cut = gzip.compress(whole)[:-99], (tmp_path / "t.jsonl.xz").read_bytes()[:-99]
    for damaged in (whole[:-200], b"{}", b"\xff\xfe", *cut):
        (tmp_path / "damaged").write_bytes(damaged)
        with pytest.raises(DossierUnusable, match=r"(cut off|is no dossier)"):
            read_dossier(tmp_path / "damaged")


def test_an_unreadable_record_is_a_difference(dossier: Dossier) -> None:
    experiment(dossier, "t-gla")["fitness"] = "high"
    assert any("The experiment t-gla cannot be read (fitness)" in one for one in verified(dossier).differences)
