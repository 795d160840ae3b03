"""How much of a training is needed to tell which designs are best: a table of real trainings, and what it says."""
