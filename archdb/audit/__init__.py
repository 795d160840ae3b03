"""The audit: whether the event log is whole, and whether the records are as the log tells."""

from archdb.audit.chain import Anchor, Anchors, Walk, check_chain
from archdb.audit.faults import Fault
from archdb.audit.records import check_records

__all__ = ["Anchor", "Anchors", "Fault", "Walk", "check_chain", "check_records"]
