"""Programs are read in several threads, and none is told of another's depth."""

import ast
import gc
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from evaluation import baseline_source, baselines, parse_program

SOURCES = [baseline_source(name) for name in baselines()]


class Cycle:
    """Garbage that only the collector finds; it lets another thread go on, wherever that happens."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        time.sleep(0)


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns as often as they can, and the collector runs amid them."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(50)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*thresholds)


def test_threads_read_programs_at_the_same_time(restless: None) -> None:
    def read(number: int) -> None:
        for place in range(20):
            Cycle()
            source = SOURCES[(number + place) % len(SOURCES)]
            assert parse_program(source).body

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read, range(16)))


def test_a_program_is_read_as_python_reads_it() -> None:
    assert ast.dump(parse_program(SOURCES[0])) == ast.dump(ast.parse(SOURCES[0]))
    with pytest.raises(SyntaxError):
        parse_program("def")
