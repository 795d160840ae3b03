"""The system call filter: what no design needs is refused by the kernel, whatever file or number it is about.

Refused calls return EPERM. Calls newer than our table, and those whose arguments a filter cannot read, return ENOSYS,
on which the C library falls back to an older call. A call made as another machine type ends the process.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable, Iterator

from evaluation import Profile
from tasks.sandbox.privileges import own_status
from tasks.sandbox.syscalls import NEWEST, NUMBERS, numbers_of

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_* of linux/audit.h
LOAD, AND, EQUAL, GREATER, RETURN = 0x20, 0x54, 0x15, 0x25, 0x06  # BPF opcodes on 32-bit words
NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16  # offsets in struct seccomp_data
ALLOW, KILL = 0x7FFF0000, 0x80000000
REFUSE, UNKNOWN = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2

CLONE_THREAD = 0x00010000
CLONE_NAMESPACES = 0x7E020080  # CLONE_NEW* of linux/sched.h
SHARED_ANONYMOUS = 0x21
SET_ID = 0o6000
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
X32 = 0x3FFFFFFF  # x86_64 offers a second set of numbers above this one

# Calls with a condition of their own below.
SIGNALS = ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")
# Calls that set a file's mode -> which argument it is.
MODES = {"open": 2, "openat": 3, "creat": 1, "chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2}
CONDITIONAL = frozenset(
    ("clone", "clone3", "openat2", "ioctl", "mmap", "prlimit64", "sched_setaffinity", *SIGNALS, *MODES)
)
# Landlock does not see such changes to foreign files; compilers make them to their own.
METADATA = ("chmod", "fchmod", "fchmodat", "fchmodat2", "utime", "utimes", "futimesat", "utimensat")
PROCESSES = ("execve", "execveat", "fork", "vfork", "tkill", "pidfd_send_signal", "pidfd_open")
ONLY_CHECK = frozenset((*METADATA, *PROCESSES))
ONLY_WITHOUT_GPU = frozenset({"memfd_create", "socketpair"})

Instruction = tuple[int, int, int, int]  # opcode, jump if true, jump if false, operand


def filter_calls(profile: Profile, gpu: bool) -> str:
    """Filter this process's system calls for good, its later threads' and children's too. Needs no_new_privs.

    Returns what is filtered, in words. Raises OSError where the kernel or this machine type does not offer it.
    """
    code = program(platform.machine(), profile, gpu, os.getpid())
    packed = b"".join(struct.pack("HBBI", *instruction) for instruction in code)
    buffer = ctypes.create_string_buffer(packed, len(packed))
    described = struct.pack("HxxxxxxP", len(code), ctypes.addressof(buffer))  # struct sock_fprog
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(described), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "seccomp")
    if own_status()["Seccomp"] != str(SECCOMP_MODE_FILTER):
        raise OSError("the system call filter was accepted but is not in force")
    return f"{len(refused(profile, gpu))} calls refused, {len(CONDITIONAL)} by their arguments"


def refused(profile: Profile, gpu: bool) -> frozenset[str]:
    """Names of the calls that are refused whatever their arguments."""
    if profile == "check":
        return (frozenset(NUMBERS) - CONDITIONAL) | ONLY_CHECK
    return frozenset(NUMBERS) - CONDITIONAL - ONLY_CHECK - (ONLY_WITHOUT_GPU if gpu else frozenset())


def program(machine: str, profile: Profile, gpu: bool, pid: int) -> list[Instruction]:
    """The filter as BPF instructions, for the process ``pid``. Raises OSError for a machine that we do not know."""
    numbers = numbers_of(machine)
    code: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (EQUAL, 1, 0, ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER_AT),
        (GREATER, 0, 1, X32),
        (RETURN, 0, 0, KILL),
        (GREATER, 0, 1, NEWEST),
        (RETURN, 0, 0, UNKNOWN),
    ]
    for name in sorted(refused(profile, gpu)):
        number = numbers.get(name)
        if number is not None:
            code += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE)]
    for name, judge in _conditions(profile, gpu, pid):
        number = numbers.get(name)
        if number is not None:
            body = [*judge, (RETURN, 0, 0, ALLOW)]
            code += [(EQUAL, 0, len(body), number), *body]
    return [*code, (RETURN, 0, 0, ALLOW)]


def _conditions(profile: Profile, gpu: bool, pid: int) -> Iterator[tuple[str, list[Instruction]]]:
    """Calls that are refused for some arguments, with the instructions that refuse those."""
    for name in ("clone3", "openat2"):
        yield name, [(RETURN, 0, 0, UNKNOWN)]
    for name, index in MODES.items():
        yield name, [(LOAD, 0, 0, _argument(index)), (AND, 0, 0, SET_ID), (EQUAL, 1, 0, 0), (RETURN, 0, 0, REFUSE)]
    yield "ioctl", _refuse_if_any(1, (TIOCSTI, TIOCLINUX))
    flags = (LOAD, 0, 0, _argument(0))
    clone = [flags, (AND, 0, 0, CLONE_NAMESPACES), (EQUAL, 1, 0, 0), (RETURN, 0, 0, REFUSE)]
    if profile == "check":  # threads, but no process: so a signal to anyone but oneself is meant for a stranger
        clone += [flags, (AND, 0, 0, CLONE_THREAD), (EQUAL, 0, 1, 0), (RETURN, 0, 0, REFUSE)]
        for name in SIGNALS:
            yield name, _refuse_unless(0, (pid,))
    yield "clone", clone
    for name in ("prlimit64", "sched_setaffinity"):
        yield name, _refuse_unless(0, (0, pid))
    if not gpu:  # memory that no process's size shows once it has let go of it
        yield (
            "mmap",
            [
                (LOAD, 0, 0, _argument(3)),
                (AND, 0, 0, SHARED_ANONYMOUS),
                (EQUAL, 0, 1, SHARED_ANONYMOUS),
                (RETURN, 0, 0, REFUSE),
            ],
        )


def _argument(index: int) -> int:
    return ARGUMENTS_AT + 8 * index  # the lower half: both machine types are little-endian


def _refuse_if_any(index: int, values: Iterable[int]) -> list[Instruction]:
    return [(LOAD, 0, 0, _argument(index))] + [
        step for value in values for step in ((EQUAL, 0, 1, value), (RETURN, 0, 0, REFUSE))
    ]


def _refuse_unless(index: int, values: Iterable[int]) -> list[Instruction]:
    accepted = [step for value in values for step in ((EQUAL, 0, 1, value), (RETURN, 0, 0, ALLOW))]
    return [(LOAD, 0, 0, _argument(index)), *accepted, (RETURN, 0, 0, REFUSE)]
