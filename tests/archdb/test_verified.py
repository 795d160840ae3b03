"""The row of tests of a campaign, against the real embedded server."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from archdb import Body, Store, Verified, add_holdout, list_verified, record_verified


def after(earlier: Sequence[Verified]) -> Body:
    return {"breakthrough": True, "promoted": None, "after": [one.number for one in earlier]}


def test_tests_form_a_row_in_which_each_sees_those_before_it(store: Store) -> None:
    def test(number: int) -> Verified:
        return record_verified(store, "t", f"t-c{number:03d}", "gla", after)

    with ThreadPoolExecutor(8) as pool:
        recorded = list(pool.map(test, range(8)))
    row = list_verified(store, "t")
    assert [one.number for one in row] == list(range(1, 9))
    assert all(one.result["after"] == list(range(1, one.number)) for one in row)
    assert {one.experiment for one in row} == {one.experiment for one in recorded}
    assert list_verified(store, "another") == []


def test_a_design_is_tested_once(store: Store) -> None:
    first = record_verified(store, "t", "t-c001", "gla", after)
    again = record_verified(store, "t", "t-c001", "gla", lambda _: {"breakthrough": False})
    assert again == first
    assert len(list_verified(store, "t")) == 1


def test_the_holdout_is_written_once_and_nan_is_refused(store: Store) -> None:
    one = record_verified(store, "t", "t-c001", "gla", after)
    assert add_holdout(store, one, one.result | {"promoted": True}).result["promoted"] is True
    assert add_holdout(store, one, one.result | {"promoted": False}).result["promoted"] is True
    with pytest.raises(ValueError, match=r"result\.p is nan"):
        record_verified(store, "t", "t-c002", "gla", lambda _: {"p": float("nan")})
