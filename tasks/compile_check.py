"""Stage ``compile-check``: no design reaches training that does not run, or that looks into the future."""

import shutil

from archdb import Amounts, Campaign, Experiment, Failed, Store, get_campaign, get_text
from evaluation import Failure
from tasks.domain import domain_of
from tasks.stage import Outcome, run_stage, stage_task
from tasks.supervision import Watch, work_folder


@stage_task("compile-check")
def compile_check(experiment_id: str, token: int) -> bool:
    """Record the check report of the current attempt. Returns whether the design passed.

    A rejection does not end the experiment: the Engineer may repair it.
    """
    after = run_stage(
        experiment_id,
        token,
        "compile-check",
        lambda store, now: _check(store, now, token),
        most=most_for_check,
        fatal=False,
    )
    checked = after.stage("compile-check")
    return checked is not None and checked.failure is None


def most_for_check(campaign: Campaign) -> Amounts:
    """What a check may cost at most."""
    return {"cpu_seconds": domain_of(campaign.domain).ceilings(campaign.scale).check}


def _check(store: Store, experiment: Experiment, token: int) -> Outcome:
    campaign = get_campaign(store, experiment.campaign)
    watch = Watch(store, experiment, token, "compile-check")
    folder = work_folder(experiment, "compile-check")
    domain = domain_of(campaign.domain)
    # The harness alone may call a design quadratic on purpose, and only one of its own baselines.
    own = domain.baselines().get(experiment.name) if experiment.kind == "baseline" else None
    quadratic = own is not None and own.quadratic
    report = domain.check(source_of(store, experiment), campaign.scale, folder, watch.launch, quadratic=quadratic)
    shutil.rmtree(folder, ignore_errors=True)
    return Outcome(
        summary={
            "parameters": report.parameters,
            "mixer_parameters": report.mixer_parameters,
            "mlp_hidden": report.mlp_hidden,
            "cpu_seconds": report.cpu_seconds,
            "efficiency": domain.claims(report.costs),
        },
        report=report,
        failure=failed("compile-check", report.failure),
    )


def source_of(store: Store, experiment: Experiment) -> str:
    """The current attempt's source text."""
    if experiment.code is None:
        raise ValueError(f"{experiment.id} has no source yet: its codegen stage is missing.")
    return get_text(store, experiment.code)


def failed(stage: str, failure: Failure | None) -> Failed | None:
    """Evaluation's failure as the experiment records it."""
    if failure is None:
        return None
    return Failed(stage=stage, kind=failure.kind, message=failure.message, remedy=failure.remedy)
