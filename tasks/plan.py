"""What repeating or dispatching designs may cost at most, operation by operation: reserved whole before it starts."""

from collections.abc import Sequence

from archdb import Amounts, Campaign, Experiment, stage_key, stage_operation
from tasks.benchmark import most_for_benchmark, most_for_hold_out
from tasks.compile_check import most_for_check
from tasks.gpu_train import most_for_training


def repetition_plan(campaign: Campaign, repeated: Sequence[Experiment]) -> dict[str, Amounts]:
    """Every operation of a check, and of training, benchmark and hold-out on each seed."""
    plan: dict[str, Amounts] = {}
    check, training, benchmark = most_for_check(campaign), most_for_training(campaign), most_for_benchmark(campaign)
    for one in repeated:
        plan[stage_operation(one.id, stage_key("compile-check", one.attempt))] = check
        for seed in one.seeds:
            plan[stage_operation(one.id, stage_key("gpu-train", one.attempt, seed))] = training
            plan[stage_operation(one.id, stage_key("benchmark", one.attempt, seed))] = benchmark
    return plan | dict.fromkeys(hold_outs(repeated), most_for_hold_out(campaign))


def evaluation_plan(campaign: Campaign, experiment: Experiment) -> dict[str, Amounts]:
    """Training and benchmark of every seed that the checked experiment still lacks."""
    plan: dict[str, Amounts] = {}
    for seed in experiment.seeds:
        for stage, most in (("gpu-train", most_for_training), ("benchmark", most_for_benchmark)):
            key = stage_key(stage, experiment.attempt, seed)
            if key not in experiment.stages:
                plan[stage_operation(experiment.id, key)] = most(campaign)
    return plan


def hold_outs(repeated: Sequence[Experiment]) -> list[str]:
    """The operations that a design which is no breakthrough is spared."""
    return [stage_operation(one.id, stage_key("hold-out", one.attempt, seed)) for one in repeated for seed in one.seeds]
