"""The one retry policy: a call that the store did not answer is made again, with jittered backoff, until patience ends.

Everything that is decorated may be made twice: writes go under deterministic ids or compare a revision first.
"""

import contextlib
import functools
import logging
import os
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

import pymongo
import pymongo.errors
import tenacity

from archdb.errors import Malformed, StoreMisconfigured, StoreUnavailable
from archdb.home import require_space

Given = ParamSpec("Given")
Result = TypeVar("Result")
ATTEMPT_MS = 20_000  # for one attempt, reconnecting included; ARCHLOOP_MONGODB_PATIENCE_MS overrides it
ATTEMPTS = 9.0  # of that length pass before a store that once answered is given up
INVALID_DOCUMENT = 121  # MongoDB's error code DocumentValidationFailure

_inside: ContextVar[bool] = ContextVar("inside", default=False)


def attempt_ms() -> int:
    """How long one attempt may take, in milliseconds."""
    return int(os.environ.get("ARCHLOOP_MONGODB_PATIENCE_MS") or ATTEMPT_MS)


def patient(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Make the function's store faults archdb's, and call it again while the store does not answer.

    Of nested calls only the outermost is repeated.

    Raises:
        StoreUnavailable: patience ended.
        StoreMisconfigured: the store refuses us.
        Malformed: the store refuses the document.
    """

    @functools.wraps(function)
    def call(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        if _inside.get():
            with store_faults():
                return function(*args, **kwargs)
        policy = tenacity.Retrying(
            stop=tenacity.stop_after_delay(ATTEMPTS * attempt_ms() / 1000),
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=5.0),
            retry=tenacity.retry_if_exception_type(StoreUnavailable),
            before_sleep=_say_so,
            reraise=True,
        )
        outermost = _inside.set(True)
        try:
            return policy(store_faults()(function), *args, **kwargs)
        finally:
            _inside.reset(outermost)

    return call


@contextlib.contextmanager
def impatient(seconds: float) -> Iterator[None]:
    """Inside, a call is made once and ends within so many seconds: for what can be left out when the store is away."""
    once = _inside.set(True)
    try:
        with pymongo.timeout(seconds):
            yield
    finally:
        _inside.reset(once)


def _say_so(state: tenacity.RetryCallState) -> None:
    if state.attempt_number == 1:
        seconds = ATTEMPTS * attempt_ms() / 1000
        logging.getLogger("archloop.archdb").warning("The store does not answer: trying for %.0f seconds.", seconds)


@contextlib.contextmanager
def store_faults() -> Iterator[None]:
    """Turn pymongo's faults into archdb's: transport faults into StoreUnavailable, refusals into StoreMisconfigured."""
    try:
        yield
    except pymongo.errors.DuplicateKeyError:
        raise
    except (pymongo.errors.ConnectionFailure, pymongo.errors.ExecutionTimeout) as fault:
        require_space()
        raise StoreUnavailable(
            f"No answer from the store ({_short(fault)}): start it or mend its address, which ARCHLOOP_MONGODB_URI or "
            "the command says, then run the same command again; nothing recorded is lost."
        ) from fault
    except pymongo.errors.PyMongoError as fault:
        require_space()
        if getattr(fault, "timeout", False):
            raise StoreUnavailable(
                f"The store took too long to answer ({_short(fault)}): run the same command again."
            ) from fault
        if INVALID_DOCUMENT in _codes(fault):
            raise Malformed(f"The store's schema refuses what was to be written: {_short(fault)}.") from fault
        raise StoreMisconfigured(
            f"The store refused a request ({_short(fault)}): check user, password and rights in its address."
        ) from fault


def _codes(fault: pymongo.errors.PyMongoError) -> set[int]:
    details = getattr(fault, "details", None) or {}
    return {getattr(fault, "code", None) or 0} | {one.get("code", 0) for one in details.get("writeErrors", ())}


def _short(fault: Exception) -> str:
    return str(fault).split(", Timeout:")[0].split(" (configured timeouts")[0][:200]
