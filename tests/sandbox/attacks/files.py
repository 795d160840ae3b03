"""Reading what is secret, and changing what belongs to others."""

import contextlib
import os
import pty
import select
from pathlib import Path

import evaluation
from evaluation import private_paths
from tests.sandbox.arena import Arena, Unsuited
from tests.sandbox.attacks import attack

CANARY = "archloop_attack_canary"


def steal(path: Path) -> str:
    return f"open('loot', 'wb').write(open({str(path)!r}, 'rb').read(1000))"


@attack("read a key in the home folder")
def home_key(arena: Arena) -> str:
    arena.run(steal(arena.home / ".ssh" / "id_rsa"))
    return arena.loot()


@attack("find and read whatever the home folder holds, without knowing its name")
def home_walk(arena: Arena) -> str:
    arena.run(
        "import os\n"
        f"for top, _, names in os.walk({str(arena.top)!r}):\n"
        "    for name in names:\n"
        "        try:\n"
        "            data = open(os.path.join(top, name)).read(1000)\n"
        "        except OSError:\n"
        "            continue\n"
        "        if 'canary-' in data: open('loot', 'a').write(data)\n"
    )
    return arena.loot()


@attack("read the records of the laboratory")
def data_folder(arena: Arena) -> str:
    arena.run(steal(arena.data / "store" / "records"))
    return arena.loot()


@attack("read another experiment's folder, up from one's own")
def other_experiment(arena: Arena) -> str:
    arena.run("open('loot', 'w').write(open('../../../other/weights').read())")
    return arena.loot()


@attack("read the sealed text")
def sealed_corpus(arena: Arena) -> str:
    texts = sorted(private_paths()[0].glob("*.txt"))
    arena.run(steal(texts[-1]))
    begin = texts[-1].read_bytes()[:1000]
    loot = arena.folder / "loot"
    return "the child read the sealed text" if loot.exists() and loot.read_bytes()[:1000] == begin else ""


@attack("read a secret by a path through /proc")
def by_way_of_proc(arena: Arena) -> str:
    secret = arena.data / "store" / "records"
    arena.run(
        "import os\n"
        "for way in ('/proc/self/root', '/proc/1/root', '/proc/self/cwd/../../../../..', '/proc/thread-self/root'):\n"
        "    try:\n"
        f"        open('loot', 'a').write(open(way + {str(secret)!r}).read())\n"
        "    except OSError:\n"
        "        pass\n"
    )
    return arena.loot()


@attack("leave something in a start-up file of the home folder")
def home_profile(arena: Arena) -> str:
    profile = arena.home / ".profile"
    profile.write_text("# mine\n")
    arena.run(f"open({str(profile)!r}, 'a').write('echo owned')")
    return "the start-up file was changed" if "owned" in profile.read_text() else ""


@attack("plant a module among the installed packages")
def poisoned_venv(arena: Arena) -> str:
    import torch

    return _plant(arena, Path(torch.__file__).parent.parent / f"{CANARY}.py")


@attack("plant a file in the repository")
def poisoned_repository(arena: Arena) -> str:
    return _plant(arena, Path(evaluation.__file__).parent / f"{CANARY}.py")


def _plant(arena: Arena, target: Path) -> str:
    if not os.access(target.parent, os.W_OK):
        raise Unsuited("this user may not write there anyway")
    try:
        arena.run(f"open({str(target)!r}, 'w').write('raise SystemExit')")
        return f"{target} was written" if target.exists() else ""
    finally:
        target.unlink(missing_ok=True)


@attack("overwrite a foreign file in place")
def overwrite(arena: Arena) -> str:
    victim = arena.other / "weights"
    arena.run(f"f = open({str(victim)!r}, 'r+'); f.truncate(0); f.write('mine')")
    return "the file was changed" if victim.read_text() != arena.secret else ""


@attack("delete foreign files")
def delete(arena: Arena) -> str:
    arena.run(f"import shutil; shutil.rmtree({str(arena.other)!r})")
    return "" if (arena.other / "weights").exists() else "the files are gone"


@attack("move a foreign file into one's folder")
def move_in(arena: Arena) -> str:
    arena.run(f"import os; os.rename({str(arena.other / 'weights')!r}, 'loot')")
    return arena.loot() or ("" if (arena.other / "weights").exists() else "the file is gone")


@attack("give a foreign file a second name in one's folder")
def hard_link(arena: Arena) -> str:
    arena.run(f"import os; os.link({str(arena.other / 'weights')!r}, 'loot')")
    return arena.loot() or ("a second name" if (arena.other / "weights").stat().st_nlink > 1 else "")


@attack("change the mode of a foreign file")
def foreign_mode(arena: Arena) -> str:
    key = arena.home / ".ssh" / "id_rsa"
    key.chmod(0o600)
    arena.run(f"import os; os.chmod({str(key)!r}, 0o666)")
    return "the key is open to all" if key.stat().st_mode & 0o077 else ""


@attack("change the times of a foreign file")
def foreign_times(arena: Arena) -> str:
    key = arena.home / ".ssh" / "id_rsa"
    arena.run(f"import os; os.utime({str(key)!r}, (1, 1))")
    return "the times were changed" if key.stat().st_mtime == 1 else ""


@attack("write to a terminal of the person")
def terminal(arena: Arena) -> str:
    ours, theirs = pty.openpty()
    try:
        path = os.ttyname(theirs)
        arena.run(f"open({path!r}, 'w').write('\\x1b]0;owned\\x07')")
        if select.select([ours], [], [], 0.1)[0]:
            return f"the terminal got {os.read(ours, 100)!r}"
        return ""
    finally:
        for end in (ours, theirs):
            with contextlib.suppress(OSError):
                os.close(end)


@attack("make a device node for the machine's disk")
def device_node(arena: Arena) -> str:
    if os.geteuid() != 0:
        raise Unsuited("only root may make device nodes")
    arena.run("import os, stat; os.mknod('disk', stat.S_IFBLK | 0o600, os.stat('/').st_dev)")
    return "the node is there" if (arena.folder / "disk").exists() else ""
