"""Anchors in a real MLflow: written into tags, found again, and missed when they are gone."""

import pytest

from archdb import Store, get_campaign, get_experiment, log_head, set_fields
from archdb.audit import check_chain, check_records
from tasks import tracking
from tasks.anchors import anchor_campaign, anchor_tags, find_anchors
from tests.archdb.event_log import DESIGN, write_log


@pytest.mark.slow
def test_anchors_are_found_again_and_the_end_of_the_log_is_behind_them(store: Store) -> None:
    write_log(store)
    campaign, one = get_campaign(store, "t"), get_experiment(store, DESIGN)
    run = tracking.find_or_start_run(campaign, one, None, 1.0)
    set_fields(store, DESIGN, mlflow_run=run)

    def kinds() -> list[str]:
        anchors = find_anchors(store)
        walk = check_chain(store, anchors)
        return [fault.kind for fault in walk.faults + check_records(store, walk, anchors=anchors).faults]

    assert kinds() == ["unanchored"]
    tracking.finish_run(run, 2.0, failed=False, tags=anchor_tags(store))
    anchor_campaign.fn(campaign)
    assert kinds() == []
    end = log_head(store)
    assert end is not None
    assert [(found.head, found.chain, found.run) for found in find_anchors(store).found] == [
        (str(end), end.chain, run),
        (str(end), end.chain, ""),
    ]
    store.events.delete_one({"_id": end.sequence})
    assert kinds() == ["cut", "untold"]
    tracking.client().delete_run(run)  # into the bin, where it still counts
    assert kinds() == ["cut", "untold"]
