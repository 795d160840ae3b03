"""From a template and what it is filled with to a prompt."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import jinja2.meta

from tasks.agents.openai.quoting import quoted
from tasks.models import Prompt

FOLDER = Path(__file__).parent / "prompts"


def prompt(name: str, /, **filled: Any) -> Prompt:
    """The prompt of this template: its block ``system`` and its block ``user``.

    Raises:
        jinja2.UndefinedError: the template wants something that was not given.
    """
    template = _environment().get_template(name)
    parts = {
        part: "".join(template.blocks[part](template.new_context(filled))).strip() + "\n" for part in ("system", "user")
    }
    return Prompt(**parts, template=name, template_sha256=sha256_of(name))


@cache
def sha256_of(name: str) -> str:
    """The hash of a template and of all that it includes."""
    texts: dict[str, str] = {}
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in texts:
            texts[one] = (FOLDER / one).read_text(encoding="utf-8")
            waiting += [
                part for part in jinja2.meta.find_referenced_templates(_environment().parse(texts[one])) if part
            ]
    whole = "\n".join(f"{one}\n{texts[one]}" for one in sorted(texts))
    return hashlib.sha256(whole.encode()).hexdigest()


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,  # of what is included
        autoescape=False,
    )
    made.filters["quoted"] = quoted
    return made
