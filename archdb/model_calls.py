"""Calls of language models, and the attempts that each took.

An attempt is recorded as soon as it ended, before its cost is settled; a call is recorded once it is decided, before
its reply is used. So whoever does a stage again after a crash finds what was answered, and nobody is asked or paid
twice.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, FiniteFloat

from archdb.amounts import Amounts
from archdb.events import Told, digest
from archdb.once import insert_or_find
from archdb.outbox import holding, settle
from archdb.patience import patient
from archdb.records import Record, document
from archdb.store import Store

STEP = "model-call"
INDEXES = {
    "model_calls": (("experiment",), ("campaign",)),
    "model_attempts": (("call",), ("campaign", "role", "created_at")),
}


class ModelAttempt(Record):
    """One request to a model, and how it ended. Written once."""

    id: str = Field(alias="_id")  # call/number
    call: str  # experiment/role/number
    number: int  # from 0
    campaign: str
    experiment: str
    role: str
    model: str  # the one asked; empty where only the reservation of a killed worker is left
    kind: str  # "answered", or what went wrong
    message: str = ""
    reply: str = ""  # blob of the text as it came, keys taken out; empty if there was none
    prompt_tokens: int = 0  # charged
    completion_tokens: int = 0
    estimated: bool = False  # the server did not say, so that this is an estimate from above
    dollars: FiniteFloat | None = None  # None: nobody knows the model's price
    seconds: FiniteFloat = 0.0
    created_at: FiniteFloat = 0.0

    @property
    def cost(self) -> Amounts:
        return {"tokens": self.prompt_tokens + self.completion_tokens, "dollars": self.dollars or 0.0}


class ModelCall(Record):
    """One question to one role of an experiment, and what came of it. Written once."""

    id: str = Field(alias="_id")  # experiment/role/number
    campaign: str
    experiment: str
    role: str
    number: int  # of the role's questions in this experiment
    template: str = ""
    template_sha256: str = ""
    prompt: str  # sha256 of what was asked, and blob of it
    model: str  # the one that gave the last word
    outcome: str  # kind of the last attempt: "answered", or why there is no answer
    message: str = ""
    reply: str = ""  # blob of the last attempt's text
    prompt_tokens: int = 0  # of all attempts together, as the next three
    completion_tokens: int = 0
    dollars: FiniteFloat | None = None  # of those of known price
    seconds: FiniteFloat = 0.0
    attempts: tuple[ModelAttempt, ...] = ()
    recorded: str = ""  # of a call that a cassette answered: sha256 of the prompt as it was recorded
    diverged: Literal["", "template", "filling"] = ""  # what is not as recorded, where the prompt is another one
    created_at: FiniteFloat = 0.0


def call_id(experiment: str, role: str, number: int) -> str:
    """The id of a call."""
    return f"{experiment}/{role}/{number}"


def attempt_operation(call: str, number: int) -> str:
    """The operation in the budget ledger that an attempt at a call is."""
    experiment, _, rest = call.partition("/")
    return f"{experiment}/{STEP}/{rest}/{number}"


def is_attempt(operation: str) -> bool:
    """Whether an operation of the budget ledger is an attempt at a model call."""
    return operation.split("/")[1:2] == [STEP]


@patient
def find_attempt(store: Store, operation: str) -> ModelAttempt | None:
    """The recorded attempt that an operation of the budget ledger is."""
    found = store.model_attempts.find_one({"_id": operation.replace(f"/{STEP}/", "/", 1)})
    return ModelAttempt.model_validate(found) if found else None


def record_attempt(store: Store, one: ModelAttempt) -> ModelAttempt:
    """Keep the attempt unless there is one of its id, and return what is kept."""
    return insert_or_find(store.model_attempts, one)


@patient
def attempts_at(store: Store, call: str) -> list[ModelAttempt]:
    """The recorded attempts at a call, in order."""
    found = [ModelAttempt.model_validate(one) for one in store.model_attempts.find({"call": call})]
    return sorted(found, key=lambda one: one.number)


@patient
def last_attempts(store: Store, campaign: str, role: str, most: int) -> list[ModelAttempt]:
    """The last recorded attempts of a campaign's role, ``most`` of them, oldest first."""
    found = store.model_attempts.find({"campaign": campaign, "role": role}).sort("created_at", -1).limit(most)
    return sorted((ModelAttempt.model_validate(one) for one in found), key=lambda one: (one.created_at, one.id))


def call_of(
    attempts: Sequence[ModelAttempt], number: int, prompt: str, template: str, template_sha256: str, at: float
) -> ModelCall:
    """The call that these attempts, the last of which decided it, make up."""
    last = attempts[-1]
    priced = [one.dollars for one in attempts if one.dollars is not None]
    return ModelCall(
        id=last.call,
        campaign=last.campaign,
        experiment=last.experiment,
        role=last.role,
        number=number,
        template=template,
        template_sha256=template_sha256,
        prompt=prompt,
        model=last.model,
        outcome=last.kind,
        message=last.message,
        reply=last.reply,
        prompt_tokens=sum(one.prompt_tokens for one in attempts),
        completion_tokens=sum(one.completion_tokens for one in attempts),
        dollars=sum(priced) if priced else None,
        seconds=sum(one.seconds for one in attempts),
        attempts=tuple(attempts),
        created_at=at,
    )


@patient
def record_call(store: Store, one: ModelCall) -> ModelCall:
    """Keep the call unless there is one of its id, and return what is kept. The event log is told of it."""
    kept = insert_or_find(store.model_calls, one, holding(told_call(one)))
    settle(store, "model_calls", one.id)
    return kept


def told_call(one: ModelCall) -> Told:
    """What the event log is told of a call."""
    body = {"model": one.model, "outcome": one.outcome, "prompt": one.prompt, "reply": one.reply}
    return Told(
        kind="call",
        key=f"call/{one.id}",
        campaign=one.campaign,
        subject=one.experiment,
        body=body | {"template": one.template_sha256, "sha256": digest(document(one))},
    )


@patient
def find_call(store: Store, call: str) -> ModelCall | None:
    """The call of this id, if it was recorded."""
    found = store.model_calls.find_one({"_id": call})
    return ModelCall.model_validate(found) if found else None


@patient
def list_calls(store: Store, experiment: str) -> list[ModelCall]:
    """The calls of an experiment, oldest first."""
    found = [ModelCall.model_validate(one) for one in store.model_calls.find({"experiment": experiment})]
    return sorted(found, key=lambda one: (one.created_at, one.id))


@patient
def campaign_calls(store: Store, campaign: str) -> list[ModelCall]:
    """All calls of a campaign, oldest first."""
    found = [ModelCall.model_validate(one) for one in store.model_calls.find({"campaign": campaign})]
    return sorted(found, key=lambda one: (one.created_at, one.id))
