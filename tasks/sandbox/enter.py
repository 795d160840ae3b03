"""The first program of a jailed child: puts the limits on itself, then becomes the Python that runs the job.

Run as ``python -I -S enter.py LIMITS ARGUMENTS...`` by jail.py. It uses the standard library alone, so that it starts
in milliseconds and runs nothing that a design could have touched.
"""

import ctypes
import json
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38


def main() -> None:
    limits = json.loads(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != limits["parent"]:
        sys.exit(1)  # the supervisor died before the signal was armed
    for name in ("AS", "CPU", "FSIZE", "NOFILE", "NPROC"):
        kind, most = getattr(resource, f"RLIMIT_{name}"), int(limits[name])
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most + 2 if name == "CPU" and hard == resource.RLIM_INFINITY else most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.execve(sys.executable, [sys.executable, "-B", *sys.argv[2:]], dict(os.environ))


if __name__ == "__main__":
    main()
