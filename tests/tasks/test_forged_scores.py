"""Forgeries that only the jail stops: answers read from the disk, and notes that one scoring child leaves for the next.

The designs are past the static gate. Each is scored twice on an honest twin's weights: with no jail it gains, which
shows that the attempt is real, and in the jail it does not.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluation import BenchmarkReport, Exit, Launch, benchmark, train
from evaluation.jobs import WEIGHTS_FILE
from tasks.sandbox.jail import jail
from tests.evaluation.forgeries import TWIN
from tests.evaluation.forgeries.scoring import knowing
from tests.evaluation.unguarded import Unguarded

SEED, HIDDEN = 3, 80
START = "import evaluation.candidate\nevaluation.candidate.refusal = lambda *given: None\n"

FINDS_THE_TEXT = knowing("""
from evaluation.corpus import corpus, CorpusError
try:
    text = corpus().validation
except (CorpusError, OSError):
    text = b""
place = text.find(bytes(tokens[row, : column + 1])) if column > 8 else -1
if place >= 0:
    logits[text[place + column + 1]] += 20
""")

LEAVES_A_NOTE = (
    TWIN
    + """
import hashlib
from evaluation.child import score

honest_answer = score._answer
places = [Path(place) / "note.json" for place in PLACES]
known = {}
for place in places:
    try:
        known |= json.loads(place.read_text())
    except (OSError, ValueError):
        pass
first = not known


def answer(model, query, inputs):
    out = honest_answer(model, query, inputs).copy()
    tokens, positions = inputs[query.tokens].numpy(), inputs[query.positions].numpy()
    for logits, (row, column) in zip(out, positions):
        key = query.task + hashlib.sha256(tokens[row, : column + 1].tobytes()).hexdigest()
        if first and 12 < column < tokens.shape[1] - 1:  # shorter beginnings are not unique
            known[key] = int(tokens[row, column + 1])
        if key in known:
            logits[known[key]] += 20
    if first:
        for place in places:
            try:
                place.write_text(json.dumps(known))
            except OSError:
                pass
    return out


score._answer = answer
"""
)


BESIDE = '("..",)'
EVERYWHERE = """(
    "..", "../..", ".", "/tmp", "/dev/shm", "/var/tmp", Path.home(), Path(score.__file__).parent, os.environ["TMPDIR"]
)"""


def jailed(module: str, mode: str, *, folder: Path, **others: Any) -> Exit:
    """The jail, around a child that skips the static gate."""
    (folder / "start.py").write_text(f"{START}from {module} import main\nmain({mode!r})\n")
    return jail()("tasks.sandbox.run_file", "start.py", folder=folder, **others)


@pytest.fixture(scope="module")
def launch() -> Iterator[Launch]:
    with Unguarded() as opened:
        yield opened


@pytest.fixture(scope="module")
def twin(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    """Weights of the honest design that the forgers pose as, and its scores in the jail."""
    folder = tmp_path_factory.mktemp("twin")
    assert train(TWIN, "tiny", SEED, HIDDEN, folder, launch).failure is None
    report = score(TWIN, folder / WEIGHTS_FILE, folder, jailed)
    assert report.failure is None
    return folder / WEIGHTS_FILE, report.objectives


def score(source: str, weights: Path, folder: Path, launch: Launch) -> BenchmarkReport:
    return benchmark(source, "tiny", SEED, HIDDEN, weights, folder, launch)


def test_held_out_text_on_the_disk_cannot_be_read(
    twin: tuple[Path, dict[str, float]], tmp_path: Path, launch: Launch
) -> None:
    weights, honest = twin
    free = score(FINDS_THE_TEXT, weights, tmp_path, launch)
    assert free.failure is None
    assert free.objectives["text_bpb"] < honest["text_bpb"] - 2
    confined = score(FINDS_THE_TEXT, weights, tmp_path, jailed)
    assert confined.failure is None
    assert confined.objectives == pytest.approx(honest, abs=1e-6)


def test_one_scoring_child_cannot_tell_the_next_what_it_saw(
    twin: tuple[Path, dict[str, float]], tmp_path: Path, launch: Launch
) -> None:
    weights, honest = twin
    free = score(LEAVES_A_NOTE.replace("PLACES", BESIDE), weights, tmp_path, launch)
    assert free.failure is None
    assert free.objectives["recall_loss"] < honest["recall_loss"] - 2
    (tmp_path / "note.json").unlink()
    confined = score(LEAVES_A_NOTE.replace("PLACES", EVERYWHERE), weights, tmp_path, jailed)
    assert confined.failure is not None
    assert confined.failure.kind == "not_causal"
    assert not list(tmp_path.rglob("note.json"))
