"""Prepared datasets for scales that need a GPU: text turned into shards of tokens once, read by every training.

sources.py yields documents, split.py sends each to a part, tokens.py turns it into numbers, shards.py writes and reads
them, prepare.py does all of this, windows.py says which tokens a training step sees.
"""
