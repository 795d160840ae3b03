"""Loading a design as a child does, and leaving this process as it was."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from evaluation.candidate import load_candidate
from evaluation.jobs import CANDIDATE_FILE

DESIGNS = Path(__file__).parent / "designs"

Load = Callable[[str], type[nn.Module]]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Load a design of the folder ``designs`` by its name. The finder and torch.compile are put back afterwards."""
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(torch, "compile", torch.compile)

    def by_name(name: str) -> type[nn.Module]:
        shutil.copy(DESIGNS / f"{name}.py", tmp_path / CANDIDATE_FILE)
        return load_candidate(tmp_path)

    yield by_name
    for name in [name for name in sys.modules if name.partition(".")[0] in ("fla", "transformers")]:
        del sys.modules[name]
