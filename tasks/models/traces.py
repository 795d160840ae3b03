"""MLflow's traces of model calls: the prompt, and every attempt with its reply, tokens and cost. For people only: what
MLflow does not take is left out, and the call goes on.
"""

import logging
import os
import threading
from collections.abc import Sequence
from typing import Any

from archdb import Campaign, ModelAttempt, Store, find_outlines, get_text
from tasks import tracking
from tasks.models.keys import without_keys
from tasks.models.prompt import Prompt

NANO = 10**9
VARIABLE = "MLFLOW_TRACKING_URI"

_pointing = threading.Lock()


def trace_call(store: Store, campaign: Campaign, prompt: Prompt, attempts: Sequence[ModelAttempt]) -> None:
    """Trace a call with a span for each of its attempts, the last of which decided it or was given up."""
    try:
        _trace(store, campaign, prompt, attempts)
    except Exception as fault:  # bookkeeping: nothing that it raises may end a call that is paid
        told = without_keys(str(fault))[:200]
        logging.getLogger("archloop.models").warning("MLflow does not take the trace of a model call: %s", told)


def _trace(store: Store, campaign: Campaign, prompt: Prompt, attempts: Sequence[ModelAttempt]) -> None:
    from mlflow import start_span_no_context
    from mlflow.entities import SpanType

    last = attempts[-1]
    folder = tracking.folder_of(campaign.scale, campaign.domain)
    _point()
    tags = {
        tracking.TAG: last.experiment,
        "archloop.campaign": last.campaign,
        "archloop.role": last.role,
        "archloop.call": last.call,
        "archloop.outcome": last.kind,
        "archloop.template": prompt.template,
    }
    for asker in find_outlines(store, [last.experiment]):
        tags[tracking.OPENED] = repr(asker.created_at)
    asked = {"system": without_keys(prompt.system), "user": without_keys(prompt.user)}
    first = int(attempts[0].created_at * NANO)
    root = start_span_no_context(
        last.role, SpanType.CHAIN, inputs=asked, tags=tags, experiment_id=folder, start_time_ns=first
    )
    end, said = first, ""
    for one in attempts:
        said = get_text(store, one.reply) if one.reply else ""
        began = int(one.created_at * NANO)
        end = max(end, began + int(one.seconds * NANO))
        span = start_span_no_context(
            one.model or "lost", SpanType.CHAT_MODEL, parent_span=root, inputs=asked, start_time_ns=began
        )
        span.set_attributes(_attributes(one))
        span.set_status("OK" if one.kind == "answered" else "ERROR")
        span.end(outputs={"kind": one.kind, "message": one.message, "text": said}, end_time_ns=end)
    root.set_status("OK" if last.kind == "answered" else "ERROR")
    root.end(outputs={"kind": last.kind, "message": last.message, "text": said}, end_time_ns=end)


def _attributes(one: ModelAttempt) -> dict[str, Any]:
    from mlflow.tracing.constant import SpanAttributeKey

    tokens = one.prompt_tokens + one.completion_tokens
    counted = {"input_tokens": one.prompt_tokens, "output_tokens": one.completion_tokens, "total_tokens": tokens}
    told: dict[str, Any] = {SpanAttributeKey.CHAT_USAGE: counted, SpanAttributeKey.MODEL: one.model}
    told |= {"archloop.attempt": one.number, "archloop.estimated": one.estimated}
    if one.dollars is not None:
        told[SpanAttributeKey.LLM_COST] = {"total_cost": one.dollars}
    return told


def _point() -> None:
    """Have MLflow's traces go where its runs go. It would leave that in the environment, which tells ours apart from
    an address that a person gave.
    """
    import mlflow

    with _pointing:
        if mlflow.get_tracking_uri() == tracking.tracking_uri():
            return
        given = os.environ.get(VARIABLE)
        mlflow.set_tracking_uri(tracking.tracking_uri())
        if given is None:
            os.environ.pop(VARIABLE, None)
