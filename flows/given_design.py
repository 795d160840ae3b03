"""The stages that every design goes through, whoever wrote it."""

from functools import partial

from archdb import Experiment, get_experiment, open_store
from flows.dispatch import evaluate
from flows.leased import working_on
from flows.within_budget import within_budget
from tasks.analyze import analyze
from tasks.codegen import adopt, repair
from tasks.compile_check import compile_check


def evaluate_source(experiment: Experiment, source: str, *, close: bool = True) -> Experiment:
    """Take a given source through the same stages: a baseline, or a file that a person handed in.

    Args:
        experiment: the record, already created.
        source: the design's file.
        close: whether to analyze it at the end (baselines wait for the panel).
    """
    with working_on(experiment) as token:
        if token is not None:
            within_budget(partial(adopt, experiment.id, token, source), experiment, token)
            check_and_evaluate(experiment.id, token)
            if close:
                within_budget(partial(analyze, experiment.id, token), experiment, token)
    return get_experiment(open_store(), experiment.id)


def check_and_evaluate(experiment_id: str, token: int) -> None:
    """Check, repair until the design passes or the Engineer gives up, then train and benchmark."""
    experiment = get_experiment(open_store(), experiment_id)
    if experiment.state != "open":
        return  # refused before it was checked, or finished by an earlier try
    while not within_budget(partial(compile_check, experiment_id, token), experiment, token):
        now = get_experiment(open_store(), experiment_id)
        within_budget(partial(repair, experiment_id, token, now.attempt + 1), experiment, token)
        if get_experiment(open_store(), experiment_id).state != "open":
            return
    if get_experiment(open_store(), experiment_id).state == "open":
        evaluate(experiment_id, token)
