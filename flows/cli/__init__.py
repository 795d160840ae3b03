"""The command line: each command lives in the file of its theme; faults become sentences here."""

import contextlib
import errno
import logging
import os
import sys
from collections.abc import Iterator

import typer

from flows.cli.approve import approve
from flows.cli.audit import app as audit
from flows.cli.bench import bench
from flows.cli.calibration import calibration
from flows.cli.cassette import app as cassette
from flows.cli.check import check
from flows.cli.cognition import app as cognition
from flows.cli.compare import compare
from flows.cli.components import components
from flows.cli.confirmations import confirmations
from flows.cli.control import pause, resume, stop
from flows.cli.data import app as data
from flows.cli.db import app as db
from flows.cli.dossier import app as dossier
from flows.cli.evaluate import evaluate
from flows.cli.export import export
from flows.cli.families import families
from flows.cli.fork import fork
from flows.cli.importing import app as importing
from flows.cli.inspect import diff, lineage, report, show, status
from flows.cli.leaderboard import leaderboard
from flows.cli.notify import notify
from flows.cli.promote import promote
from flows.cli.run import run
from flows.cli.scaling import scaling
from flows.cli.up import up
from flows.cli.verify import verify
from flows.cli.zero_shot import zero_shot

app = typer.Typer(
    name="archloop",
    help="A self-running laboratory that discovers neural sequence-mixing architectures.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    run, status, leaderboard, show, lineage, diff, report, calibration, components, families, compare, scaling, export,
    check, evaluate, verify, confirmations, promote, zero_shot, up, notify, pause, resume, stop, approve, fork,
):  # fmt: skip
    app.command()(command)
app.add_typer(audit, name="audit")
app.add_typer(bench, name="bench")
app.add_typer(cassette, name="cassette")
app.add_typer(cognition, name="cognition")
app.add_typer(data, name="data")
app.add_typer(db, name="db")
app.add_typer(dossier, name="dossier")
app.add_typer(importing, name="import")


def main() -> None:
    """Entry point of ``archloop``. Exits with 0 only for success; a fault that a person can mend is one sentence."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # the supervisor must not compete with the designs it trains
    spoken = logging.StreamHandler()
    spoken.setFormatter(logging.Formatter("archloop: %(message)s"))
    logging.getLogger("archloop").addHandler(spoken)  # what the rooms below have to say to a person who waits
    with _faults_as_sentences():
        app()


@contextlib.contextmanager
def _faults_as_sentences() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        _leave("Stopped. What is recorded stays; the same command goes on from here.", 130)
    except Exception as fault:
        sentence = _sentence(fault)
        if sentence is None:
            raise
        _leave(sentence, 130 if type(fault).__name__ == "Stopped" else 1)


def _sentence(fault: Exception) -> str | None:
    """The sentence for a fault that a person can mend; None for a bug, which deserves its traceback."""
    from archdb import ArchiveError, HomeUnusable, describe_os_fault, home, require_space
    from evaluation import CorpusError
    from flows.cli.asked import Refused
    from flows.seed_baselines import BaselineFailed
    from tasks.faults import CapacityFault, ModelUnusable, NotConfined, Stopped, TransportFault

    ours = CapacityFault | ModelUnusable | NotConfined | Stopped | TransportFault
    if isinstance(fault, ArchiveError | CorpusError | Refused | BaselineFailed | ours):
        return str(fault)
    try:
        require_space()
    except HomeUnusable as full:  # whatever failed, failed for want of space
        return str(full)
    disk = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
    if isinstance(fault, OSError) and fault.errno in disk:
        return describe_os_fault(fault, home())
    return None


def _leave(sentence: str, code: int) -> None:
    print(f"archloop: {sentence}", file=sys.stderr)
    raise SystemExit(code)
