"""The memory: lineage in MongoDB, cognition in LanceDB. What the rooms above use is re-exported here."""

from archdb.audit import Anchor, Anchors, Walk, check_chain
from archdb.audit_faults import Fault
from archdb.audit_records import check_records
from archdb.blobs import get_report, get_text, put_report, put_text
from archdb.campaigns import extend_campaign, get_campaign, open_campaign, set_panel
from archdb.cognition import Hit, index_literature, list_findings, record_findings, search
from archdb.designs import (
    Analysed,
    CodeVersion,
    Origin,
    Proposed,
    code_versions,
    find_code,
    find_proposal,
    led_to,
    record_code,
    record_components,
    record_once,
    same_code,
    uses_of,
)
from archdb.errors import (
    ArchiveError,
    Conflict,
    HomeUnusable,
    LeaseLost,
    NotFound,
    StoreMisconfigured,
    StoreOutdated,
    StoreUnavailable,
)
from archdb.events import Event, Head, Told, append_event, events_after, find_event, log_head
from archdb.experiments import create_experiment, get_experiment, set_fields, write_stage
from archdb.home import describe_os_fault, home, prepare_home, require_space
from archdb.leases import anyone_at_work, claim, release, renew
from archdb.lineage import ancestors, campaign_experiments, descendants, find_experiment, leaderboard
from archdb.migrations import migrate
from archdb.outbox import settle_all
from archdb.patience import impatient
from archdb.records import Body, Campaign, Experiment, Failed, Finding, Kind, Running, Stage, Verified, stage_key
from archdb.running import clear_running, get_running, list_running, show_running
from archdb.store import Store, connect, open_store
from archdb.verified import add_holdout, list_verified, record_verified

__all__ = [
    "Analysed",
    "Anchor",
    "Anchors",
    "ArchiveError",
    "Body",
    "Campaign",
    "CodeVersion",
    "Conflict",
    "Event",
    "Experiment",
    "Failed",
    "Fault",
    "Finding",
    "Head",
    "Hit",
    "HomeUnusable",
    "Kind",
    "LeaseLost",
    "NotFound",
    "Origin",
    "Proposed",
    "Running",
    "Stage",
    "Store",
    "StoreMisconfigured",
    "StoreOutdated",
    "StoreUnavailable",
    "Told",
    "Verified",
    "Walk",
    "add_holdout",
    "ancestors",
    "anyone_at_work",
    "append_event",
    "campaign_experiments",
    "check_chain",
    "check_records",
    "claim",
    "clear_running",
    "code_versions",
    "connect",
    "create_experiment",
    "descendants",
    "describe_os_fault",
    "events_after",
    "extend_campaign",
    "find_code",
    "find_event",
    "find_experiment",
    "find_proposal",
    "get_campaign",
    "get_experiment",
    "get_report",
    "get_running",
    "get_text",
    "home",
    "impatient",
    "index_literature",
    "leaderboard",
    "led_to",
    "list_findings",
    "list_running",
    "list_verified",
    "log_head",
    "migrate",
    "open_campaign",
    "open_store",
    "prepare_home",
    "put_report",
    "put_text",
    "record_code",
    "record_components",
    "record_findings",
    "record_once",
    "record_verified",
    "release",
    "renew",
    "require_space",
    "same_code",
    "search",
    "set_fields",
    "set_panel",
    "settle_all",
    "show_running",
    "stage_key",
    "uses_of",
    "write_stage",
]
