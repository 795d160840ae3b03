"""Decisions of people, against the real embedded server."""

import pytest

from archdb import Store
from archdb.governance import list_approvals, record_approval


def test_a_person_decides_once_on_a_subject(store: Store) -> None:
    first = record_approval(store, "verification", "t-c001", "ada", "approved", {"cpu_seconds": 1800.5})
    again = record_approval(store, "verification", "t-c001", "ada", "refused", {"cpu_seconds": 1.0})
    assert again == first
    assert (first.decision, first.estimate) == ("approved", {"cpu_seconds": 1_800_500_000})


def test_decisions_are_listed_by_subject_in_their_order(store: Store) -> None:
    for who, decision in (("ada", "approved"), ("bob", "refused"), ("cy", "approved")):
        record_approval(store, "campaign", "t", who, decision)  # type: ignore[arg-type]
    record_approval(store, "campaign", "another", "ada", "refused")
    record_approval(store, "fork", "t/u/12ab34cd", "ada", "approved", {"cpu_seconds": 72000.0})
    assert [(one.who, one.decision) for one in list_approvals(store, "t")] == [
        ("ada", "approved"),
        ("bob", "refused"),
        ("cy", "approved"),
    ]
    assert list_approvals(store, "nothing") == []


@pytest.mark.parametrize(
    ("who", "subject", "estimate"),
    [("  ", "t", {}), ("ada", "", {}), ("ada", "t", {"dollars": float("nan")})],
    ids=["nobody", "nothing", "nan"],
)
def test_what_is_no_decision_is_refused(store: Store, who: str, subject: str, estimate: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        record_approval(store, "campaign", subject, who, "approved", estimate)
