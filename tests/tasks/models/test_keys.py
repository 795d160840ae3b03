"""A key goes to its endpoint and nowhere else, although the server sends it back in every way it can."""

import logging
import traceback
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archdb import Campaign, Store, home
from tasks.faults import ModelUnusable, TransportFault
from tasks.models import NoAnswer, check_models, keys
from tasks.models.keys import read_key, without_keys
from tasks.sandbox.jail import jail
from tests.foreign_code import run_code
from tests.tasks.models.server import ModelServer
from tests.tasks.models.test_storm import put

CANARY = "sk-canary/ostrich+finch"
ECHOES = ("echo_401", "echo_500", "echo_400", "echo_text", "echo_refusal", "echo_words", "none")


def test_a_canary_is_found_nowhere(
    store: Store, campaign: Campaign, server: ModelServer, served: dict[str, Any], models: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    import mlflow

    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SOME_KEY", CANARY)
    monkeypatch.setenv("OPENAI_LOG", "debug")
    models(served | {"key_variable": "SOME_KEY", "attempts": 2})
    told, names = [], []
    for number, fault in enumerate(ECHOES):
        server.do(fault)
        try:
            names.append(put(store, campaign, number).name)
        except (ModelUnusable, NoAnswer, TransportFault) as ended:
            told.append("".join(traceback.format_exception(ended)) + repr(ended.__dict__))
    mlflow.flush_trace_async_logging()

    assert {one.authorization for one in server.calls} == {f"Bearer {CANARY}"}, "the server got it"
    assert names == ["[key]", "gate"], "and sent it back"
    assert len(told) == 5
    assert sum("[key]" in one for one in told) == 4
    kept = dump(store)
    assert b"[key]" in kept
    files = b"".join(one.read_bytes() for one in home().rglob("*") if one.is_file())
    assert b"Name part 6." in files, "the calls are traced"
    (tmp_path / "jailed").mkdir()
    _, lines = run_code(
        jail(), "import os; print(dict(os.environ)); print(open('/proc/self/environ').read())", tmp_path / "jailed"
    )
    assert "OMP_NUM_THREADS" in lines[0]
    printed = capfd.readouterr()
    places = {
        "store": kept, "files": files, "log": caplog.text.encode(), "errors": "".join(told).encode(),
        "jail": "".join(lines).encode(), "output": (printed.out + printed.err).encode(),
    }  # fmt: skip
    assert [place for place, text in places.items() if b"sk-canary" in text or b"ostrich+finch" in text] == []


def dump(store: Store) -> bytes:
    """Everything that the store holds, texts unpacked."""
    held = []
    for name in store.database.list_collection_names():
        for one in store.database[name].find({}):
            packed = one.pop("zlib", None)
            held.append(repr(one).encode() + (zlib.decompress(packed) if packed else b""))
    return b"\n".join(held)


def test_other_forms_of_a_key_are_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_used", set())
    monkeypatch.setenv("SOME_KEY", f" {CANARY}\n")
    assert read_key("SOME_KEY") == CANARY
    assert without_keys(f"{CANARY} and sk-canary%2Fostrich%2Bfinch!") == "[key] and [key]!"


def test_placeholders_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_used", set())
    monkeypatch.setenv("SOME_KEY", "none")
    assert read_key("SOME_KEY") == read_key("") == "none"
    assert without_keys("There is none.") == "There is none."


@pytest.mark.parametrize(("key", "told"), [("", "set SOME_KEY"), ("sk-kéy-of-ours", "signs that no key can have")])
def test_a_key_that_is_none_is_refused_before_anything_is_sent(
    store: Store, campaign: Campaign, server: ModelServer, served: dict[str, Any], models: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch, key: str, told: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("SOME_KEY", key)
    models(served | {"key_variable": "SOME_KEY"})
    for ask in (lambda: put(store, campaign, 0), lambda: check_models(store, campaign, ("engineer",))):
        with pytest.raises(ModelUnusable, match=told) as refused:
            ask()
        assert "kéy" not in str(refused.value)
    assert server.calls == []
