"""A launch for attacks that are already past the static gate, and with no jail around them.

It shows what holds when both have failed: that the parent alone judges and scores. Children fork from one process that
has torch loaded, so that a test may run many. Run as a script, this file is that process.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from evaluation import Exit, Limits, Profile


class Unguarded:
    """A ``Launch``, usable while its context is open."""

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(
            [sys.executable, "-I", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.communicate()

    def __call__(
        self,
        module: str,
        mode: str,
        *,
        folder: Path,
        limits: Limits,
        profile: Profile = "check",
        on_line: Callable[[str], None] | None = None,
    ) -> Exit:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as outputs:
            asked = {
                "module": module,
                "mode": mode,
                "folder": str(folder),
                "cpu": max(1, int(limits.cpu_seconds)),
                "wall": max(1, int(limits.wall_seconds)),
                "outputs": outputs,
            }
            print(json.dumps(asked), file=self._server.stdin, flush=True)
            ended = json.loads(self._server.stdout.readline())
            for line in (Path(outputs) / "1").read_text(errors="replace").splitlines():
                if on_line is not None:
                    on_line(line)
            tail = (Path(outputs) / "2").read_text(errors="replace")[-4000:]
        return Exit(
            returncode=os.waitstatus_to_exitcode(ended["status"]),
            ended="exited",
            wall_seconds=time.monotonic() - started,
            cpu_seconds=ended["cpu"],
            peak_bytes=ended["peak"],
            stderr_tail=tail,
            sandbox={"sandbox": "off (a test without gate and jail)"},
        )


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Fork a child for every request; say how it ended."""
    import evaluation.candidate
    import evaluation.gate

    for module in (evaluation.gate, evaluation.candidate):
        module.refusal = lambda source, extra_imports=(): None  # type: ignore[attr-defined]
    import evaluation.child  # loads torch, which the children then need not do

    for line in requests:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(asked)
        _, status, usage = os.wait4(child, 0)
        cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
        print(json.dumps({"status": status, "cpu": cpu, "peak": peak}), file=answers, flush=True)


def _run(asked: dict[str, Any]) -> None:
    code = 1
    try:
        os.setsid()
        os.chdir(asked["folder"])
        for stream in (1, 2):
            opened = os.open(Path(asked["outputs"]) / str(stream), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(opened, stream)
        resource.setrlimit(resource.RLIMIT_CPU, (asked["cpu"], asked["cpu"] + 5))
        signal.alarm(asked["wall"])
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        sys.argv = [asked["module"], asked["mode"]]
        import_module(asked["module"]).main(asked["mode"])
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
