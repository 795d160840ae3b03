"""No attack succeeds in the sandbox, as root or as an ordinary user; each succeeds without one."""

import json
import os
import subprocess

import pytest

from tasks.sandbox.jail import jail
from tests.sandbox.arena import Unsuited, unguarded
from tests.sandbox.attacks import all_attacks
from tests.sandbox.ordinary_user import run_as_ordinary_user
from tests.sandbox.run import try_attack

pytestmark = pytest.mark.xdist_group("attacks")  # some look at what the whole machine uses

ATTACKS = all_attacks()
QUICK = ("tcp", "unix_path", "home_key", "sealed_corpus", "environments", "kill", "daemon", "memory", "pickle_payload")
FEWEST = 30


def prove(name: str) -> None:
    """The attack works without a sandbox, where that is safe to try, and fails in it."""
    one = ATTACKS[name]
    try:
        if one.control:
            assert try_attack(one, unguarded), f"{name} fails even without a sandbox: it proves nothing"
        assert not try_attack(one, jail())
    except Unsuited as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("name", QUICK)
def test_a_few_attacks_fail(name: str) -> None:
    prove(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ATTACKS if name not in QUICK])
def test_attacks_fail(name: str) -> None:
    prove(name)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="the tests above are an ordinary user's already")
@pytest.mark.parametrize("options", [(), ("--without", "namespaces", "--uncontrolled")], ids=["all", "no namespaces"])
def test_attacks_of_an_ordinary_user_fail(options: tuple[str, ...]) -> None:
    try:
        done = run_as_ordinary_user("-m", "tests.sandbox.run", *options, timeout=400)
    except subprocess.SubprocessError as error:
        pytest.skip(f"root cannot become an ordinary user that reaches Python: {error}")
    assert done.returncode == 0, done.stderr[-3000:]
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    tried = [outcome for outcome in outcomes if not outcome["unsuited"]]
    assert len(outcomes) == len(ATTACKS)
    assert len(tried) >= FEWEST
    assert not [outcome for outcome in tried if outcome["jailed"]]
    assert not [outcome for outcome in tried if outcome["control"] == ""]
