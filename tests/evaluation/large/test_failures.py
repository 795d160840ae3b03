"""What goes wrong in a large run ends with a typed reason, its numbers, and nothing left behind."""

import signal
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

from evaluation import Exit, plain_launch
from evaluation.arrays import read_arrays
from evaluation.data.shards import read_dataset
from evaluation.endings import failure_of
from evaluation.jobs import DESIGN_RAISED, OUT_OF_MEMORY, REFUSED, WEIGHTS_FILE
from evaluation.large.child import training
from evaluation.large.child.schedule import diverged, rate
from evaluation.large.child.starting import cause
from evaluation.large.jobs import CHECKPOINT_FILE
from evaluation.large.ready import Ready, ready, require_fitting
from evaluation.reports import Failure
from evaluation.scales import large_scale
from evaluation.scales.large import LargeScale
from tests.evaluation.large.forked import forked_launch
from tests.evaluation.large.laboratory import HEAD, HONEST, LIMITS, SCALE, dataset, furthest, run, scale

pytestmark = pytest.mark.xdist_group("large")

NAN_LATE = HEAD + (
    "        self.seen.add_(1)\n        return h * torch.where(self.seen[0] > 4, float('nan'), 1.0)\n"  # at step 5
)
NAN_GRADIENT = HEAD + "        return h + (h - h.detach()).abs().sqrt() * 0\n"  # 0 forward, NaN backward


def too_large(most: int, until: int = 0) -> type[nn.Module]:
    """Out of memory in the mixer above ``most`` rows, from call ``until`` on. A file may not name this exception."""

    class Candidate(nn.Module):
        def __init__(self, d_model: int, n_heads: int) -> None:
            super().__init__()
            self.inner = nn.Linear(d_model, d_model, bias=False)
            self.register_buffer("seen", torch.zeros(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.seen.add_(1)
            if x.shape[0] > most and self.seen > until:
                raise torch.OutOfMemoryError("tried to allocate 7 GiB")
            return self.inner(x).cumsum(1) / x.shape[1]

    return Candidate


@pytest.fixture
def mixer(monkeypatch: pytest.MonkeyPatch) -> Callable[[type[nn.Module]], None]:
    """Puts a class in the place of the candidate's: forks see it too."""
    return lambda given: monkeypatch.setattr(training, "load_candidate", lambda folder: given)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dataset(tmp_path_factory.mktemp("corpus"))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("source", "sentence"),
    [(NAN_LATE, "Training met a non-finite loss at step 5 of 8."), (NAN_GRADIENT, "non-finite gradient at step 1")],
    ids=["loss", "gradient"],
)
def test_not_a_number(source: str, sentence: str, workers: int, data: Path, tmp_path: Path) -> None:
    report = run(source, data, tmp_path, workers=workers)
    assert report.failure is not None
    assert report.failure.kind == "non_finite"
    assert sentence in report.failure.message
    assert len(report.curves.get("text", ())) == (4 if source == NAN_LATE else 0)
    assert list(tmp_path.iterdir()) == []  # the checkpoint of step 3 is of no use to anybody
    assert report.tokens == 0


@pytest.mark.slow
def test_typed_reasons_come_through_torchrun(data: Path, tmp_path: Path) -> None:
    report = run(NAN_LATE, data, tmp_path, workers=2, launch=plain_launch)
    assert report.failure is not None
    assert report.failure.kind == "non_finite"
    assert report.failure.message == "Training met a non-finite loss at step 5 of 8."


def test_of_several_ranks_the_one_that_gave_the_reason_speaks() -> None:
    def failures(*codes: int) -> dict[int, ProcessFailure]:
        found = {rank: ProcessFailure(rank, 1, code, "no file") for rank, code in enumerate(codes) if code}
        for one in found.values():
            one.timestamp = 7
        return found

    assert cause(failures(DESIGN_RAISED, OUT_OF_MEMORY)) == (1, OUT_OF_MEMORY)  # rank 0 lost its peer
    assert cause(failures(-signal.SIGABRT, -signal.SIGKILL, -signal.SIGTERM)) == (1, -signal.SIGKILL)
    assert cause(failures(0, DESIGN_RAISED, DESIGN_RAISED)) == (1, DESIGN_RAISED)
    late = failures(DESIGN_RAISED, -signal.SIGTERM)
    late[0].timestamp = 8
    assert cause(late) == (1, -signal.SIGTERM)


def test_divergence(data: Path, tmp_path: Path) -> None:
    report = run(HONEST, data, tmp_path, scale(learning_rate=1.0, steps=30, warmup=1))
    assert report.failure is not None
    assert report.failure.kind == "diverged"
    assert "over the 3 steps up to step" in report.failure.message
    assert 3 < len(report.curves["text"]) < 30
    assert list(tmp_path.iterdir()) == []


def test_divergence_by_hand() -> None:
    plan = SCALE.run  # 3 steps, 0.5 nats
    assert not diverged([5.0, 9.0, 9.0], plan)  # too early to say
    assert diverged([5.0, 9.0, 9.0, 9.0], plan)
    assert not diverged([5.0, 9.0, 9.0, 9.0, 4.0, 5.0, 7.4], plan)  # recovered
    assert diverged([5.0, 4.0, 5.4, 5.5, 5.7], plan)


def test_out_of_memory_halves_the_micro_batch_once(
    data: Path, mixer: Callable[[type[nn.Module]], None], tmp_path: Path
) -> None:
    mixer(too_large(4))
    report = run("", data, tmp_path / "halved")
    assert report.failure is None
    assert report.micro_batch == 4
    assert len(report.out_of_memory) == 1
    assert "micro-batch of 8 sequences of 32 tokens" in report.out_of_memory[0]
    mixer(too_large(8))
    fitting = run("", data, tmp_path / "fits")
    assert (fitting.micro_batch, fitting.out_of_memory) == (8, ())
    halved, whole = (read_arrays(tmp_path / name / WEIGHTS_FILE, 10**8) for name in ("halved", "fits"))
    counts = [name for name in whole if name.endswith("seen")]
    assert all(halved.pop(name) == 2 * whole.pop(name) for name in counts)  # twice as many micro-batches
    assert furthest(halved, whole) < 1e-5  # of the same global batch


@pytest.mark.parametrize("workers", [1, 2])
def test_out_of_memory_twice_is_a_failure_with_the_numbers(
    workers: int, data: Path, mixer: Callable[[type[nn.Module]], None], tmp_path: Path
) -> None:
    mixer(too_large(1))
    report = run("", data, tmp_path, workers=workers)
    assert report.failure is not None
    assert report.failure.kind == "out_of_memory"
    for number in (8 // workers, 4 // workers):
        assert f"micro-batch of {number} sequences of 32 tokens" in report.failure.message
    assert "7 GiB" in report.failure.message
    assert report.micro_batch == 4 // workers
    assert list(tmp_path.iterdir()) == []


def test_memory_that_runs_out_later_goes_on_from_the_checkpoint(
    data: Path, mixer: Callable[[type[nn.Module]], None], tmp_path: Path
) -> None:
    mixer(too_large(4, until=4))
    starts: list[bool] = []

    def looking(module: str, mode: str, *, folder: Path, **rest: Any) -> Exit:
        starts.append((folder / CHECKPOINT_FILE).exists())
        return forked_launch(module, mode, folder=folder, **rest)

    report = run("", data, tmp_path, launch=looking)
    assert report.failure is None
    assert starts == [False, True]
    assert [step for step, _ in report.curves["text"]] == list(range(1, 9))


def test_memory_of_the_machine_is_told_apart(
    data: Path, mixer: Callable[[type[nn.Module]], None], tmp_path: Path
) -> None:
    class Candidate(nn.Module):
        def __init__(self, d_model: int, n_heads: int) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.ones(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.gain + torch.empty(10**15).sum()

    mixer(Candidate)
    report = run("", data, tmp_path)
    assert report.failure is not None
    assert report.failure.kind == "out_of_memory"
    assert "micro-batch of 4 sequences" in report.failure.message


def test_a_refused_text_that_mentions_memory_is_refused() -> None:
    ending = Exit(
        returncode=REFUSED,
        ended="exited",
        wall_seconds=1,
        cpu_seconds=1,
        peak_bytes=1,
        stderr_tail="Line 16 uses torch.OutOfMemoryError, which is not among the names that designs may use.",
        sandbox={},
    )
    found = failure_of(ending, LIMITS, "training")
    assert found is not None
    assert found.kind == "reaches_out"


def test_a_design_that_raises_is_named_with_its_line(data: Path, tmp_path: Path) -> None:
    report = run(HEAD + "        return h @ h[:, :5]\n", data, tmp_path, workers=2)
    assert report.failure is not None
    assert report.failure.kind == "crashed"
    assert "candidate.py line" in report.failure.message


def refused(data: Path, chosen: LargeScale) -> Failure:
    found = ready(chosen, data, "cpu", 1, plain_launch)
    assert isinstance(found, Failure)
    return found


def test_a_dataset_that_does_not_fit_is_refused(data: Path, tmp_path: Path) -> None:
    other = refused(data, SCALE.model_copy(update={"vocabulary": 300}))
    assert other.kind == "vocabulary_mismatch"
    assert "257 tokens" in other.message
    assert "300" in other.message
    assert other.remedy == "Prepare it again with --vocabulary 300."
    short = refused(data, scale(batch=4096, micro_batch=1))
    assert short.kind == "corpus_too_short"
    assert f"{read_dataset(data).parts['train'].tokens} tokens of train text" in short.message
    assert f"at least {4096 * 33}" in short.message
    held = refused(data, scale(rows=10_000))
    assert held.kind == "corpus_too_short"
    assert "validation" in held.message
    assert "--held-share" in held.remedy
    assert refused(tmp_path, SCALE).kind == "no_corpus"


def test_a_dataset_of_exactly_one_batch_fits(data: Path) -> None:
    made = read_dataset(data)
    tokens = SCALE.run.batch * (SCALE.run.length + 1)
    parts = made.parts | {"train": made.parts["train"].model_copy(update={"tokens": tokens})}
    require_fitting(made.model_copy(update={"parts": parts}), SCALE)


def test_a_damaged_shard_is_found_before_the_run(tmp_path: Path) -> None:
    folder = dataset(tmp_path, 100)
    shard = folder / read_dataset(folder).parts["validation"].shards[0].file
    shard.write_bytes(shard.read_bytes()[::-1])
    found = refused(folder, SCALE)
    assert found.kind == "damaged_corpus"
    assert str(shard) in found.message


def test_machines_and_workers(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="3 workers cannot share the 8 sequences"):
        ready(SCALE, data, "cpu", 3, plain_launch)

    def pretend(gpus: int) -> Any:
        def launch(module: str, mode: str, *, on_line: Any, **rest: Any) -> Exit:
            assert mode == "devices"
            on_line(f'{{"gpus": {gpus}}}')
            return Exit(
                returncode=0, ended="exited", wall_seconds=1, cpu_seconds=1, peak_bytes=1, stderr_tail="", sandbox={}
            )

        return launch

    for gpus, workers in ((1, 1), (3, 2), (6, 4), (8, 8), (12, 8)):  # as many as divide the 8 sequences of a step
        found = ready(SCALE, data, "cuda", 0, pretend(gpus))
        assert isinstance(found, Ready)
        assert found.workers == workers
    with pytest.raises(ValueError, match="4 workers need as many GPUs, but 2 are visible"):
        ready(SCALE, data, "cuda", 4, pretend(2))


def test_a_machine_without_a_gpu_is_told_so(data: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    found = ready(SCALE, data, "cuda", 0, plain_launch)
    assert isinstance(found, Failure)
    assert found.kind == "no_gpu"
    assert "--device cpu" in found.remedy


@pytest.mark.parametrize("schedule", ["cosine", "hold"])
def test_learning_rates_rise_and_fall_to_the_final_share(schedule: str) -> None:
    plan = scale(schedule=schedule, steps=100, warmup=10, final_share=0.1).run
    rates = [rate(step, plan) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * (step + 1) for step in range(10)])
    assert rates[10] == pytest.approx(1.0)
    assert all(later <= sooner for sooner, later in pairwise(rates[10:]))
    assert rates[-1] == pytest.approx(0.1)
    assert rates[40] == pytest.approx(1.0 if schedule == "hold" else 0.776, abs=0.01)


def test_the_scales_that_ship() -> None:
    for name, tokens in (("20m-smoke", 30e6), ("20m", 1.05e9), ("340m", 15e9)):
        chosen = large_scale(name)
        assert chosen.tokens == pytest.approx(tokens, rel=0.01)
        assert chosen.run.precision == "bf16"
        assert chosen.run.parallel == ("fsdp2" if name == "340m" else "ddp")
    assert (large_scale("20m").run.steps, large_scale("20m").run.batch, large_scale("20m").run.length) == (
        2000,
        256,
        2048,
    )
    one, other = large_scale("20m-smoke"), large_scale("20m")
    assert (one.d_model, one.n_layers, one.vocabulary) == (other.d_model, other.n_layers, other.vocabulary)
    assert (one.d_model, one.n_layers) == (256, 8)
    with pytest.raises(ValueError, match="Scale nano brings its own text"):
        large_scale("nano")
