"""Landlock: which files a child may open, no TCP, no abstract sockets and no signals to processes outside."""

import os
from collections.abc import Iterable
from pathlib import Path

from py_landlock import (
    AccessFs,
    LandlockError,
    PathBeneathAttr,
    RulesetAttr,
    RulesetFd,
    Scope,
    add_rule,
    create_ruleset,
    get_abi_version,
    restrict_self,
)
from py_landlock.abi import get_supported_fs, get_supported_net, get_supported_scope

from tasks.sandbox.visible import Grant, Right

READ = AccessFs.READ_FILE | AccessFs.READ_DIR
OWN = (
    READ
    | AccessFs.WRITE_FILE
    | AccessFs.TRUNCATE
    | AccessFs.MAKE_REG
    | AccessFs.MAKE_DIR
    | AccessFs.MAKE_SYM
    | AccessFs.REMOVE_FILE
    | AccessFs.REMOVE_DIR
    | AccessFs.REFER
)
DEVICE = AccessFs.READ_FILE | AccessFs.READ_DIR | AccessFs.WRITE_FILE | AccessFs.IOCTL_DEV
RIGHTS: dict[Right, int] = {
    "list": int(AccessFs.READ_DIR),
    "read": int(READ),
    "run": int(READ | AccessFs.EXECUTE),
    "write": int(READ | AccessFs.WRITE_FILE),
    "own": int(OWN),
    "own and run": int(OWN | AccessFs.EXECUTE),
    "device": int(DEVICE),
}
FILE_RIGHTS = int(AccessFs.EXECUTE | AccessFs.WRITE_FILE | AccessFs.READ_FILE | AccessFs.TRUNCATE | AccessFs.IOCTL_DEV)


def restrict(grants: Iterable[Grant]) -> str:
    """Confine this thread, and every process that it starts, to ``grants`` for good. Needs no_new_privs.

    Returns what is confined, in words. Raises OSError where the kernel does not offer Landlock.
    """
    try:
        version = get_abi_version()
        attributes = RulesetAttr()
        attributes.handled_access_fs = get_supported_fs(version)
        attributes.handled_access_net = get_supported_net(version)
        attributes.scoped = get_supported_scope(version)
        rules = create_ruleset(attributes)
        try:
            rights = {name: right & int(get_supported_fs(version)) for name, right in RIGHTS.items()}
            for path, right, is_folder in grants:
                _allow(rules, path, rights[right] if is_folder else rights[right] & FILE_RIGHTS)
            restrict_self(rules, None)
        finally:
            os.close(rules)
    except LandlockError as error:
        raise OSError(str(error)) from error
    _prove()
    parts = ["files"] + ["TCP"] * bool(get_supported_net(version)) + _scopes(get_supported_scope(version))
    return f"ABI {version}: {', '.join(parts)}"


def _allow(rules: RulesetFd, path: Path, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # not on this machine, or not in this view of it
    try:
        rule = PathBeneathAttr()
        rule.allowed_access = access
        rule.parent_fd = descriptor
        add_rule(rules, rule)
    finally:
        os.close(descriptor)


def _prove() -> None:
    try:
        os.listdir("/")
    except PermissionError:
        return
    raise OSError("Landlock was applied but the root folder can still be listed")


def _scopes(scope: Scope) -> list[str]:
    names = {Scope.ABSTRACT_UNIX_SOCKET: "abstract sockets", Scope.SIGNAL: "signals"}
    return [name for flag, name in names.items() if scope & flag]
