"""Servers shared by the processes of a data folder."""

import socket
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from archdb.errors import StoreMisconfigured
from archdb.shared_server import attach, detach

SERVE = "import http.server, sys; http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]))"


def command(port: int) -> list[str]:
    return [sys.executable, "-c", SERVE, str(port)]


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=1):
            return True
    except OSError:
        return False


def test_a_second_folder_never_gets_the_server_of_the_first(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        wanted = probe.getsockname()[1]
    folders = [tmp_path / "a", tmp_path / "b"]
    ports = [attach(folder, command, healthy, prefer_port=wanted) for folder in folders]
    assert ports[0] == wanted
    assert ports[1] != wanted
    assert attach(folders[0], command, healthy) == wanted  # joining finds the one that runs
    for folder in folders:
        detach(folder)
    deadline = time.monotonic() + 30
    while any(healthy(port) for port in ports):
        assert time.monotonic() < deadline, "a server outlived its last client"
        time.sleep(0.2)


def test_a_program_that_answers_in_place_of_ours_is_not_taken_for_it(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        taken = probe.getsockname()[1]
    stranger = attach(tmp_path / "stranger", command, healthy, prefer_port=taken)

    def fails(port: int) -> list[str]:
        return [sys.executable, "-c", "raise SystemExit('no')"]

    with pytest.raises(StoreMisconfigured, match=r"The local server ours did not start: read .*/ours/server\.log"):
        attach(tmp_path / "ours", fails, lambda port: healthy(stranger), patience=5)
    for folder in ("stranger", "ours"):
        detach(tmp_path / folder)
