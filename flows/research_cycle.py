"""One cycle: sample -> propose -> codegen -> compile-check (<-> repair) -> gpu-train -> benchmark -> analyze."""

from prefect import flow

from archdb import Experiment, create_experiment, get_experiment, open_store
from flows.evaluate_design import evaluate_design
from flows.leased import working_on
from tasks.analyze import analyze
from tasks.codegen import adopt, codegen, repair
from tasks.compile_check import compile_check
from tasks.propose import propose
from tasks.sample import sample


@flow(name="research-cycle", flow_run_name="{campaign}-c{cycle:03d}", validate_parameters=True)
def research_cycle(campaign: str = "default", cycle: int = 1) -> str:
    """Run one cycle of a campaign, or go on with it at the first stage that is missing.

    Args:
        campaign: the campaign's name; it must have its baselines.
        cycle: the number of the cycle, from 1.

    Returns:
        The experiment's id and how it ended.
    """
    store = open_store()
    experiment = create_experiment(
        store, cycle_id(campaign, cycle), campaign=campaign, kind="candidate", name=f"cycle {cycle}", cycle=cycle
    )
    with working_on(experiment) as token:
        if token is not None:
            sample(experiment.id, token)
            propose(experiment.id, token)
            codegen(experiment.id, token)
            check_and_evaluate(experiment.id, token)
            analyze(experiment.id, token)
    return describe(get_experiment(open_store(), experiment.id))


def evaluate_source(experiment: Experiment, source: str, *, close: bool = True) -> Experiment:
    """Take a given source through the same stages: a baseline, or a file that a person handed in.

    Args:
        experiment: the record, already created.
        source: the design's file.
        close: whether to analyze it at the end (baselines wait for the panel).
    """
    with working_on(experiment) as token:
        if token is not None:
            adopt(experiment.id, token, source)
            check_and_evaluate(experiment.id, token)
            if close:
                analyze(experiment.id, token)
    return get_experiment(open_store(), experiment.id)


def check_and_evaluate(experiment_id: str, token: int) -> None:
    """Check, repair until the design passes or the Engineer gives up, then train and benchmark."""
    while not compile_check(experiment_id, token):
        now = get_experiment(open_store(), experiment_id)
        repair(experiment_id, token, now.attempt + 1)
        if get_experiment(open_store(), experiment_id).state != "open":
            return
    if get_experiment(open_store(), experiment_id).state == "open":
        evaluate_design(experiment_id, token)


def cycle_id(campaign: str, cycle: int) -> str:
    """The id of a cycle's experiment."""
    return f"{campaign}-c{cycle:03d}"


def describe(experiment: Experiment) -> str:
    """One line for logs and for Prefect's result column."""
    if experiment.failure is not None:
        return f"{experiment.id} {experiment.name}: failed in {experiment.failure.stage}: {experiment.failure.message}"
    if experiment.fitness is None:
        return f"{experiment.id} {experiment.name}: {experiment.state}"
    return f"{experiment.id} {experiment.name}: fitness {experiment.fitness:+.3f}"
