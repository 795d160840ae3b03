"""Every block of Python that the documentation shows runs as it stands."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.conftest import Reader
from tests.docs.shown import PAGES, snippets

NAMED = re.compile(r"# (\w+\.py)\b")  # a first line that says what the file is called
INSTEAD = {"cycles=4": "cycles=1"}  # shown -> what is executed: enough to see that it runs
SHOWING = [page for page in PAGES if any(snippets(page))]


@pytest.mark.parametrize("page", SHOWING, ids=lambda page: page.stem)
def test_the_python_of_a_page_is_python(page: Path) -> None:
    for text in snippets(page):
        ast.parse(text)


@pytest.mark.slow
@pytest.mark.xdist_group("docs")
@pytest.mark.parametrize("page", SHOWING, ids=lambda page: page.stem)
def test_the_python_of_a_page_runs(page: Path, reader: Reader) -> None:
    for number, shown in enumerate(snippets(page)):
        text = shown
        if "transformers" in text:
            pytest.importorskip("transformers", reason="transformers is not installed: pip install '.[huggingface]'")
        for given, instead in INSTEAD.items():
            text = text.replace(given, instead)
        named = NAMED.match(text)
        file = reader.folder / (named[1] if named else f"{page.stem.replace('-', '_')}_{number}.py")
        file.write_text(text)
        done = reader.types(f"PYTHONPATH=.:$PYTHONPATH python {file.name}")
        assert done.returncode == 0, f"{shown}\n{done.stdout[-3000:]}"
