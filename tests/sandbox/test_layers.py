"""The parts of the sandbox that can be looked at one by one."""

import os
import re
from pathlib import Path

import pytest

from evaluation import private_paths
from tasks.sandbox import seccomp
from tasks.sandbox.folder import MOST_NESTED, contents_of, empty, give
from tasks.sandbox.order import MINIMUM, shortfall
from tasks.sandbox.syscalls import NUMBERS, numbers_of
from tasks.sandbox.visible import Grant, names, shared, sparing

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("machine", HEADERS)
def test_system_call_numbers_are_the_kernels(machine: str) -> None:
    header = HEADERS[machine]
    if not header.exists():
        pytest.skip("no kernel headers are installed")
    theirs = {name: int(number) for name, number in re.findall(r"__NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())}
    ours = numbers_of(machine)
    assert {name: number for name, number in ours.items() if theirs.get(name, number) != number} == {}
    assert len(theirs.keys() & ours.keys()) > 80


def test_a_machine_that_the_table_lacks_is_refused() -> None:
    with pytest.raises(OSError, match="no table"):
        numbers_of("sparc")


@pytest.mark.parametrize("machine", HEADERS)
@pytest.mark.parametrize("profile", ["check", "train"])
def test_the_filter_decides_each_call_as_it_says(machine: str, profile: str) -> None:
    code = seccomp.program(machine, profile, False, pid=77)  # type: ignore[arg-type]
    numbers = numbers_of(machine)

    def verdict(number: int, *arguments: int, kind: int = seccomp.ARCHITECTURES[machine]) -> int:
        return run_filter(code, number, kind, [*arguments, 0, 0, 0, 0, 0, 0][:6])

    refused = seccomp.refused(profile, False)  # type: ignore[arg-type]
    assert refused <= set(NUMBERS)
    for name, number in numbers.items():
        if name in refused:
            assert verdict(number) == seccomp.REFUSE, name
        elif name not in seccomp.CONDITIONAL:
            assert verdict(number) == seccomp.ALLOW, name
    assert verdict(numbers["openat"], 0, 0, os.O_CREAT, 0o644) == seccomp.ALLOW
    assert verdict(numbers["openat"], 0, 0, os.O_CREAT, 0o4755) == seccomp.REFUSE
    assert verdict(numbers["clone"], seccomp.CLONE_THREAD) == seccomp.ALLOW
    assert verdict(numbers["clone"], seccomp.CLONE_THREAD | 0x10000000) == seccomp.REFUSE
    assert verdict(numbers["clone"], 17) == (seccomp.REFUSE if profile == "check" else seccomp.ALLOW)
    assert verdict(numbers["kill"], 1) == (seccomp.REFUSE if profile == "check" else seccomp.ALLOW)
    assert verdict(numbers["kill"], 77) == seccomp.ALLOW
    assert verdict(numbers["prlimit64"], 0) == verdict(numbers["prlimit64"], 77) == seccomp.ALLOW
    assert verdict(numbers["prlimit64"], 1) == seccomp.REFUSE
    assert verdict(numbers["mmap"], 0, 0, 0, 0x22) == seccomp.ALLOW
    assert verdict(numbers["mmap"], 0, 0, 0, 0x21) == seccomp.REFUSE
    assert verdict(numbers["ioctl"], 0, seccomp.TIOCSTI) == seccomp.REFUSE
    assert verdict(numbers["ioctl"], 0, 0x5413) == seccomp.ALLOW
    assert verdict(numbers["clone3"]) == verdict(5000) == seccomp.UNKNOWN
    assert verdict(numbers["openat"], kind=0x40000003) == seccomp.KILL
    assert verdict(0x40000000) == seccomp.KILL


def run_filter(code: list[seccomp.Instruction], number: int, kind: int, arguments: list[int]) -> int:
    """What the kernel would make of a call, by the meaning of the instructions."""
    words = {seccomp.NUMBER_AT: number, seccomp.ARCHITECTURE_AT: kind}
    words |= {seccomp.ARGUMENTS_AT + 8 * index: argument for index, argument in enumerate(arguments)}
    held = at = 0
    while True:
        opcode, if_true, if_false, operand = code[at]
        at += 1
        if opcode == seccomp.LOAD:
            held = words[operand]
        elif opcode == seccomp.AND:
            held &= operand
        elif opcode == seccomp.EQUAL:
            at += if_true if held == operand else if_false
        elif opcode == seccomp.GREATER:
            at += if_true if held > operand else if_false
        else:
            assert opcode == seccomp.RETURN
            return operand


def test_private_text_among_readable_code_is_spared(tmp_path: Path) -> None:
    for name in ("package/code.py", "package/texts/held", "other/code.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = sparing([Grant(tmp_path, "read")], [tmp_path / "package" / "texts"])
    assert {(grant.path.relative_to(tmp_path).as_posix(), grant.right) for grant in found} == {
        (".", "list"),
        ("other", "read"),
        ("package", "list"),
        ("package/code.py", "read"),
    }


@pytest.mark.parametrize("profile", ["check", "train"])
def test_no_grant_reaches_the_sealed_text_or_a_home(profile: str) -> None:
    secrets = [path.resolve() for path in private_paths()]
    readable = [grant.path for grant in shared(profile, private_paths()) if grant.right != "list"]  # type: ignore[arg-type]
    assert len(readable) > len(list(names(profile)))  # type: ignore[arg-type]
    for place in (*secrets, Path.home(), Path("/etc/passwd"), Path("/tmp")):
        assert not [path for path in readable if path == place or path in place.parents], place


def test_a_folder_with_anything_in_it_is_counted_and_emptied(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_bytes(b"x" * 50_000)
    (folder / "link").symlink_to(outside)
    os.mkfifo(folder / "pipe")
    (folder / "a").chmod(0)
    held = contents_of(folder, 100)
    assert (held.files, held.too_deep) == (5, False)
    assert held.bytes >= 50_000
    assert held.excess(2**20, 100) == ""
    assert "of 1000 in 100" in held.excess(1000, 100)
    assert contents_of(folder, 3).files > 3
    empty(folder)
    assert list(folder.iterdir()) == []
    assert (outside / "kept").read_text() == "kept"


def test_deep_nesting_is_noticed_and_removed(tmp_path: Path) -> None:
    here = os.getcwd()
    try:
        os.chdir(tmp_path)
        for _ in range(10 * MOST_NESTED):
            os.mkdir("d")
            os.chdir("d")
        Path("deepest").touch()
    finally:
        os.chdir(here)
    held = contents_of(tmp_path, 10_000)
    assert held.too_deep
    assert "nested" in held.excess(2**30, 10_000)
    empty(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_with_a_second_name_is_not_given_away(tmp_path: Path) -> None:
    folder, foreign = tmp_path / "folder", tmp_path / "foreign"
    folder.mkdir()
    foreign.touch()
    (folder / "own").touch()
    (folder / "second").hardlink_to(foreign)
    (folder / "link").symlink_to(foreign)
    give(folder, 61234)
    assert (folder / "own").stat().st_uid == folder.stat().st_uid == 61234
    assert foreign.stat().st_uid == 0


def test_the_minimum_names_what_is_missing_and_what_to_do() -> None:
    on = {name: "on (so)" for serving, _ in MINIMUM.values() for name in serving}
    assert shortfall(on) == ""
    assert shortfall(on | {"landlock": "off (old kernel)"}) == ""  # the file view serves as well
    for purpose, (serving, remedy) in MINIMUM.items():
        told = shortfall(on | dict.fromkeys(serving, "off (for a reason)"))
        assert purpose in told
        assert "for a reason" in told
        assert remedy in told
    assert "which is off (no)" in shortfall(on | {"user": "off (no)"}, ("user",))
