"""MLflow: one run per evaluated design, found again by its experiment tag, so that doing it twice adds nothing.

Whatever is written here is written from a record, with the times of that record: a second time writes the same rows.
"""

from tasks.tracking.files import fetch_file, files_of, keep_file, log_text, remove_file
from tasks.tracking.inputs import Input, log_inputs
from tasks.tracking.numbers import log_curves, log_parameters, log_scores
from tasks.tracking.registry import registered_version
from tasks.tracking.runs import OPENED, TAG, find_or_start_run, finish_run, link_traces, set_tags, tagged_runs, tags_of
from tasks.tracking.scales import folder_of, tag_scale, tagged_scales
from tasks.tracking.server import client, prepare_tracking, shown_address, tracking_uri

__all__ = [
    "OPENED",
    "TAG",
    "Input",
    "client",
    "fetch_file",
    "files_of",
    "find_or_start_run",
    "finish_run",
    "folder_of",
    "keep_file",
    "link_traces",
    "log_curves",
    "log_inputs",
    "log_parameters",
    "log_scores",
    "log_text",
    "prepare_tracking",
    "registered_version",
    "remove_file",
    "set_tags",
    "shown_address",
    "tag_scale",
    "tagged_runs",
    "tagged_scales",
    "tags_of",
    "tracking_uri",
]
