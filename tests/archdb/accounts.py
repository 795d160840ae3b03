"""What tests of the budget ledger have in common."""

from archdb import KINDS, Budget, Store, get_budget, list_entries


def cpu(seconds: float) -> dict[str, float]:
    return {"cpu_seconds": seconds}


def assert_whole(store: Store, campaign: str = "t") -> Budget:
    """Cap, available, spent, in flight and the entries agree to the last unit."""
    budget, entries = get_budget(store, campaign), list_entries(store, campaign)
    for kind in KINDS:
        reserved = sum(one.amounts.get(kind, 0) for one in budget.operations.values())
        assert budget.spent[kind] == sum(one.actual.get(kind, 0) for one in entries)
        assert budget.caps[kind] == budget.available[kind] + budget.spent[kind] + reserved
    return budget
