"""Heartbeats of flow runs within other ones, from one thread of the process.

By them the server finds out that a run has lost its process (flows/deploying.py). Prefect gives every run a thread that
looks once a second whether it shall end, and the run's end waits for that: half a second on average, twice a cycle.
So runs that this process starts within it send theirs from here, and end at once.
"""

import contextlib
import contextvars
import functools
import threading
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from prefect import Flow
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext, SettingsContext, get_settings_context
from prefect.events import RelatedResource, emit_event
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, Settings, get_current_settings

Given = ParamSpec("Given")
Result = TypeVar("Result")
BEAT_SECONDS = 30

_beats: dict[str, Callable[[], None]] = {}  # flow run -> what sends one
_none_left = threading.Event()
_silent: tuple[Settings, Settings] | None = None  # the settings that were asked for last, and those without heartbeats
_lock = threading.Lock()


def within(run: Flow[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """Call a flow of ours, whose body is ``beating``, without a thread of its own."""
    with SettingsContext(profile=get_settings_context().profile, settings=_without_heartbeats(get_current_settings())):
        return run(*args, **kwargs)


def _without_heartbeats(settings: Settings) -> Settings:
    """These settings, in which Prefect sends none: to read them anew for every run takes longer than to start it."""
    global _silent
    if settings.flows.heartbeat_frequency is None:
        return settings
    known = _silent
    if known is None or known[0] is not settings:
        known = _silent = settings, settings.copy_with_update({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
    return known[1]


def beating(body: Callable[Given, Result]) -> Callable[Given, Result]:
    """The body of a flow whose run sends heartbeats from here where Prefect sends none."""

    @functools.wraps(body)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        with _beating():
            return body(*args, **kwargs)

    return run


@contextlib.contextmanager
def _beating() -> Iterator[None]:
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or get_current_settings().flows.heartbeat_frequency is not None:
        yield
        return
    run, beat = str(context.flow_run.id), _beat_of(context.flow_run, context.flow.name if context.flow else "")
    beat()
    _add(run, beat)
    try:
        yield
    finally:
        _remove(run)


def _beat_of(run: FlowRun, name: str) -> Callable[[], None]:
    """What sends a heartbeat of a run of the flow of this name."""
    about = {"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.name": run.name}
    of = {"prefect.resource.id": f"prefect.flow.{run.flow_id}", "prefect.resource.role": "flow"}
    related = RelatedResource.model_validate(of | {"prefect.resource.name": name})
    settings = contextvars.copy_context()  # which say what server it is

    def beat() -> None:
        with contextlib.suppress(Exception):  # whoever cannot be reached now hears the next one
            settings.run(emit_event, "prefect.flow-run.heartbeat", about, related=[related])

    return beat


def _add(run: str, beat: Callable[[], None]) -> None:
    global _none_left
    with _lock:
        if not _beats:
            _none_left = threading.Event()
            threading.Thread(target=_send, args=(_none_left,), name="heartbeats", daemon=True).start()
        _beats[run] = beat


def _remove(run: str) -> None:
    with _lock:
        _beats.pop(run, None)
        if not _beats:
            _none_left.set()


def _send(none_left: threading.Event) -> None:
    while not none_left.wait(BEAT_SECONDS):
        with _lock:
            now = list(_beats.values())
        for beat in now:
            beat()
