"""The zero-shot suite: published multiple-choice tasks and LAMBADA, for models of the large scales, through lm-eval.

tasks.py names the tasks, definitions.py finds lm-eval's definitions and their data, adapter.py is a model as lm-eval
knows one, rows.py turns its requests into rows of tokens, asking.py has children answer them and catches lies,
overlap.py and met.py look for the items in the training text, provenance.py labels results, scoring.py does all of
this. lm-eval is optional: adapter.py and definitions.py alone import it, when the suite runs.
"""
