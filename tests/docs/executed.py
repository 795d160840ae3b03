"""How the commands of the pages are executed: as they are shown, or so that they cost less; or not, and why not."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from tests.docs.shown import Command, program

FREE = "--domain tests.docs.free --cycles 1"  # real flows and stores; evaluations cost nothing
NOBODY = "--domain tests.docs.free --cycles 0"  # asks no model
LOCAL = "ARCHLOOP_MODELS=docs/local-model.toml archloop run --provider openai"
WORDS: Mapping[str, str] = {  # what stands for something of the reader's own: pages use a name for different things
    "CAMPAIGN": "default",
    "FILE.jsonl.gz": "{page}.jsonl.gz",
    "PATH": "ASI-Arch",
    "mine": "mine-{page}",
    "wide": "wide-{page}",
    "--scale NAME": "--scale nano",
    "-c NAME": "-c named",
    "t": "default",
    "t-c003": "default-c003",
    "t-c007": "default-c007",
}
IDEAS = f"{LOCAL} --campaign ideas --model qwen2.5-coder-1.5b --max-dollars 5 {NOBODY}"
INSTEAD: Mapping[str, str] = {
    "archloop show c007-without-short-conv": "archloop show $ABLATION",
    "archloop check asi-arch-1735": "archloop check asi-arch-0002",
    "archloop evaluate asi-arch-1735 --seeds 3": "archloop evaluate asi-arch-0002 --seeds 3",
    "archloop audit verify --campaign wide": "archloop audit verify --campaign default",
    "archloop run --campaign ideas --provider openai --model NAME --max-dollars 5": IDEAS,
    "archloop run -c ideas --provider openai --model NAME --max-dollars 5": IDEAS,
    "archloop run --campaign local --provider openai --cycles 2 --parallel 1": f"{LOCAL} --campaign local {NOBODY}",
    "archloop status --watch": "timeout --preserve-status --signal INT 5 archloop status --watch",
    "archloop data prepare SOURCE --into FOLDER --vocabulary 32768 [--text-field text] [--held-share 0.01]": (
        "archloop data prepare texts --into dataset --vocabulary 300 --held-share 0.1"
    ),
}


class NotRun(NamedTuple):
    """Why a command is not executed, and what covers the like: a file of this repository, and a test in it."""

    reason: str
    covered_by: str


CLUSTER = NotRun("needs a cluster", "tests/deploy/test_manifests.py")
TRAINS = NotRun("trains for hours", "tests/flows/test_bench.py")
PEOPLE = NotRun("waits for people", "tests/flows/test_control_live.py")
NOT_RUN: Mapping[str, NotRun] = {
    "make run": NotRun("installs from a package registry, and trains for ten minutes", ".ci/run"),
    "make test": NotRun("runs the tests", ".ci/run"),
    "make local-model": NotRun("fetches 1.1 GB", "tests/tasks/models/server.py"),
    "export OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=...": NotRun(
        "an endpoint of the reader's", "tests/flows/test_models_needed.py"
    ),
    "archloop run -c big --approvals 2 --approver ada --approver bob --approver cy": PEOPLE,
    "ARCHLOOP_APPROVALS=1 ARCHLOOP_APPROVERS=ada,bob archloop run -c big": PEOPLE,
    "archloop bench overhead --scale nano": TRAINS,
    "archloop bench table --designs 250 --parallel 2": TRAINS,
    "archloop bench baselines --scale NAME --seeds 3": TRAINS,
    "archloop up": NotRun("serves until Ctrl-C", "tests/flows/test_up.py::test_ctrl_c_ends_everything"),
}


def executed(command: Command) -> str:
    """What is executed for a command that is not in NOT_RUN."""
    if command.text in INSTEAD:
        return INSTEAD[command.text]
    text = re.sub(r" \[[^]]*\]", "", command.text)  # what may be left out
    for word, stands_for in WORDS.items():
        text = re.sub(rf"(?<![\w.-]){re.escape(word)}(?![\w.-])", stands_for.format(page=command.page), text)
    if program(text) == "archloop" and " run " in f"{text} " and "cassette" not in text:
        text += f" {FREE}"
    return text
