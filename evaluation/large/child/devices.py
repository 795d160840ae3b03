"""Which GPUs are there?"""

import json

import torch

from evaluation.candidate import stop
from evaluation.jobs import NO_GPU


def tell() -> None:
    """Print the number of GPUs, or end with NO_GPU."""
    if not torch.cuda.is_available():
        stop(NO_GPU, f"No GPU is visible to torch {torch.__version__}, and this scale needs one.")
    print(json.dumps({"gpus": torch.cuda.device_count()}), flush=True)
