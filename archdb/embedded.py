"""The embedded store: SecantusDB, a MongoDB-wire server, as a child process on the data folder.

SecantusDB is GPL-2.0-only, so it is a separate program that archloop talks to over a socket and never imports. It
suits one machine; workers on other machines need a real MongoDB (ARCHLOOP_MONGODB_URI).
"""

import shutil
import sys
from pathlib import Path

import pymongo
import pymongo.errors

from archdb.errors import StoreMisconfigured
from archdb.shared_server import attach


def embedded_uri(folder: Path) -> str:
    """Start or join the embedded store in ``folder`` and return its MongoDB URI.

    Raises:
        StoreMisconfigured: the server is not installed or does not start.
    """
    program = shutil.which("secantusd-py", path=str(Path(sys.executable).parent)) or shutil.which("secantusd-py")
    if program is None:
        raise StoreMisconfigured(
            "The embedded store (package secantusdb) is not installed: run `make setup`, or set "
            "ARCHLOOP_MONGODB_URI to the address of a MongoDB server."
        )
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "secantusd.toml"
    settings.touch()  # an empty file of our own keeps it from reading one that lies about elsewhere

    def command(port: int) -> list[str]:
        return [
            program, "--config", str(settings), "--host", "127.0.0.1", "--port", str(port),
            "--storage-path", str(folder / "data"), "--cache-size", "256M", "--sync-on-commit",
            "--log-level", "WARNING",
        ]  # fmt: skip

    port = attach(folder, command, _answers)
    return f"mongodb://127.0.0.1:{port}/archloop"


def _answers(port: int) -> bool:
    with pymongo.MongoClient[dict[str, object]](
        "127.0.0.1", port, serverSelectionTimeoutMS=1000, directConnection=True
    ) as client:
        try:
            client.admin.command("ping")
        except pymongo.errors.PyMongoError:
            return False
        return True
