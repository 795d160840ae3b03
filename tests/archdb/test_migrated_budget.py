"""A store of version 1 gets accounts of what its stages cost, once."""

from archdb import Stage, Store, claim, create_experiment, get_budget, list_entries, migrate, write_stage


def test_what_stages_cost_before_there_was_a_ledger_is_charged_once(store: Store) -> None:
    one = create_experiment(store, "t-c001", campaign="t", kind="candidate", name="Design", cycle=1)
    token = claim(store, one.id)
    assert token is not None
    for seed, cost in enumerate((3.25, 0.5)):
        done = Stage(stage="gpu-train", seed=seed, started_at=1.0, seconds=2.0, summary={"cpu_seconds": cost})
        write_stage(store, one.id, done, token)
    for _ in range(2):
        store.database["schema"].update_one({"_id": "archdb"}, {"$set": {"version": 1}})
        assert migrate(store)[0] == 1
    assert {entry.operation for entry in list_entries(store, "t")} == {"t-c001/gpu-train:0:0", "t-c001/gpu-train:0:1"}
    assert get_budget(store, "t").spent["cpu_seconds"] == 3_750_000
