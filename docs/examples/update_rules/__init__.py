"""A domain that optimises update rules: how a gradient becomes a step. docs/own-domain.md explains it.

A design is a file with ``update(gradient, state, share)``: what is to be added to the parameters, given the gradient, a
dictionary of the rule's own that is empty at the first step, and the share of the training that is over.
"""

# ruff: noqa: F401
from evaluation import compare, fitness
from update_rules.agents import agents
from update_rules.problems import METHOD, corpus, objectives_of, scale
from update_rules.rules import baseline_source, baselines, library
from update_rules.scoring import MEASURES, benchmark, claims, measure_efficiency, objectives_from, of_training
from update_rules.training import ceilings, check, train
