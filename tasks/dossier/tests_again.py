"""The campaign's tests on fresh seeds, made again in their order: p-values, levels, the predicate of a breakthrough."""

from collections.abc import Mapping, Sequence

from archdb import Body, Experiment, Verified
from evaluation import Panel, Verification, fitness_of_seeds, fresh_seeds, promote, verify
from tasks.dossier.judging import Judgement
from tasks.dossier.seeds import Scores, held_out_seeds
from tasks.dossier.trace import Trace
from tasks.rivals import repetitions_of, rival_of


def test_again(
    trace: Trace, scores: Mapping[str, Sequence[Scores]], panel: Panel, judgement: Judgement
) -> dict[str, Body]:
    """Recompute each test. Returns the results by the design's id; the level of each depends on those before it."""
    baseline = rival_of(panel, trace.experiments.values())
    earlier: list[Verification] = []
    results: dict[str, Body] = {}
    for place, one in enumerate(trace.tests, start=1):
        judgement.agree(one.id, "number", one.number, place)
        judgement.agree(one.id, "baseline", one.baseline, baseline)
        repeated, rival = map(trace.experiments.get, repetitions_of(one.experiment, one.baseline))
        if repeated is None or rival is None or not scores[repeated.id] or not scores[rival.id]:
            judgement.differ(f"The test {one.id} cannot be made again, nor those after it: trainings are missing.")
            break
        _same_pair(trace, one, repeated, rival, judgement)
        ours, theirs = (fitness_of_seeds(scores[side.id], panel) for side in (repeated, rival))
        found = verify(ours, theirs, earlier)
        _reported(trace, repeated, "verify", found, judgement)
        if found.breakthrough and one.result.get("promoted") is not None:
            held = [held_out_seeds(trace, side, judgement) for side in (repeated, rival)]
            if all(held):
                found = promote(found, *(fitness_of_seeds(side, panel) for side in held))
                _reported(trace, repeated, "promote", found, judgement)
        result = found.model_dump(mode="json")
        judgement.agree(one.id, "result", one.result, result)
        results[one.experiment] = result
        earlier.append(found)
    return results


def _reported(trace: Trace, repeated: Experiment, stage: str, found: Verification, judgement: Judgement) -> None:
    told = repeated.stage(stage, 0)
    if told is None:
        judgement.differ(f"{repeated.id} has no record of the stage {stage}, though its test is told of.")
        return
    report = trace.report(repeated, told, Verification, judgement)
    if report is not None:
        judgement.agree(repeated.id, stage, report.model_dump(mode="json"), found.model_dump(mode="json"))


def _same_pair(trace: Trace, one: Verified, repeated: Experiment, rival: Experiment, judgement: Judgement) -> None:
    """Both sides are the programs that they stand for, on the seeds that the design's id gives."""
    design = trace.experiments.get(one.experiment)
    original = trace.experiments.get(f"{trace.campaign.id}-{one.baseline}")
    for side, of in ((repeated, design), (rival, original)):
        judgement.agree(side.id, "program", side.code, of.code if of is not None else None)
        judgement.agree(side.id, "seeds", side.seeds, fresh_seeds(one.experiment, max(2, len(side.seeds))))
