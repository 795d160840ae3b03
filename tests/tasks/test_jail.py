"""The jailed launch, with real children."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from evaluation import Exit, Limits
from tasks.faults import Stopped
from tasks.sandbox.jail import jail, stop_everything

LIMITS = Limits(wall_seconds=20, cpu_seconds=10, memory_bytes=512 * 2**20, output_bytes=2**20)


def run(code: str, folder: Path, limits: Limits = LIMITS) -> tuple[Exit, list[str]]:
    lines: list[str] = []
    return jail()(["-I", "-c", code], folder=folder, limits=limits, on_line=lines.append), lines


def test_a_good_child(tmp_path: Path) -> None:
    end, lines = run("import os; open('out', 'w').write('x'); print('hello'); print(os.getcwd())", tmp_path)
    assert (end.ended, end.returncode, lines) == ("exited", 0, ["hello", str(tmp_path)])
    assert (tmp_path / "out").read_text() == "x"
    assert end.sandbox["environment"].startswith("on")


def test_the_environment_is_not_inherited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-1234")
    end, lines = run("import os; print(dict(os.environ))", tmp_path)
    assert end.ended == "exited"
    assert "canary" not in lines[0]
    assert "OMP_NUM_THREADS" in lines[0]


def test_a_sleeper_hits_the_wall_clock(tmp_path: Path) -> None:
    end, _ = run("import time; time.sleep(60)", tmp_path, LIMITS.model_copy(update={"wall_seconds": 1.0}))
    assert end.ended == "wall_clock"


def test_a_sleeper_that_closed_its_output_hits_the_wall_clock(tmp_path: Path) -> None:
    code = "import os, time; os.close(1); os.close(2); time.sleep(60)"
    end, _ = run(code, tmp_path, LIMITS.model_copy(update={"wall_seconds": 1.0}))
    assert end.ended == "wall_clock"


def test_a_loop_that_ignores_signals_hits_the_cpu_limit(tmp_path: Path) -> None:
    code = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    end, _ = run(code, tmp_path, LIMITS.model_copy(update={"cpu_seconds": 1.0}))
    assert end.ended == "cpu"
    assert end.cpu_seconds >= 1.0


def test_endless_allocation_is_ended(tmp_path: Path) -> None:
    end, _ = run("x = []\nwhile True: x.append(bytearray(2**22))", tmp_path)
    assert end.ended == "memory"


def test_a_flood_of_output_is_ended(tmp_path: Path) -> None:
    end, _ = run("while True: print('x' * 1000)", tmp_path)
    assert end.ended == "output"


def test_a_big_file_is_refused(tmp_path: Path) -> None:
    end, _ = run("open('big', 'wb').write(b'x' * 2**22)", tmp_path)
    assert end.returncode != 0
    assert (tmp_path / "big").stat().st_size <= LIMITS.output_bytes


def test_garbage_on_stdout_is_only_text(tmp_path: Path) -> None:
    end, lines = run("import os; os.write(1, bytes(range(256)) * 20 + b'\\n')", tmp_path)
    assert end.ended == "exited"
    assert lines


def test_what_a_tick_raises_ends_the_child(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def tick() -> None:
        raise Enough

    started = time.monotonic()
    with pytest.raises(Enough):
        jail(tick)(["-I", "-c", "import time; print(1, flush=True); time.sleep(60)"], folder=tmp_path, limits=LIMITS)
    assert time.monotonic() - started < LIMITS.wall_seconds
    assert not [child for child in psutil.Process().children() if "time.sleep(60)" in " ".join(child.cmdline())]


def test_stopping_ends_the_child(tmp_path: Path) -> None:
    stop_everything.set()
    try:
        with pytest.raises(Stopped):
            run("import time; time.sleep(60)", tmp_path)
    finally:
        stop_everything.clear()


def test_a_child_dies_with_its_supervisor(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from evaluation import Limits\n"
        "from tasks.sandbox.jail import jail\n"
        "limits = Limits(wall_seconds=60, cpu_seconds=60, memory_bytes=2**30)\n"
        'child = \'import os, time; open("pid", "w").write(str(os.getpid())); time.sleep(60)\'\n'
        f"jail()(['-I', '-c', child], folder=Path({str(tmp_path)!r}), limits=limits)\n"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    pid_file = tmp_path / "pid"
    deadline = time.monotonic() + 60
    while not pid_file.exists() or not pid_file.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(supervisor.pid, signal.SIGKILL)
    supervisor.wait()
    pid = int(pid_file.read_text())
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the child outlived its supervisor"
        time.sleep(0.05)
