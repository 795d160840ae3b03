"""Benches of the science itself: how often it is wrong, and what it finds. Raw results go to docs/results/."""
