"""The science: checks, training, benchmarks and statistics of sequence-mixing designs.

Importing it never loads torch: only the children do, and the caller's ``launch`` starts them.
"""

from evaluation.baselines import Baseline, baselines
from evaluation.baselines import source as baseline_source
from evaluation.bench.null import Null, NullPlan, Share
from evaluation.bench.overhead import Overhead, overhead_study
from evaluation.bench.study import null_study, null_trainings
from evaluation.bench.trainings import TrainingFailed
from evaluation.benchmarking import benchmark
from evaluation.checks import check
from evaluation.comparison import Comparison, Difference, compare
from evaluation.corpus import Corpus, CorpusError, corpus, private_paths
from evaluation.data.prepare import prepare as prepare_data
from evaluation.data.shards import Dataset
from evaluation.efficiency import CLAIM, MEASURES, Measure, claims, measure_efficiency, of_training
from evaluation.fitness import Fitness, Gain, Panel, fitness
from evaluation.launch import (
    Answer,
    Ended,
    Exit,
    Launch,
    Limits,
    Profile,
    Used,
    answering,
    plain_launch,
    processor_seconds,
)
from evaluation.objectives import OBJECTIVES, Objective, objectives_of
from evaluation.reports import (
    BenchmarkReport,
    CheckReport,
    Costs,
    Efficiency,
    Failure,
    FailureKind,
    Progress,
    Report,
    TrainReport,
    Verdict,
)
from evaluation.scales import Scale, scale
from evaluation.training import train

__all__ = [
    "CLAIM",
    "MEASURES",
    "OBJECTIVES",
    "Answer",
    "Baseline",
    "BenchmarkReport",
    "CheckReport",
    "Comparison",
    "Corpus",
    "CorpusError",
    "Costs",
    "Dataset",
    "Difference",
    "Efficiency",
    "Ended",
    "Exit",
    "Failure",
    "FailureKind",
    "Fitness",
    "Gain",
    "Launch",
    "Limits",
    "Measure",
    "Null",
    "NullPlan",
    "Objective",
    "Overhead",
    "Panel",
    "Profile",
    "Progress",
    "Report",
    "Scale",
    "Share",
    "TrainReport",
    "TrainingFailed",
    "Used",
    "Verdict",
    "answering",
    "baseline_source",
    "baselines",
    "benchmark",
    "check",
    "claims",
    "compare",
    "corpus",
    "fitness",
    "measure_efficiency",
    "null_study",
    "null_trainings",
    "objectives_of",
    "of_training",
    "overhead_study",
    "plain_launch",
    "prepare_data",
    "private_paths",
    "processor_seconds",
    "scale",
    "train",
]
