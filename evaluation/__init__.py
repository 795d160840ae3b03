"""The science: checks, training, benchmarks and statistics of sequence-mixing designs.

Importing it never loads torch: only the children do, and the caller's ``launch`` starts them.
"""

from evaluation.ablation import ComponentEffect, Effect, component_effect
from evaluation.baselines import Baseline, baselines
from evaluation.baselines import source as baseline_source
from evaluation.bench.null import Null, NullPlan, Share, share
from evaluation.bench.overhead import Overhead, overhead_study
from evaluation.bench.panel import BaselineBench, Ordering, baseline_bench, panel_trainings, published
from evaluation.bench.study import null_study, null_trainings
from evaluation.bench.trainings import TrainingFailed
from evaluation.benchmarking import benchmark
from evaluation.ceilings import Ceilings, ceilings
from evaluation.checks import check
from evaluation.comparison import Comparison, Difference, compare
from evaluation.confirmation import confirm
from evaluation.corpus import Corpus, CorpusError, corpus, private_paths
from evaluation.data.prepare import prepare as prepare_data
from evaluation.data.shards import Dataset
from evaluation.detectable import POWER, smallest_found
from evaluation.efficiency import CLAIM, MEASURES, Measure, claims, measure_efficiency, of_training
from evaluation.export.modules import packages_of
from evaluation.export.package import write_package
from evaluation.export.relocating import Unmovable
from evaluation.fidelity.growing import grow as grow_table
from evaluation.fidelity.growing import trainings as table_trainings
from evaluation.fidelity.saving import Interval
from evaluation.fidelity.saving import Saving as LadderSaving
from evaluation.fidelity.study import Fidelity, Stopping, fidelity_study
from evaluation.fidelity.table import Entry
from evaluation.fidelity.table import Row as TableRow
from evaluation.fidelity.tried import Tried, tried
from evaluation.fitness import Fitness, Gain, Panel, fitness, reference_noise
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
from evaluation.library import Documented, library
from evaluation.objectives import METHOD, OBJECTIVES, Objective, objectives_from, objectives_of, sign
from evaluation.parsing import parse_program
from evaluation.population import Population, PopulationDesign, PopulationEffect, population_effects
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
from evaluation.scales import names as scale_names
from evaluation.scaling import (
    LEAST_DISCOVERIES,
    LEAST_SCORES,
    Discovery,
    FittedLaw,
    Flattening,
    discovery_law,
    flattening,
    rate_interval,
)
from evaluation.searches import Evaluated, Searches, compare_searches
from evaluation.training import train
from evaluation.verification import Verification, best_baseline, fitness_of_seeds, fresh_seeds, promote, verify
from evaluation.zero_shot.given_file import zero_shot_file
from evaluation.zero_shot.reports import ZeroShotReport

__all__ = [
    "CLAIM",
    "LEAST_DISCOVERIES",
    "LEAST_SCORES",
    "MEASURES",
    "METHOD",
    "OBJECTIVES",
    "POWER",
    "Answer",
    "Baseline",
    "BaselineBench",
    "BenchmarkReport",
    "Ceilings",
    "CheckReport",
    "Comparison",
    "ComponentEffect",
    "Corpus",
    "CorpusError",
    "Costs",
    "Dataset",
    "Difference",
    "Discovery",
    "Documented",
    "Effect",
    "Efficiency",
    "Ended",
    "Entry",
    "Evaluated",
    "Exit",
    "Failure",
    "FailureKind",
    "Fidelity",
    "Fitness",
    "FittedLaw",
    "Flattening",
    "Gain",
    "Interval",
    "LadderSaving",
    "Launch",
    "Limits",
    "Measure",
    "Null",
    "NullPlan",
    "Objective",
    "Ordering",
    "Overhead",
    "Panel",
    "Population",
    "PopulationDesign",
    "PopulationEffect",
    "Profile",
    "Progress",
    "Report",
    "Scale",
    "Searches",
    "Share",
    "Stopping",
    "TableRow",
    "TrainReport",
    "TrainingFailed",
    "Tried",
    "Unmovable",
    "Used",
    "Verdict",
    "Verification",
    "ZeroShotReport",
    "answering",
    "baseline_bench",
    "baseline_source",
    "baselines",
    "benchmark",
    "best_baseline",
    "ceilings",
    "check",
    "claims",
    "compare",
    "compare_searches",
    "component_effect",
    "confirm",
    "corpus",
    "discovery_law",
    "fidelity_study",
    "fitness",
    "fitness_of_seeds",
    "flattening",
    "fresh_seeds",
    "grow_table",
    "library",
    "measure_efficiency",
    "null_study",
    "null_trainings",
    "objectives_from",
    "objectives_of",
    "of_training",
    "overhead_study",
    "packages_of",
    "panel_trainings",
    "parse_program",
    "plain_launch",
    "population_effects",
    "prepare_data",
    "private_paths",
    "processor_seconds",
    "promote",
    "published",
    "rate_interval",
    "reference_noise",
    "scale",
    "scale_names",
    "share",
    "sign",
    "smallest_found",
    "table_trainings",
    "train",
    "tried",
    "verify",
    "write_package",
    "zero_shot_file",
]
