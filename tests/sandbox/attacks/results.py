"""Harming the supervisor by what it reads of a child: results, and last words."""

import contextlib
import pickle
import threading
from pathlib import Path

from evaluation import Exit
from evaluation.arrays import Malformed, read_arrays, read_bytes
from evaluation.endings import failure_of
from evaluation.jobs import OUTPUTS_FILE
from tests.sandbox.arena import LIMITS, Arena, unguarded
from tests.sandbox.attacks import attack


def naive(arena: Arena) -> bool:
    """Whether the control runs, in which the supervisor reads results as a trusting one would."""
    return arena.launch is unguarded


@attack("return results that run code when they are loaded")
def pickle_payload(arena: Arena) -> str:
    canary = arena.top / "ran"
    arena.run(
        "import pickle\n"
        "class Payload:\n"
        f"    def __reduce__(self): return (open, ({str(canary)!r}, 'w'))\n"
        f"open({OUTPUTS_FILE!r}, 'wb').write(pickle.dumps(Payload()))\n"
    )
    file = arena.folder / OUTPUTS_FILE
    with contextlib.suppress(Malformed):
        if naive(arena):
            pickle.loads(file.read_bytes())
        else:
            read_arrays(file, LIMITS.output_bytes)
    return "the payload ran" if canary.exists() else ""


@attack("return a link to a secret as the result")
def result_link(arena: Arena) -> str:
    arena.run(f"import os; os.symlink({str(arena.home / '.ssh' / 'id_rsa')!r}, {OUTPUTS_FILE!r})")
    return "the supervisor read the secret" if arena.secret.encode() in _read(arena) else ""


@attack("return a pipe as the result, so that the supervisor waits for ever")
def result_pipe(arena: Arena) -> str:
    arena.run(f"import os; os.mkfifo({OUTPUTS_FILE!r})")
    reader = threading.Thread(target=_read, args=(arena,), daemon=True)
    reader.start()
    reader.join(0.5)
    waits = reader.is_alive()
    if waits:
        (arena.folder / OUTPUTS_FILE).open("wb").close()  # lets the reader go
    return "the supervisor waits" if waits else ""


@attack("return a result that is larger than the supervisor's memory")
def result_hole(arena: Arena) -> str:
    size = 64 * LIMITS.output_bytes
    arena.run(f"f = open({OUTPUTS_FILE!r}, 'wb'); f.truncate({size})")
    return f"{size >> 20} MiB were read" if len(_read(arena)) == size else ""


def _read(arena: Arena) -> bytes:
    file = arena.folder / OUTPUTS_FILE
    if naive(arena):
        return file.read_bytes()
    with contextlib.suppress(Malformed):
        return read_bytes(file, LIMITS.output_bytes)
    return b""


@attack("forge the supervisor's own record of a finished training")
def forged_record(arena: Arena) -> str:
    record = Path(f"{arena.folder.parent}.report.json")
    arena.run("open('../../gpu-train-0-s1.report.json', 'w').write('{}')")
    return "the record is there" if record.exists() else ""


@attack("swap one's folder for a link, so that the supervisor works elsewhere")
def swapped_folder(arena: Arena) -> str:
    arena.run(
        "import os\n"
        f"os.rename({str(arena.folder)!r}, {str(arena.folder) + '-gone'!r})\n"
        f"os.symlink({str(arena.other)!r}, {str(arena.folder)!r})\n"
    )
    return "the folder is a link" if arena.folder.is_symlink() else ""


@attack("send commands to the person's terminal as last words")
def last_words(arena: Arena) -> str:
    end: Exit = arena.run("import sys; sys.exit('\\x1b]0;owned\\x07\\x1b[2J weights')")
    if naive(arena):
        shown = end.stderr_tail
    else:
        failure = failure_of(end, LIMITS, "check")
        shown = failure.message if failure is not None else ""
    return f"a person would be shown {shown!r}" if "\x1b" in shown else ""
