"""Filling the disk, and leaving what cannot be cleaned up."""

import contextlib
import os
from pathlib import Path

from evaluation.reports import Report
from evaluation.workspace import workspace
from tests.sandbox.arena import LIMITS, Arena, Unsuited
from tests.sandbox.attacks import attack


class Empty(Report):
    """A job without content."""


def used(folder: Path) -> tuple[int, int]:
    """Bytes on disk, and files."""
    sizes = []
    for top, folders, files in os.walk(folder):
        for name in (*folders, *files):
            with contextlib.suppress(OSError):
                sizes.append(os.lstat(os.path.join(top, name)).st_blocks * 512)
    return sum(sizes), len(sizes)


@attack("write one file without end")
def big_file(arena: Arena) -> str:
    arena.run("f = open('big', 'wb')\nfor _ in range(60): f.write(b'x' * 2**20)")
    size = used(arena.folder)[0]
    return f"{size >> 20} MiB" if size > 20 * LIMITS.output_bytes else ""


@attack("make files without end")
def many_files(arena: Arena) -> str:
    peak = 0

    def look(_: list[int]) -> str:
        nonlocal peak
        peak = max(peak, used(arena.folder)[1])
        return f"{peak} files" if peak > 12 * LIMITS.files else ""

    arena.run("for n in range(8000): open(f'file{n}', 'w').close()\nimport time; time.sleep(0.3)", look=look)
    return arena.seen


@attack("fill the disk with files of allowed size")
def much_disk(arena: Arena) -> str:
    def look(_: list[int]) -> str:
        size = used(arena.folder)[0]
        return f"{size >> 20} MiB" if size > 8 * LIMITS.disk_bytes else ""

    arena.run(
        "for n in range(320): open(f'file{n}', 'wb').write(b'x' * (2**20 - 1))\nimport time; time.sleep(0.3)", look=look
    )
    return arena.seen


@attack("fill the disk with files that have no name")
def nameless_files(arena: Arena) -> str:
    def look(pids: list[int]) -> str:
        size = 0
        for pid in pids:
            for name in os.listdir(f"/proc/{pid}/fd"):
                facts = os.stat(f"/proc/{pid}/fd/{name}")
                size += facts.st_blocks * 512 if not facts.st_nlink else 0
        return f"{size >> 20} MiB without a name" if size > 8 * LIMITS.disk_bytes else ""

    arena.run(
        "import os, time\nheld = []\n"
        "for n in range(320):\n"
        "    held.append(open('file', 'wb'))\n"
        "    os.unlink('file')\n"
        "    held[-1].write(b'x' * (2**20 - 1))\n"
        "    held[-1].flush()\n"
        "time.sleep(0.3)\n",
        look=look,
    )
    return arena.seen


def _leftover(arena: Arena, code: str) -> str:
    """What is left of a job's folder after the work there is done."""
    with contextlib.suppress(RecursionError, OSError), workspace(arena.data / "work", "job", "", Empty()) as folder:
        arena.folder = folder
        arena.run(code)
    try:
        with workspace(arena.data / "work", "job", "", Empty()):
            return ""
    except (RecursionError, OSError) as error:
        return f"the next job fails: {type(error).__name__}"


@attack("nest folders deeper than the cleaning up can follow")
def deep_folders(arena: Arena) -> str:
    found = _leftover(arena, "import os\nfor _ in range(1200):\n    os.mkdir('d')\n    os.chdir('d')\n")
    os.system(f"rm -rf {arena.data / 'work' / 'job'}")
    return found


@attack("leave a folder that cannot be entered, so that it stays for ever")
def closed_folder(arena: Arena) -> str:
    if os.geteuid() == 0:
        raise Unsuited("nothing is closed to root")
    found = _leftover(
        arena,
        "import os\nos.makedirs('a/b')\nopen('a/b/c', 'w').close()\nos.mkdir('d', 0)\nos.umask(0o777)\n"
        "os.mkdir('e')\nos.makedirs('f/g', exist_ok=True)\n",
    )
    os.system(f"chmod -R u+rwx {arena.data / 'work' / 'job'} 2> /dev/null")
    return found


@attack("have a foreign file handed over along with one's folder")
def chowned_link(arena: Arena) -> str:
    victim = arena.other / "weights"
    owner = victim.stat().st_uid
    arena.run(f"import os; os.symlink({str(victim)!r}, 'soft'); os.link({str(victim)!r}, 'hard')")
    with contextlib.suppress(Exception):
        arena.run("open('soft', 'w').write('mine')")
    changed = victim.stat().st_uid != owner or victim.read_text() != arena.secret
    return "the file is the child's" if changed else ""
