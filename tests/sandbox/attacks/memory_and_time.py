"""Taking more memory, time or attention than allowed. Sizes are bounded, for the controls."""

from pathlib import Path

from tests.sandbox.arena import LIMITS, Arena
from tests.sandbox.attacks import attack

MANY = 800 * 2**20  # bytes; less is allowed, of which Python and torch take a part
SPIN = 4.0  # seconds of compute time


def shared_memory() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("Shmem:"))


def _peak(arena: Arena) -> str:
    assert arena.exit is not None
    return f"{arena.exit.peak_bytes >> 20} MiB in use" if arena.exit.peak_bytes > 0.9 * MANY else ""


@attack("allocate memory without end")
def memory(arena: Arena) -> str:
    arena.run(f"held = []\nfor _ in range({MANY} >> 22): held.append(bytearray(b'x') * 2**22)")
    return _peak(arena)


@attack("allocate shared memory without end")
def shared_maps(arena: Arena) -> str:
    arena.run(
        f"import mmap\nheld = mmap.mmap(-1, {MANY})\n"
        f"for at in range(0, {MANY}, 2**22): held[at : at + 2**22] = b'x' * 2**22\n"
    )
    return _peak(arena)


@attack("hold shared memory that the process's own size does not show")
def hidden_shared_maps(arena: Arena) -> str:
    return _rise(
        arena,
        f"import mmap, time\nheld = mmap.mmap(-1, {MANY})\n"
        f"for at in range(0, {MANY}, 2**22):\n"
        "    held[at : at + 2**22] = b'x' * 2**22\n"
        "    held.madvise(mmap.MADV_DONTNEED, at, 2**22)\n"
        "time.sleep(0.3)\n",
    )


@attack("hold memory in a file that has no name")
def memory_file(arena: Arena) -> str:
    return _rise(
        arena,
        "import os, time\nheld = os.memfd_create('x')\n"
        f"for _ in range({MANY} >> 19): os.write(held, b'x' * 2**19)\n"
        "time.sleep(0.3)\n",
    )


def _rise(arena: Arena, code: str) -> str:
    before = shared_memory()

    def look(_: list[int]) -> str:
        more = shared_memory() - before
        return f"{more >> 20} MiB more shared memory in use" if more > 0.9 * MANY else ""

    arena.run(code, look=look)
    return arena.seen


@attack("compute for ever, deaf to every signal")
def spin(arena: Arena) -> str:
    arena.run(
        "import signal, time\n"
        "for number in range(1, 64):\n"
        "    try: signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n"
        f"while time.process_time() < {SPIN}: pass\n",
        wall_seconds=60.0,
    )
    return _compute(arena)


@attack("compute for ever in many short-lived processes")
def spin_in_turns(arena: Arena) -> str:
    arena.run(
        "import os, time\n"
        f"while sum(os.times()[:4]) < {SPIN}:\n"
        "    if not os.fork():\n"
        "        while time.process_time() < 1: pass\n"
        "        os._exit(0)\n"
        "    os.wait()\n",
        profile="train",
        wall_seconds=60.0,
    )
    return _compute(arena)


def _compute(arena: Arena) -> str:
    assert arena.exit is not None
    used = arena.exit.cpu_seconds
    return f"{used:.1f} s of compute time" if used > LIMITS.cpu_seconds + 2.5 else ""


@attack("do nothing, for ever")
def sleep(arena: Arena) -> str:
    arena.run("import os, time; os.close(1); os.close(2); time.sleep(4)", wall_seconds=1.0)
    assert arena.exit is not None
    return f"{arena.exit.wall_seconds:.1f} s" if arena.exit.wall_seconds > 3.5 else ""


@attack("print without end")
def flood(arena: Arena) -> str:
    received = 0

    def count(line: str) -> None:
        nonlocal received
        received += len(line)

    arena.on_line = count
    arena.run("for _ in range(30000): print('x' * 1000)")
    return f"{received >> 20} MiB of lines" if received > 2 * LIMITS.output_bytes else ""
