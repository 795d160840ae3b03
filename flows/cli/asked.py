"""What commands have in common: their options, what they refuse, and how they print for a machine."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

RECORDED = re.compile(r"[A-Za-z0-9_-]+-(c\d{3,}|\d{4,})")  # ids of cycles and of imported designs
WIDTH_OF_FILES = 140  # columns, where output goes to a file or a pipe

CampaignName = Annotated[str, typer.Option("--campaign", "-c", help="The campaign's name.")]
Given = Annotated[str | None, typer.Argument(metavar="CAMPAIGN", help="The campaign's name, if not the default one's.")]
Named = Annotated[str | None, typer.Option("--campaign", "-c", help="The same, as other commands take it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]
DesignFile = Annotated[
    Path, typer.Argument(help="A Python file with a class Candidate, or the id of a recorded design.", metavar="FILE")
]
ScaleName = Annotated[str, typer.Option("--scale", help="The size of models and training: see evaluation/scales/.")]


class Refused(Exception):
    """The command cannot do what was asked. One sentence with the remedy."""


def one_campaign(given: str | None, named: str | None) -> str:
    """The campaign of a command that takes its name as an argument or an option.

    Raises:
        Refused: it was given two.
    """
    if given and named and given != named:
        raise Refused(f"{given} and {named} are two campaigns, and this command is about one: give one of them.")
    return given or named or "default"


def read_design(file: Path) -> str:
    """The text of a design's file, or of the recorded design with this id.

    Raises:
        Refused: it does not exist or is not text.
    """
    if RECORDED.fullmatch(str(file)) and not file.exists():
        return _recorded(str(file))
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "it is not UTF-8 text"
        raise Refused(
            f"{file} cannot be read ({reason}): give the path of a Python file with a class Candidate."
        ) from fault


def _recorded(experiment_id: str) -> str:
    from archdb import get_experiment, get_text, open_store

    store = open_store()
    one = get_experiment(store, experiment_id)
    if one.code is None:
        raise Refused(f"{one.id} ({one.name}) is recorded without a program: give a design that has one, or a file.")
    return get_text(store, one.code)


def console_for(as_json: bool = False) -> Console:
    """Where a command talks to a person: stderr when stdout is for a machine, and wide where nobody sets a width."""
    stream = sys.stderr if as_json else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else WIDTH_OF_FILES
    return Console(file=stream, width=width)


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    json.dump(document, sys.stdout, indent=1, default=str)
    sys.stdout.write("\n")
