"""compile-check: one child runs the layer on inputs that the parent drew; the parent judges what comes back."""

import secrets
from pathlib import Path

import numpy as np

from evaluation.arrays import Array, Malformed, read_arrays
from evaluation.checks import batch, causality, contract, finite, parameters, repeat, shapes
from evaluation.checks.plan import Floats, Judgement, Plan, Results
from evaluation.endings import failure_of, invalid
from evaluation.jobs import CHILD, GRADIENTS_FILE, OUTPUTS_FILE, STATE_FILE, CheckJob
from evaluation.launch import Exit, Launch
from evaluation.reports import CheckReport, Failure, Verdict
from evaluation.scales import Scale
from evaluation.scales import scale as read_scale
from evaluation.size import matched_hidden, model_parameters
from evaluation.workspace import workspace

_PROPERTIES = (shapes, finite, batch, causality, repeat)


def check(
    source: str, scale: str, folder: Path, launch: Launch, reference_parameters: int | None = None
) -> CheckReport:
    """Decide whether the design in ``source`` may be trained at ``scale``.

    ``folder`` is scratch space; ``reference_parameters`` replaces the scale's own count to match (training keeps to
    the scale's own). A bad design gives a report with a failure; ValueError is raised only for an unknown scale.
    """
    chosen = read_scale(scale)
    reference = reference_parameters or chosen.reference_parameters
    verdict, failure = contract.judge(source)
    if failure is not None:
        return CheckReport(scale=scale, verdicts=(verdict,), failure=failure, reference_parameters=reference)
    seed = secrets.randbits(32)
    plan = Plan(np.random.default_rng(seed), chosen.d_model)
    for module in _PROPERTIES:
        module.ask(plan)
    job = CheckJob(d_model=chosen.d_model, n_heads=chosen.n_heads, seed=seed % 2**31, calls=tuple(plan.calls))
    with workspace(folder, "check", source, job, plan.inputs) as place:
        ending = launch(CHILD, "check", folder=place, limits=chosen.check)
        failure = failure_of(ending, chosen.check, "check")
        judgements: list[Judgement] = []
        mixer = 0
        if failure is None:
            try:
                judgements, mixer = _judge(plan, place, chosen, reference)
            except Malformed as error:
                failure = invalid("check", str(error))
    failure = failure or next((reason for _, reason in judgements if reason is not None), None)
    return _report(chosen, reference, mixer, (verdict, *(given for given, _ in judgements)), failure, ending, seed)


def _judge(plan: Plan, place: Path, scale: Scale, reference: int) -> tuple[list[Judgement], int]:
    limit = scale.check.output_bytes
    outputs = read_arrays(place / OUTPUTS_FILE, limit)
    state = read_arrays(place / STATE_FILE, limit)
    gradients = _floats(read_arrays(place / GRADIENTS_FILE, limit), GRADIENTS_FILE)
    mixer = parameters.count(state)
    _require(outputs, [call.name for call in plan.calls], OUTPUTS_FILE)
    judged = [shapes.judge(plan, outputs)]
    if judged[0][1] is not None:
        return judged, mixer
    _require(outputs, [f"{call.name}/input" for call in plan.calls if call.gradient], OUTPUTS_FILE)
    learnt = tuple(name.removeprefix("parameter/") for name in state if name.startswith("parameter/"))
    results = Results(plan, _floats(outputs, OUTPUTS_FILE), gradients, learnt)
    for judge in (finite.judge, finite.judge_gradients, batch.judge, causality.judge, repeat.judge):
        judged.append(judge(results))
        if judged[-1][1] is not None:
            return judged, mixer
    judged.append(parameters.judge(scale, mixer, reference))
    return judged, mixer


def _require(arrays: dict[str, Array], names: list[str], file: str) -> None:
    missing = [name for name in names if name not in arrays]
    if missing:
        raise Malformed(f"{file} lacks {missing[0]!r}.")


def _floats(arrays: dict[str, Array], file: str) -> dict[str, Floats]:
    checked: dict[str, Floats] = {}
    for name, array in arrays.items():
        if not np.issubdtype(array.dtype, np.floating):
            raise Malformed(f"{file} holds {array.dtype} where floats were expected.")
        checked[name] = array.astype(array.dtype, copy=False)
    return checked


def _report(
    scale: Scale,
    reference: int,
    mixer: int,
    verdicts: tuple[Verdict, ...],
    failure: Failure | None,
    ending: Exit,
    seed: int,
) -> CheckReport:
    hidden = matched_hidden(scale, mixer, reference) if mixer and failure is None else None
    return CheckReport(
        scale=scale.name,
        input_seed=seed,
        verdicts=verdicts,
        mixer_parameters=mixer,
        parameters=model_parameters(scale, mixer, hidden) if hidden else 0,
        reference_parameters=reference,
        mlp_hidden=hidden or 0,
        cpu_seconds=ending.cpu_seconds,
        wall_seconds=ending.wall_seconds,
        sandbox=ending.sandbox,
        failure=failure,
    )
