"""Every command that the documentation shows is one that there is, and is executed."""

import shlex
from pathlib import Path

import click
import pytest
import typer

from flows.cli import app
from tests.docs.conftest import Reader
from tests.docs.executed import INSTEAD, NOT_RUN, executed, not_run
from tests.docs.shown import PAGES, ROOT, commands, inline_commands, program, unknown_lines

SHOWN = [one for page in PAGES for one in commands(page)]


def refusal(text: str, whole: bool = True) -> str:
    """What the command line says against an archloop command; where it is not ``whole``, an argument may be missing."""
    words = shlex.split(text, comments=True)
    rest = words[words.index(next(word for word in words if word.endswith("archloop"))) + 1 :]
    command: click.Command = typer.main.get_command(app)
    context = click.Context(command, info_name="archloop")
    try:
        while isinstance(command, click.Group):
            name, found, rest = command.resolve_command(context, rest)
            assert found is not None
            command, context = found, click.Context(found, info_name=name, parent=context)
        command.make_parser(context)
        command.parse_args(context, list(rest))
    except click.MissingParameter as fault:
        return fault.format_message() if whole else ""
    except click.UsageError as fault:
        return fault.format_message()
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_are_taken(page: Path) -> None:
    shown = [one.text for one in commands(page) if program(one.text) == "archloop"]
    found = {text: refusal(text) for text in shown} | {
        one.text: refusal(one.text, whole=False) for one in inline_commands(page)
    }
    assert not {text: told for text, told in found.items() if told}


def test_no_line_among_commands_is_left_out() -> None:
    assert not {page.stem: told for page in PAGES if (told := list(unknown_lines(page)))}


def test_the_tables_speak_of_commands_that_are_shown() -> None:
    known = {one.text for one in SHOWN}
    assert not (set(INSTEAD) | set(NOT_RUN)) - known
    assert not set(INSTEAD) & set(NOT_RUN)
    for command, (reason, covered_by) in NOT_RUN.items():
        assert reason, command
        file, _, test = covered_by.partition("::")
        assert (ROOT / file).is_file(), covered_by
        assert f"def {test}(" in (ROOT / file).read_text() or not test, covered_by


def lines_of(page: str) -> list[str]:
    """What a shell is to run for a page: commands that an earlier page shows, too, are executed there alone."""
    script: list[str] = []
    told: set[str] = set()
    for one in SHOWN:
        line = executed(one)
        if not_run(one) is None and (line not in told or program(line) == "export"):
            told.add(line)
            script += [f"echo {shlex.quote(f'::: {one.text}')}", line] if one.page == page else []
    return script


@pytest.mark.slow
@pytest.mark.xdist_group("docs")
@pytest.mark.parametrize("page", [page.stem for page in PAGES if lines_of(page.stem)])
def test_the_commands_of_a_page_are_executed(page: str, reader: Reader) -> None:
    script = lines_of(page)
    done = reader.types("\n".join(script))
    assert done.returncode == 0, done.stdout[-3000:]
