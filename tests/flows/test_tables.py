"""Tables for a terminal: a column for each objective while there is room, the best and worst gain else."""

import io

from rich.console import Console
from rich.table import Table

from archdb import Experiment, ModelCall, Stage
from evaluation import MEASURES, objectives_of
from flows.cli.tables import calls_table, efficiency_table, leaderboard_table, repeats_of


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


def lines_of(table: Table) -> list[str]:
    """What a table says, line by line, with one space between words."""
    console = Console(width=130, record=True, file=io.StringIO())
    console.print(table)
    return [" ".join(line.split()) for line in console.export_text().splitlines()]


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


def test_efficiency_stands_beside_the_reference_and_what_is_missing_is_a_dash() -> None:
    record = {"_id": "lab-c001", "campaign": "lab", "kind": "candidate", "name": "Swift"}
    numbers = {"prefill_tokens_per_second": 31_000.4, "decode_seconds": 0.00125, "claimed_flops_per_token": 4e5}
    one = Experiment.model_validate(record | {"efficiency": numbers})
    reference = one.model_copy(update={"name": "gated_deltanet", "efficiency": {"decode_seconds": 0.001}})
    table = efficiency_table(one, MEASURES, reference)
    assert table is not None
    lines = lines_of(table)
    assert "Prefill throughput 31,000 - tokens/s measured" in lines
    assert "Decoding, one token 0.00125 0.001 s measured" in lines
    assert "Forward work 400,000 - FLOPs/token the design's claim" in lines
    assert not any("compile" in line for line in lines)
    assert efficiency_table(one.model_copy(update={"efficiency": {}}), MEASURES) is None


def test_model_calls_show_what_was_answered_and_what_it_cost() -> None:
    record = {"_id": "lab-c001/engineer/0", "campaign": "lab", "experiment": "lab-c001", "role": "engineer"}
    cost = {"prompt_tokens": 900, "completion_tokens": 120, "dollars": 0.0125, "seconds": 2.04}
    told = {"number": 0, "prompt": "p", "model": "large[1]", "outcome": "refused", "message": "It will not."}
    one = ModelCall.model_validate(record | cost | told)
    free = one.model_copy(update={"number": 1, "outcome": "answered", "message": "", "dollars": None})
    table = calls_table([one, free])
    assert table is not None
    lines = lines_of(table)
    assert "engineer 0 large[1] refused: It will not. 0 900 120 0.0125 2.0" in lines
    assert "engineer 1 large[1] answered 0 900 120 - 2.0" in lines
    assert calls_table([]) is None


def test_a_proposal_that_repeats_a_design_is_told_of() -> None:
    record = {"_id": "lab-c009", "campaign": "lab", "kind": "candidate", "name": "Ring"}
    first = {"number": 0, "proposal": "Ring", "of": "lab-c003", "ground": "components", "similarity": None}
    second = {"number": 1, "proposal": "Ring", "of": "lab-c004", "ground": "words", "similarity": 0.971}
    stage = Stage(stage="propose", started_at=0, seconds=1, summary={"repeats": [first, second], "kept": 1})
    one = Experiment.model_validate(record | {"stages": {stage.key: stage}})
    assert repeats_of(one) == [
        "The first proposal, Ring, repeats lab-c003 (the same components on the same parent): another was asked for.",
        "The second proposal, Ring, repeats lab-c004 (a motivation that reads alike, similarity 0.97): it went on all "
        "the same.",
    ]
    assert repeats_of(Experiment.model_validate(record)) == []
