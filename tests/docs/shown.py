"""The commands and the Python that README and docs show, as a reader would copy them."""

import contextlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PROGRAMS = (
    "archloop", "make", "python", "pip", "prefect", "mlflow", "git", "docker", "kubectl", "helm", "curl", "openssl",
    "sed", "export", "cd", "cp", "mkdir", "sudo", "apt-get", "ssh", "torchrun",
)  # fmt: skip
SHELLS = ("sh", "bash", "console")  # that a fence may name
SET = re.compile(r"[A-Za-z_]+=\S*")  # a variable's assignment
INLINE = re.compile(r"`(archloop [^`]+)`")


class Command(NamedTuple):
    """One command of a page, without the comment behind it and on one line."""

    page: str
    text: str


def blocks(page: Path) -> Iterator[tuple[str, list[str]]]:
    """The indented and the fenced blocks of a page: the language that the fence names, and the lines."""
    language, found = None, list[str]()
    for line in [*page.read_text().splitlines(), ""]:
        if line.lstrip().startswith("```"):
            if found:
                yield language or "", found
            language, found = (line.strip().removeprefix("```") or "text") if language is None else None, []
        elif language is not None:
            found.append(line)
        elif line.startswith("    ") or (found and not line):
            found.append(line[4:])
        elif found:
            yield "", found
            found = []
    if found:
        yield "", found


def commands(page: Path) -> Iterator[Command]:
    """Every command that a page shows in a block."""
    for language, lines in blocks(page):
        if language in ("", "text", *SHELLS):
            for one in filter(_is_command, _joined(lines)):
                yield Command(page.stem, re.sub(r"\s+#\s.*$", "", one).rstrip())


def unknown_lines(page: Path) -> Iterator[str]:
    """What stands among a page's commands and begins with no program that is known here, so that nothing tries it."""
    for language, lines in blocks(page):
        if language in ("sh", "bash") or (language == "" and any(map(_is_command, _joined(lines)))):
            yield from (one for one in _joined(lines) if one.strip() and one[0] not in " #" and not _is_command(one))


def inline_commands(page: Path) -> Iterator[Command]:
    """Every archloop command in the text of a page."""
    for found in INLINE.finditer(page.read_text()):
        yield Command(page.stem, " ".join(found[1].split()))


def program(text: str) -> str:
    """The program that a command starts."""
    words = [word for word in text.split() if not SET.fullmatch(word)]
    return words[0].rpartition("/")[2] if words else "export"  # assignments alone


def snippets(page: Path) -> Iterator[str]:
    """Every block of Python that a page shows."""
    for language, lines in blocks(page):
        if language == "python":
            yield dedent("\n".join(lines)) + "\n"


def settings(page: Path) -> Iterator[str]:
    """Every block that a page shows of a file in TOML."""
    for language, lines in blocks(page):
        with contextlib.suppress(tomllib.TOMLDecodeError):
            if language in ("", "toml") and tomllib.loads("\n".join(lines)):
                yield "\n".join(lines) + "\n"


def _joined(lines: list[str]) -> Iterator[str]:
    """The lines of a block, a command that goes on in the next one as one line."""
    begun = ""
    for line in lines:
        begun += line if begun else line.removeprefix("$ ")
        if begun.endswith("\\"):
            begun = begun[:-1].rstrip() + " "
            continue
        if _is_command(begun):
            try:
                shlex.split(begun, comments=True)
            except ValueError:  # a quotation goes on in the next line
                begun += "\n"
                continue
        yield begun
        begun = ""


def _is_command(line: str) -> bool:
    words = line.split()
    if not words or line[0].isspace():
        return False
    if not SET.fullmatch(words[0]):
        return program(words[0]) in PROGRAMS
    return len(words) == 1 or all(map(SET.fullmatch, words)) or program(line) in PROGRAMS or "$(" in line
