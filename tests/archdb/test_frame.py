"""All experiments as one table."""

from pathlib import Path

import pandas as pd
import pytest

from archdb import Campaign, NotFound, Store, create_experiment, open_campaign, set_fields
from archdb.frame import experiments_table, write_table


@pytest.fixture
def three(store: Store) -> Store:
    for name in ("one", "two"):
        open_campaign(store, Campaign(id=name, scale="nano", provider="grammar", cycles=1))
    create_experiment(store, "one-gla", campaign="one", kind="baseline", name="gla", seeds=(0, 1))
    set_fields(store, "one-gla", objectives={"text_bpb": 2.5}, fitness=0.25, components={"decay": "scalar"})
    create_experiment(store, "one-c001", campaign="one", kind="candidate", name="New", cycle=1)
    set_fields(
        store,
        "one-c001",
        parents=["one-gla"],
        path=["one-gla"],
        state="failed",
        failure={"stage": "gpu-train", "kind": "diverged", "message": "It rose."},
    )
    create_experiment(store, "two-c001", campaign="two", kind="candidate", name="Open", cycle=1)
    return store


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_every_experiment_is_a_row_and_comes_back_from_the_file(three: Store, tmp_path: Path, ending: str) -> None:
    table = experiments_table(three)
    assert list(table["id"]) == ["one-gla", "one-c001", "two-c001"]
    file = tmp_path / f"all.{ending}"
    write_table(table, file)
    back = (pd.read_parquet if ending == "parquet" else pd.read_csv)(file).set_index("id")
    assert back.loc["one-gla", ["objective.text_bpb", "fitness", "component.decay", "seeds"]].tolist() == [
        2.5, 0.25, "scalar", 2,
    ]  # fmt: skip
    failed = back.loc["one-c001"]
    assert (failed["parent"], failed["family"], failed["failed_in"], failed["failure"]) == (
        "one-gla", "one-gla", "gpu-train", "diverged",
    )  # fmt: skip
    assert pd.isna(back.loc["one-gla", "cycle"])
    assert pd.isna(back.loc["two-c001", "fitness"])
    assert pd.Timestamp(back.loc["one-gla", "created_at"]).tzinfo is not None
    assert [one.name for one in tmp_path.iterdir()] == [file.name]


def test_campaigns_can_be_chosen_and_have_to_exist(three: Store) -> None:
    assert list(experiments_table(three, ["two", "two"])["id"]) == ["two-c001"]
    with pytest.raises(NotFound, match="No campaign is called three"):
        experiments_table(three, ["three"])


def test_a_store_without_experiments_gives_a_table_without_rows(store: Store, tmp_path: Path) -> None:
    table = experiments_table(store)
    assert table.empty
    write_table(table, tmp_path / "none.parquet")
    assert "fitness" in pd.read_parquet(tmp_path / "none.parquet")


def test_another_ending_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has to end in \.parquet or \.csv"):
        write_table(experiments_table(store), tmp_path / "all.xlsx")
    assert not list(tmp_path.iterdir())
