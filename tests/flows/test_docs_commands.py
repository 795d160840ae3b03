"""Every command that the documentation shows is one that the command line takes, options and all."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from flows.cli import app

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
COMMAND = re.compile(r"^(?:\s{4,}|\s*\$ )?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?archloop ([^`]*)$")


def commands(page: Path) -> Iterator[list[str]]:
    fenced = False
    for line in page.read_text().splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        found = COMMAND.match(line.partition(" #")[0].rstrip())
        if found and (fenced or line.startswith("    ")):
            yield shlex.split(found[1], comments=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_are_taken(page: Path) -> None:
    for words in commands(page):
        command: click.Command = typer.main.get_command(app)
        context, rest = click.Context(command, info_name="archloop"), words
        while isinstance(command, click.Group):
            name, found, rest = command.resolve_command(context, rest)
            assert found is not None
            command = found
            context = click.Context(command, info_name=name, parent=context)
        try:
            command.make_parser(context)
            command.parse_args(context, list(rest))
        except click.UsageError as fault:
            pytest.fail(f"{page.name}: archloop {' '.join(words)}: {fault.format_message()}")
