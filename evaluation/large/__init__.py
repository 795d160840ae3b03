"""Training and scoring at the scales that need a GPU, as the parent sees it. Importing it loads no torch.

ready.py makes sure that a run can start, training.py starts it and keeps its weights, scoring.py scores them. What runs
on the GPUs is in child/.
"""
