"""A role's question, answered from a cassette: at no cost, and whatever is asked now.

What is asked is compared with what was asked when it was recorded. A difference changes no answer; it is recorded.
"""

import hashlib
import time
from dataclasses import replace
from typing import Literal

from archdb import Campaign, ModelCall, Store, call_id, find_call, get_experiment, get_text, put_text, record_call
from archdb.copies import HeldCall
from tasks.agents.desk import Desk
from tasks.models.asking import answer_of
from tasks.models.keys import without_keys
from tasks.models.prompt import Prompt
from tasks.models.replies import Shape
from tasks.replay.playing import NOT_RECORDED, Played, played


def at_cassette(desk: Desk) -> Desk:
    """The desk with its campaign's cassette in the place of models."""
    return replace(desk, answered_by=ask_cassette)


def ask_cassette(
    store: Store, campaign: Campaign, experiment: str, role: str, number: int, prompt: Prompt, shape: type[Shape]
) -> Shape:
    """The recorded answer to a role's question; arguments as of :func:`tasks.models.ask`.

    Raises:
        NoAnswer: there was none, for the reason that is recorded; or the cassette does not hold the call.
    """
    call = call_id(experiment, role, number)
    found = find_call(store, call)
    if found is None:
        play = played(store, campaign)
        if play is None:
            raise ValueError(f"Campaign {campaign.id} has no cassette to answer from.")
        held = play.call(get_experiment(store, experiment), role, number)
        asked = ModelCall(
            id=call,
            campaign=campaign.id,
            experiment=experiment,
            role=role,
            number=number,
            template=prompt.template,
            template_sha256=prompt.template_sha256,
            prompt=put_text(store, without_keys(prompt.text)),
            model="",
            outcome=NOT_RECORDED,
            message=f"The cassette holds no call {role}/{number} of this cycle",
            created_at=time.time(),
        )
        found = record_call(store, asked if held is None else _answered(store, play, held, asked, prompt))
    return answer_of(store, found, shape)


def _answered(store: Store, play: Played, held: HeldCall, asked: ModelCall, prompt: Prompt) -> ModelCall:
    reply = put_text(store, play.as_here(get_text(store, held.reply))) if held.reply else ""
    return asked.model_copy(
        update={
            "model": held.model,
            "outcome": held.outcome,
            "message": held.message,
            "reply": reply,
            "recorded": held.prompt,
            "diverged": _divergence(play, held, prompt),
        }
    )


def _divergence(play: Played, held: HeldCall, prompt: Prompt) -> Literal["", "template", "filling"]:
    text = play.as_recorded(without_keys(prompt.text))
    if hashlib.sha256(text.encode()).hexdigest() == held.prompt:
        return ""
    same = (prompt.template, prompt.template_sha256) == (held.template, held.template_sha256)
    return "filling" if same else "template"
