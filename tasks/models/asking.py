"""A role's question to a model, asked once: looked up, reserved, tried, recorded, settled, and read.

Each attempt is an operation of its own in the budget ledger, ``experiment/model-call/role/number/attempt``: the most
that it may cost is reserved before it is sent. What a crash leaves behind:

| cut off behind | left | whoever does the stage again |
|---|---|---|
| reserve | a reservation | charges it in full, as an attempt that is "lost", and asks again |
| the attempt's record | a reservation | settles it with the record, and goes on as if nothing had happened |
| settle | the record | uses its reply: nobody is asked |
| the call's record | the record | uses its reply |

So the ledger errs on one side only: a request may be charged that was never sent, or at more than it cost, but none
that may have been answered is free. ``recover`` does the same for experiments that nobody goes on with. A reply that
was on its way when its worker was killed is lost with it, and paid for: no server tells it again.
"""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

import tenacity
from pydantic import BaseModel

from archdb import (
    KINDS,
    UNLIMITED,
    BudgetEntry,
    Campaign,
    ModelAttempt,
    ModelCall,
    Store,
    attempt_operation,
    attempts_at,
    call_id,
    call_of,
    find_call,
    get_budget,
    get_text,
    last_attempts,
    put_text,
    record_attempt,
    record_call,
    reserve,
    settle,
    settle_in_full,
)
from tasks.faults import ModelUnusable, Stopped, TransportFault
from tasks.models import traces
from tasks.models.choice import Model, models_of, read_models, require_prices
from tasks.models.keys import read_key, without_keys
from tasks.models.outcomes import ENDINGS, NoAnswer, Outcome, Usage, is_decided
from tasks.models.pool import choose, pulls_of
from tasks.models.prompt import Correction, Prompt, most_prompt_tokens
from tasks.models.replies import Shape, Unusable, read_reply
from tasks.models.wire import attempt
from tasks.peers import ended
from tasks.sandbox.jail import stop_everything

TOLD = 500  # signs of an attempt's message
REMEMBERED = 1000  # attempts of a role that the choice between models rests on
DISBELIEVED = "The server counted what cannot be; charged is all that was reserved."


def ask(
    store: Store, campaign: Campaign, experiment: str, role: str, number: int, prompt: Prompt, shape: type[Shape]
) -> Shape:
    """The answer to a role's question, from the records if it was given before, whatever is asked now.

    Args:
        store: where.
        campaign: whose budget pays, and whose model is asked.
        experiment: for which the role works. Its lease is the caller's: two workers must not ask at once.
        role: who asks, such as "engineer".
        number: of the role's questions in this experiment, from 0: together they name the call.
        prompt: what is asked.
        shape: what the answer has to be: a record whose JSON is an object.

    Raises:
        NoAnswer: the model refused, or gave nothing usable: a result, recorded.
        BudgetSpent: the campaign's budget has no room for the next attempt now.
        TransportFault: the endpoint does not answer: the stage is tried again later.
        ModelUnusable: the endpoint or the settings that name it have to be mended by a person.
        Stopped: somebody ended the work.
    """
    call = call_id(experiment, role, number)
    with _alone(call):
        found = find_call(store, call)
        if found is None:
            found = _Asking(store, campaign, call, experiment, role, number, prompt, shape).decide()
    return answer_of(store, found, shape)


def check_models(store: Store, campaign: Campaign, roles: tuple[str, ...]) -> None:
    """Make sure that every role has a model with a key, and with a cap on dollars also that the prices are known.

    Raises:
        ModelUnusable: it is not so.
    """
    for role in roles:
        for one in _models(store, campaign, role):
            read_key(one.key_variable)


def _models(store: Store, campaign: Campaign, role: str) -> tuple[Model, ...]:
    models = models_of(read_models(campaign.model), role)
    if get_budget(store, campaign.id).caps["dollars"] < UNLIMITED:
        require_prices(models)
    return models


def answer_of(store: Store, call: ModelCall, shape: type[Shape]) -> Shape:
    """What a recorded call says.

    Raises:
        NoAnswer: it had no answer, or the shape has changed since.
    """
    if call.outcome != "answered":
        raise NoAnswer(call.outcome, _sentence(call.model, call.outcome, call.message))
    read = read_reply(get_text(store, call.reply), shape)
    if isinstance(read, Unusable):  # the shape has changed since
        raise NoAnswer(read.kind, _sentence(call.model, read.kind, f"The recorded reply is of no use: {read.wrong}"))
    return read


def _sentence(model: str, kind: str, message: str) -> str:
    return f"{model or 'The model'} ({kind.replace('_', ' ')}): {message.rstrip('.')}: {ENDINGS[kind].remedy}."


@dataclass
class _Asking:
    """One call on its way to be decided."""

    store: Store
    campaign: Campaign
    call: str
    experiment: str
    role: str
    number: int
    prompt: Prompt
    shape: type[BaseModel]
    attempts: list[ModelAttempt] = field(default_factory=list)

    def decide(self) -> ModelCall:
        """Ask until there is nothing left to ask, and record it."""
        self._take_up()
        if not is_decided([one.kind for one in self.attempts]):
            model = self._model()
            read_key(model.key_variable)  # without one nothing is sent, and nothing may be reserved
            last = tenacity.Retrying(
                retry=tenacity.retry_if_result(self._again),
                stop=lambda state: self._given_up(state, model),
                wait=lambda state: self._wait(state, model),
                sleep=tenacity.sleep_using_event(stop_everything),
                retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
            )(self._attempt, model)
            if not is_decided([one.kind for one in self.attempts]) and ENDINGS[last.kind].leads_to != "failure":
                self._trace()
                told = _sentence(model.name, last.kind, last.message)
                raise (ModelUnusable if ENDINGS[last.kind].leads_to == "mistake" else TransportFault)(told)
        asked = put_text(self.store, without_keys(self.prompt.text))
        template, of = self.prompt.template, self.prompt.template_sha256
        decided = record_call(self.store, call_of(self.attempts, self.number, asked, template, of, time.time()))
        self._trace()
        return decided

    def _take_up(self) -> None:
        """Bring to an end what an earlier worker left of the call."""
        self.attempts = attempts_at(self.store, self.call)
        for one in self.attempts[-1:]:
            settle(self.store, self.campaign.id, attempt_operation(self.call, one.number), one.cost)
        while (entry := settle_in_full(self.store, self.campaign.id, self._operation())) is not None:
            self.attempts.append(record_attempt(self.store, self._lost(entry)))

    def _operation(self) -> str:
        return attempt_operation(self.call, len(self.attempts))

    def _model(self) -> Model:
        models = _models(self.store, self.campaign, self.role)
        if len(models) == 1:
            return models[0]
        tried = last_attempts(self.store, self.campaign.id, self.role, REMEMBERED)
        seed = f"{self.campaign.seed}/{self.call}/{len(self.attempts)}"
        return choose(models, pulls_of(tried, ended(self.store, self.campaign.id)), seed)

    def _attempt(self, model: Model) -> Outcome:
        if stop_everything.is_set():
            raise Stopped
        correction = self._correction()
        prompt_tokens = most_prompt_tokens(self.prompt, self.shape, correction)
        most = Usage(prompt_tokens, model.max_output_tokens)
        held = {"tokens": float(sum(most)), "dollars": model.dollars(*most) or 0.0}
        reserve(self.store, self.campaign.id, self._operation(), held, "model call")
        began = time.time()
        outcome = attempt(model, self.prompt, self.shape, correction)
        if outcome.kind == "answered":
            read = read_reply(outcome.text, self.shape)
            if isinstance(read, Unusable):
                outcome = outcome.model_copy(update={"kind": read.kind, "message": read.wrong})
        made = record_attempt(self.store, self._made(model, outcome, most, began))
        settle(self.store, self.campaign.id, self._operation(), made.cost)
        self.attempts.append(made)
        return outcome

    def _correction(self) -> Correction | None:
        useless = [one for one in self.attempts if ENDINGS[one.kind].again == "corrected"]
        if not useless:
            return None
        last = useless[-1]
        if last.kind == "truncated":
            return Correction("", "it was cut off because it was too long. Be much shorter.")
        return Correction(get_text(self.store, last.reply) if last.reply else "", last.message)

    def _again(self, outcome: Outcome) -> bool:
        return ENDINGS[outcome.kind].again != "never" and not is_decided([one.kind for one in self.attempts])

    def _given_up(self, state: tenacity.RetryCallState, model: Model) -> bool:
        outcome: Outcome | None = state.outcome.result() if state.outcome else None
        return state.attempt_number >= model.attempts or ((outcome and outcome.retry_after) or 0) > model.longest_wait

    def _wait(self, state: tenacity.RetryCallState, model: Model) -> float:
        outcome: Outcome | None = state.outcome.result() if state.outcome else None
        if outcome is None or ENDINGS[outcome.kind].again == "corrected":
            return 0.0
        longest = min(model.longest_wait, model.first_wait * 2 ** (state.attempt_number - 1))
        return (outcome.retry_after or 0.0) + random.uniform(0, longest)

    def _made(self, model: Model, outcome: Outcome, most: Usage, began: float) -> ModelAttempt:
        charged, estimated = charge(outcome, most)
        return self._record(
            model=model.name,
            kind=outcome.kind,
            message=outcome.message[:TOLD] or (DISBELIEVED if outcome.usage and estimated else ""),
            reply=put_text(self.store, outcome.text) if outcome.text else "",
            prompt_tokens=charged.prompt,
            completion_tokens=charged.completion,
            estimated=estimated,
            dollars=model.dollars(*charged),
            seconds=time.time() - began,
            created_at=began,
        )

    def _lost(self, entry: BudgetEntry) -> ModelAttempt:
        return self._record(
            model="",
            kind="lost",
            message="The worker that may have sent this was ended before it had recorded an answer.",
            completion_tokens=entry.actual.get("tokens", 0),
            estimated=True,
            dollars=entry.actual.get("dollars", 0) / KINDS["dollars"].unit,
            created_at=entry.since,
        )

    def _record(self, **fields: object) -> ModelAttempt:
        number = len(self.attempts)
        named = {"_id": f"{self.call}/{number}", "call": self.call, "number": number, "campaign": self.campaign.id}
        return ModelAttempt.model_validate(named | {"experiment": self.experiment, "role": self.role} | fields)

    def _trace(self) -> None:
        traces.trace_call(self.store, self.campaign, self.prompt, self.attempts)


def charge(outcome: Outcome, most: Usage) -> tuple[Usage, bool]:
    """What an attempt is charged, and whether that is an estimate from above.

    A server is believed if what it counted could be: at least a token asked, and no more than was reserved. One that
    does not count is charged for every byte that it wrote as for a token; one that broke off, for all it might have.
    """
    if outcome.free:
        return Usage(0, 0), False
    told = outcome.usage
    least = Usage(1, 1 if outcome.heard else 0)
    if told and least.prompt <= told.prompt <= most.prompt and least.completion <= told.completion <= most.completion:
        return told, False
    if told or ENDINGS[outcome.kind].leads_to == "outage":
        return most, True
    return Usage(most.prompt, min(outcome.heard, most.completion)), True


_locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()  # call -> held while a thread asks
_lock = threading.Lock()


@contextmanager
def _alone(call: str) -> Iterator[None]:
    """Of two threads with the same question, the second one finds the first one's answer."""
    with _lock:
        mine = _locks.setdefault(call, threading.Lock())
    with mine:
        yield
