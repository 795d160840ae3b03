"""Tables for a terminal: a column for each objective while there is room, the best and worst gain else."""

import io

from rich.console import Console

from archdb import Experiment
from evaluation import objectives_of
from flows.cli.tables import leaderboard_table


def shown(scale: str, width: int) -> str:
    objectives = objectives_of(scale)
    gains = {name: 0.25 * place - 0.5 for place, name in enumerate(objectives)}
    values = {name: 1.5 + place for place, name in enumerate(objectives)}
    record = {"_id": "lab-c001", "campaign": "lab", "kind": "candidate", "name": "Swift", "fitness": 0.5}
    one = Experiment.model_validate(record | {"objectives": values, "gains": gains})
    none = one.model_copy(update={"id": "lab-c002", "gains": {}, "objectives": {}, "fitness": None})
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(leaderboard_table([one, none], objectives))
    return console.export_text()


def test_few_objectives_have_a_column_each() -> None:
    text = shown("nano", 110)
    for words in ("text ↓", "in-context recall ↓", "selective copying ↓", "1.5000", "2.5000", "3.5000"):
        assert words in text
    assert "gain" not in text


def test_many_objectives_fit_a_terminal_as_the_best_and_the_worst() -> None:
    text = shown("micro", 110)
    assert "best gain" in text
    assert "worst gain" in text
    assert "permutations (s3) +1.75" in text
    assert "text -0.50" in text
    assert "…" not in text
