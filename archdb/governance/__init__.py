"""Governance: who may do what when. Pause and stop, approvals by named people, and the rule that counts them."""

from archdb.governance.approvals import list_approvals, record_approval
from archdb.governance.control import (
    EVERYTHING,
    Control,
    get_control,
    halt_of,
    refuse_turn,
    require_not_stopped,
    require_running,
    tell_ended,
    turn,
)
from archdb.governance.requests import (
    Request,
    conclude,
    decide,
    get_request,
    name_flow_run,
    open_request,
    refusal_of,
    requests_of,
    standing_of,
    subject_of_turn,
    waiting_requests,
)
from archdb.governance.rule import Rule, rule_from, rule_of

__all__ = [
    "EVERYTHING",
    "Control",
    "Request",
    "Rule",
    "conclude",
    "decide",
    "get_control",
    "get_request",
    "halt_of",
    "list_approvals",
    "name_flow_run",
    "open_request",
    "record_approval",
    "refusal_of",
    "refuse_turn",
    "requests_of",
    "require_not_stopped",
    "require_running",
    "rule_from",
    "rule_of",
    "standing_of",
    "subject_of_turn",
    "tell_ended",
    "turn",
    "waiting_requests",
]
