"""The science: checks, training, benchmarks and statistics of sequence-mixing designs. Importing it never loads torch."""

from evaluation.benchmarking import benchmark
from evaluation.checks import check
from evaluation.corpus import CorpusError, corpus
from evaluation.objectives import OBJECTIVES, Objective
from evaluation.scales import Scale, scale
from evaluation.training import train
