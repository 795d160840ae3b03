"""The science: checks, training, benchmarks and statistics of sequence-mixing designs.

Importing it never loads torch: only the children do, and the caller's ``launch`` starts them.
"""

from evaluation.baselines import Baseline, baselines
from evaluation.baselines import source as baseline_source
from evaluation.bench.null import Null, NullPlan, Share
from evaluation.bench.panel import BaselineBench, Ordering, baseline_bench, panel_trainings, published
from evaluation.bench.study import null_study, null_trainings
from evaluation.bench.trainings import TrainingFailed
from evaluation.benchmarking import benchmark
from evaluation.checks import check
from evaluation.comparison import Comparison, Difference, compare
from evaluation.corpus import Corpus, CorpusError, corpus, private_paths
from evaluation.data.prepare import prepare as prepare_data
from evaluation.data.shards import Dataset
from evaluation.fidelity.growing import grow as grow_table
from evaluation.fidelity.growing import trainings as table_trainings
from evaluation.fidelity.saving import Interval
from evaluation.fidelity.saving import Saving as LadderSaving
from evaluation.fidelity.study import Fidelity, Stopping, fidelity_study
from evaluation.fidelity.table import Entry
from evaluation.fidelity.table import Row as TableRow
from evaluation.fitness import Fitness, Gain, Panel, fitness
from evaluation.launch import Ended, Exit, Launch, Limits, Profile, plain_launch
from evaluation.objectives import OBJECTIVES, Objective, objectives_of
from evaluation.reports import (
    BenchmarkReport,
    CheckReport,
    Failure,
    FailureKind,
    Progress,
    Report,
    TrainReport,
    Verdict,
)
from evaluation.scales import Scale, scale
from evaluation.training import train
from evaluation.verification import Verification, best_baseline, fitness_of_seeds, fresh_seeds, promote, verify
from evaluation.zero_shot.given_file import zero_shot_file
from evaluation.zero_shot.reports import ZeroShotReport

__all__ = [
    "OBJECTIVES",
    "Baseline",
    "BaselineBench",
    "BenchmarkReport",
    "CheckReport",
    "Comparison",
    "Corpus",
    "CorpusError",
    "Dataset",
    "Difference",
    "Ended",
    "Entry",
    "Exit",
    "Failure",
    "FailureKind",
    "Fidelity",
    "Fitness",
    "Gain",
    "Interval",
    "LadderSaving",
    "Launch",
    "Limits",
    "Null",
    "NullPlan",
    "Objective",
    "Ordering",
    "Panel",
    "Profile",
    "Progress",
    "Report",
    "Scale",
    "Share",
    "Stopping",
    "TableRow",
    "TrainReport",
    "TrainingFailed",
    "Verdict",
    "Verification",
    "ZeroShotReport",
    "baseline_bench",
    "baseline_source",
    "baselines",
    "benchmark",
    "best_baseline",
    "check",
    "compare",
    "corpus",
    "fidelity_study",
    "fitness",
    "fitness_of_seeds",
    "fresh_seeds",
    "grow_table",
    "null_study",
    "null_trainings",
    "objectives_of",
    "panel_trainings",
    "plain_launch",
    "prepare_data",
    "private_paths",
    "promote",
    "published",
    "scale",
    "table_trainings",
    "train",
    "verify",
    "zero_shot_file",
]
