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
from evaluation.launch import Used
from tasks.faults import NotConfined, Stopped
from tasks.sandbox.jail import MINIMUM_VARIABLE, jail, stop_everything
from tasks.sandbox.lines import LONGEST
from tasks.sandbox.server import stop_server
from tests.foreign_code import LIMITS, run_code


def run(code: str, folder: Path, limits: Limits = LIMITS) -> tuple[Exit, list[str]]:
    return run_code(jail(), code, folder, limits)


def owners_of(folder: Path) -> list[int]:
    """Processes that work in ``folder``."""
    found = []
    for one in psutil.process_iter():
        try:
            if os.path.realpath(f"/proc/{one.pid}/cwd") == str(folder):
                found.append(one.pid)
        except OSError:
            continue
    return found


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
    end, lines = run("while True: print('x' * 1000)", tmp_path)
    assert end.ended == "output"
    assert sum(map(len, lines)) <= LIMITS.output_bytes + LONGEST


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
        run_code(jail(tick), "import time; time.sleep(60)", tmp_path)
    assert time.monotonic() - started < LIMITS.wall_seconds
    assert not owners_of(tmp_path)


def test_stopping_ends_the_child(tmp_path: Path) -> None:
    stop_everything.set()
    try:
        with pytest.raises(Stopped):
            run("import time; time.sleep(60)", tmp_path)
    finally:
        stop_everything.clear()


@pytest.mark.parametrize("layers", ["None", "()"])
def test_a_child_and_what_it_started_die_with_their_supervisor(layers: str, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from tasks.sandbox.jail import jail\n"
        "from tests.foreign_code import run_code\n"
        'child = \'import os, time; os.fork(); open("pid%d" % os.getpid(), "w"); time.sleep(60)\'\n'
        f"run_code(jail(only={layers}), child, Path({str(tmp_path)!r}), profile='train')\n"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("pid*"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(owners_of(tmp_path)) >= 2
    os.killpg(supervisor.pid, signal.SIGKILL)
    supervisor.wait()
    while owners_of(tmp_path):
        assert time.monotonic() < deadline, "a child outlived its supervisor"
        time.sleep(0.05)


def test_a_dead_fork_server_is_replaced(tmp_path: Path) -> None:
    for folder in ("before", "after"):
        (tmp_path / folder).mkdir()
    run("", tmp_path / "before")
    servers = [one for one in psutil.Process().children() if "tasks.sandbox.fork_server" in one.cmdline()]
    assert len(servers) == 1
    servers[0].kill()
    servers[0].wait()
    end, _ = run("", tmp_path / "after")
    assert end.returncode == 0


def test_every_layer_is_reported(tmp_path: Path) -> None:
    end, _ = run("", tmp_path)
    for layer in ("resource limits", "capabilities", "landlock", "seccomp"):
        assert end.sandbox[layer].startswith("on ("), end.sandbox
    assert all(text.startswith(("on (", "off (")) for text in end.sandbox.values())
    assert end.start_seconds is not None


def test_below_the_minimum_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MINIMUM_VARIABLE, "landlock, moat")
    with pytest.raises(NotConfined, match="'moat', which does not exist"):
        run("open('ran', 'w')", tmp_path)
    assert not (tmp_path / "ran").exists()


def test_no_server_is_left_when_told_to_stop(tmp_path: Path) -> None:
    run("", tmp_path)
    stop_server()
    assert not [one for one in psutil.Process().children() if "tasks.sandbox.fork_server" in one.cmdline()]


@pytest.mark.slow
def test_compilers_work_where_training_needs_them(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, torch\n"
        "doubled = torch.compile(lambda x: x.sin() * 2)(torch.ones(4, 64))\n"
        "assert torch.allclose(doubled, torch.ones(4, 64).sin() * 2)\n"
        "assert os.listdir('cache')\n"
        "subprocess.run([sys.executable, '-c', 'import torch, triton'], check=True)\n"
    )
    limits = Limits(wall_seconds=300, cpu_seconds=300, memory_bytes=4 * 2**30)
    end, _ = run_code(jail(), code, tmp_path, limits, profile="train")
    assert (end.ended, end.returncode) == ("exited", 0), end.stderr_tail


CONVERSATION = """
import sys, time
print("ready", flush=True)
for line in sys.stdin:
    if line == "sleep\\n":
        time.sleep(0.5)
    if line == "work\\n":
        before = time.process_time()
        while time.process_time() < before + 0.3:
            pass
    if not line.strip():
        break
    print("done", line, end="", flush=True)
"""


def test_a_conversation_tells_work_from_sleep(tmp_path: Path) -> None:
    heard: list[tuple[str, Used]] = []

    def answer(line: str, used: Used) -> str | None:
        heard.append((line, used))
        return ["sleep", "work", ""][len(heard) - 1]

    end, _ = run_code(jail(), CONVERSATION, tmp_path, answer=answer)
    assert (end.ended, end.returncode) == ("exited", 0)
    assert [line for line, _ in heard] == ["ready", "done sleep", "done work"]
    seconds = [used.cpu_seconds for _, used in heard]
    assert seconds[2] - seconds[1] >= 0.3 > seconds[1] - seconds[0]
    assert heard[-1][1].resident_bytes > 2**20
    assert end.cpu_seconds >= seconds[-1]


def test_a_child_that_does_not_read_cannot_hold_up_its_supervisor(tmp_path: Path) -> None:
    code = "import time\nfor _ in range(20): print('more', flush=True)\ntime.sleep(60)"
    limits = LIMITS.model_copy(update={"wall_seconds": 2.0})
    end, _ = run_code(jail(), code, tmp_path, limits, answer=lambda line, used: "x" * 60_000)
    assert end.ended == "wall_clock"


def test_without_a_conversation_there_is_nothing_to_read(tmp_path: Path) -> None:
    end, lines = run("import sys; print(repr(sys.stdin.read()))", tmp_path)
    assert (end.returncode, lines) == (0, ["''"])
