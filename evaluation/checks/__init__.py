"""compile-check: one child runs the layer on inputs that the parent drew; the parent judges what comes back.

Each property has a file of its own here, with ``ask``, which plans calls, and ``judge``, which turns the arrays that
the child returned into a verdict. A child cannot pass by saying so: it is not told which calls are compared.
"""

import secrets
from pathlib import Path

import numpy as np

from evaluation.arrays import Malformed
from evaluation.checks import (
    adapter,
    auxiliary,
    batch,
    causality,
    checkpoint,
    clock,
    compilation,
    complexity,
    contract,
    costs,
    decoding,
    finite,
    gradients,
    length,
    numeric_range,
    overwrites,
    parameters,
    repeatable,
    shapes,
)
from evaluation.checks.plan import Judgement, Plan, Results, failed
from evaluation.checks.results import read_notes, read_outputs, read_results, read_state
from evaluation.endings import failure_of, invalid
from evaluation.jobs import CHILD, CheckJob
from evaluation.launch import Launch, Limits
from evaluation.reports import CheckReport
from evaluation.scales import frame
from evaluation.scales.frame import Frame
from evaluation.size import matched_hidden, model_parameters
from evaluation.workspace import workspace

_ASKED = (
    shapes,
    finite,
    gradients,
    batch,
    causality,
    length,
    overwrites,
    repeatable,
    checkpoint,
    decoding,
    complexity,
    numeric_range,
)

_WARM_CALLS = 128


def check(
    source: str,
    scale: str,
    folder: Path,
    launch: Launch,
    reference_parameters: int | None = None,
    *,
    full: bool = False,
    quadratic: bool = False,
) -> CheckReport:
    """Decide whether the design in ``source`` may be trained at ``scale``.

    ``folder`` is scratch space; ``reference_parameters`` replaces the scale's own count to match (training keeps to
    the scale's own). ``full`` is the tier for finalists: longer inputs, torch.compile, torch.export. ``quadratic``
    allows work that grows with T squared: for the harness's own softmax attention, never for a candidate.
    A bad design gives a report with a failure; ValueError is raised only for an unknown scale.
    """
    chosen = frame(scale)
    reference = reference_parameters or chosen.reference_parameters
    tier = "full" if full else "fast"
    verdict, failure = contract.judge(source)
    if failure is not None:
        return CheckReport(scale=scale, tier=tier, verdicts=(verdict,), failure=failure, reference_parameters=reference)
    seed = secrets.randbits(32)
    plan = Plan(np.random.default_rng(seed), chosen.d_model, full, contract.is_adapted(source))
    for module in (
        *_ASKED,
        *((compilation,) if full or chosen.compiles else ()),
        *((adapter,) if plan.adapted else ()),
    ):
        module.ask(plan)
    costs.ask(plan, chosen.length)
    job = CheckJob(
        d_model=chosen.d_model,
        n_heads=chosen.n_heads,
        seed=seed % 2**31,
        calls=tuple(plan.calls),
        metered=tuple(plan.metered),
        warm_calls=_WARM_CALLS,
        most_elements=reference,
    )
    judgements: list[Judgement] = [(verdict, None)]
    mixer = 0
    results: Results | None = None
    with workspace(folder, "check", source, job, plan.inputs) as place:
        limits = _roomy(chosen.check, plan)
        ending = launch(CHILD, "check", folder=place, limits=limits)
        failure = failure_of(ending, limits, "check")
        if failure is None:
            try:
                more, mixer, results = _judge(plan, place, chosen, reference, quadratic, limits.output_bytes)
                judgements += more
            except Malformed as error:
                failure = invalid("check", str(error))
    if full and not quadratic and failure is None and all(reason is None for _, reason in judgements):
        judgements.append(clock.judge(source, chosen, folder, launch, plan.rng))
    if failure is not None and failure.kind in ("no_candidate", "reaches_out"):  # the child read on
        judgements = [failed(contract.NAME, failure.kind, failure.message, failure.remedy)]
    failure = failure or next((reason for _, reason in judgements if reason is not None), None)
    hidden = matched_hidden(chosen, mixer, reference) if mixer and failure is None else None
    return CheckReport(
        scale=scale,
        tier=tier,
        input_seed=seed,
        verdicts=tuple(given for given, _ in judgements),
        mixer_parameters=mixer,
        parameters=model_parameters(chosen, mixer, hidden) if hidden else 0,
        reference_parameters=reference,
        mlp_hidden=hidden or 0,
        costs=costs.count(chosen, results, hidden) if hidden and results is not None else None,
        cpu_seconds=ending.cpu_seconds,
        wall_seconds=ending.wall_seconds,
        sandbox=ending.sandbox,
        failure=failure,
    )


def _roomy(limits: Limits, plan: Plan) -> Limits:
    """The scale's limits, with room for as many output bytes as there are input bytes, and then some."""
    given = sum(array.nbytes for array in plan.inputs.values())
    return limits.model_copy(update={"output_bytes": max(limits.output_bytes, 2 * given)})


def _judge(
    plan: Plan, place: Path, scale: Frame, reference: int, quadratic: bool, limit: int
) -> tuple[list[Judgement], int, Results | None]:
    """Every verdict, unless shapes are wrong or values not finite: comparisons would mean nothing then."""
    notes = read_notes(place)
    if notes.elements > reference:  # the child says so and stops; it can harm itself only
        return [parameters.judge(scale, notes.elements, reference)], notes.elements, None
    outputs = read_outputs(plan, place, limit)
    state = read_state(place, limit)
    mixer = parameters.count(state)
    judged = [shapes.judge(plan, outputs)]
    if judged[-1][1] is not None:
        return judged, mixer, None
    results = read_results(plan, place, limit, outputs, state, notes)
    judged.append(finite.judge(results))
    if judged[-1][1] is not None:
        return judged, mixer, None
    judged += [
        batch.judge(results),
        causality.judge(results),
        length.judge(results),
        complexity.judge(results, quadratic),
        overwrites.judge(results),
        decoding.judge(results, quadratic),
        parameters.judge(scale, mixer, reference),
        gradients.judge(results),
        repeatable.judge(results),
        checkpoint.judge(results),
        numeric_range.judge(results),
        auxiliary.judge(results),
    ]
    if compilation.compiles(results) is not None:
        judged.append(compilation.judge(results))
    if plan.adapted:
        judged += [adapter.judge_mask(results), adapter.judge_cache(results)]
    return judged, mixer, results
