"""Which Prefect server flows report to: the one that PREFECT_API_URL names, else a local one on the data folder.

``use_prefect`` must run before anything imports prefect, since prefect reads its settings on import.
"""

import os
import sys
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

from archdb.errors import StoreMisconfigured
from archdb.home import prepare_home
from archdb.shared_server import attach
from flows.gpu_pool import require_shared_servers

UI_PORT = 4200  # Prefect's usual one; another is taken when it is busy

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "true",
    "PREFECT_CLI_PROMPT": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # seconds; flows/deploying.py says what for
}


def use_prefect() -> str:
    """Make sure that a Prefect server answers, point this process at it, and return the address of its UI.

    Raises:
        StoreMisconfigured: PREFECT_API_URL names a server that does not answer, the local one does not start, or a GPU
            work pool is named beside servers of this machine alone.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    named = named_server()
    require_shared_servers(named)
    if named:
        if not answers(f"{named.rstrip('/')}/health"):
            raise StoreMisconfigured(
                f"No Prefect server answers at PREFECT_API_URL={named}: start it, or unset it to use a local one."
            )
        return named.removesuffix("/").removesuffix("/api")
    port = start_local_server(prepare_home() / "prefect")
    os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
    return f"http://127.0.0.1:{port}"


def named_server() -> str | None:
    """The API of the server that PREFECT_API_URL names, or else the active profile of the user's Prefect."""
    return os.environ.get("PREFECT_API_URL") or _api_url_of_profile()


def _api_url_of_profile() -> str | None:
    """What `prefect config set PREFECT_API_URL=...` wrote, if anything."""
    folder = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    file = Path(os.environ.get("PREFECT_PROFILES_PATH") or folder / "profiles.toml")
    try:
        profiles = tomllib.loads(file.read_text())
        active = os.environ.get("PREFECT_PROFILE") or profiles.get("active", "")
        url = profiles.get("profiles", {}).get(active, {}).get("PREFECT_API_URL")
    except (OSError, ValueError, AttributeError):
        return None
    return str(url) if url else None


def start_local_server(folder: Path, prefer_port: int | None = UI_PORT) -> int:
    """Start or join the local Prefect server whose database lies in ``folder``; returns its port."""
    environment = {
        **QUIET,
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_UI_API_URL": "/api",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
        # A schedule of seconds would fill SQLite with a hundred runs ahead, and then with their lateness and their end.
        "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS": "10",
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "20",
    }

    def command(port: int) -> list[str]:
        own = [sys.executable, "-m", "flows.sqlite_prefect"]
        return [*own, "server", "start", "--host", "127.0.0.1", "--port", str(port)]

    return attach(
        folder,
        command,
        lambda port: answers(f"http://127.0.0.1:{port}/api/health"),
        environment=environment,
        prefer_port=prefer_port,
        patience=300.0,
    )


def answers(address: str) -> bool:
    """Whether an HTTP server answers there with 200."""
    try:
        with urllib.request.urlopen(address, timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False
