"""The memory: lineage in MongoDB, cognition in LanceDB. What the rooms above use is re-exported here."""

from archdb.asi_arch import (
    CAVEAT,
    ORIGIN,
    SCORE,
    SCORE_TITLE,
    Imported,
    ImportedResult,
    Release,
    import_release,
    imported_result,
    read_release,
)
from archdb.blobs import get_report, get_text, put_report, put_text
from archdb.campaigns import extend_campaign, get_campaign, open_campaign, set_panel
from archdb.cognition import Hit, index_literature, list_findings, record_findings, search
from archdb.errors import (
    ArchiveError,
    Conflict,
    HomeUnusable,
    LeaseLost,
    NotFound,
    StoreMisconfigured,
    StoreUnavailable,
)
from archdb.experiments import create_experiment, get_experiment, set_fields, write_stage
from archdb.home import describe_os_fault, home, prepare_home, require_space
from archdb.leases import anyone_at_work, claim, release, renew
from archdb.lineage import ancestors, campaign_experiments, descendants, drawn_from, find_experiment, leaderboard
from archdb.records import Body, Campaign, Experiment, Failed, Finding, Running, Stage, Verified, stage_key
from archdb.running import clear_running, get_running, list_running, show_running
from archdb.store import Store, open_store
from archdb.verified import add_holdout, list_verified, record_verified

__all__ = [
    "CAVEAT",
    "ORIGIN",
    "SCORE",
    "SCORE_TITLE",
    "ArchiveError",
    "Body",
    "Campaign",
    "Conflict",
    "Experiment",
    "Failed",
    "Finding",
    "Hit",
    "HomeUnusable",
    "Imported",
    "ImportedResult",
    "LeaseLost",
    "NotFound",
    "Release",
    "Running",
    "Stage",
    "Store",
    "StoreMisconfigured",
    "StoreUnavailable",
    "Verified",
    "add_holdout",
    "ancestors",
    "anyone_at_work",
    "campaign_experiments",
    "claim",
    "clear_running",
    "create_experiment",
    "descendants",
    "describe_os_fault",
    "drawn_from",
    "extend_campaign",
    "find_experiment",
    "get_campaign",
    "get_experiment",
    "get_report",
    "get_running",
    "get_text",
    "home",
    "import_release",
    "imported_result",
    "index_literature",
    "leaderboard",
    "list_findings",
    "list_running",
    "list_verified",
    "open_campaign",
    "open_store",
    "prepare_home",
    "put_report",
    "put_text",
    "read_release",
    "record_findings",
    "record_verified",
    "release",
    "renew",
    "require_space",
    "search",
    "set_fields",
    "set_panel",
    "show_running",
    "stage_key",
    "write_stage",
]
