"""How far a training is, as a progress artifact on its page in Prefect.

It comes from what the child streams, so it is for people only: what Prefect does not take is left out, and the training
goes on. A thread of its own sends it, since the supervisor must not wait for a server.
"""

import contextlib
import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.context import TaskRunContext

from evaluation import Progress

PERIOD = 10.0  # seconds between updates
LAST_WORD = 3.0  # seconds that the end of a training waits for its last update


@contextlib.contextmanager
def training_progress(title: str) -> Iterator[Callable[[Progress], None]]:
    """Inside a Prefect task, a function that shows progress; outside of one, a function that does nothing.

    Args:
        title: what is trained.
    """
    latest: deque[Progress] = deque(maxlen=1)
    if TaskRunContext.get() is None:
        yield latest.append
        return
    over = threading.Event()
    sender = threading.Thread(
        target=contextvars.copy_context().run, args=(_send, title, latest, over), name="training-progress", daemon=True
    )
    sender.start()
    try:
        yield latest.append
    finally:
        over.set()
        sender.join(LAST_WORD)


def _send(title: str, latest: deque[Progress], over: threading.Event) -> None:
    artifact, sent = None, None
    ended = False
    while not ended:
        ended = over.wait(PERIOD)
        now = latest[0] if latest else None
        if now is None or now is sent:
            continue
        try:
            artifact = _put(artifact, title, now)
            sent = now
        except Exception as fault:  # bookkeeping: nothing that it raises may end a training
            logging.getLogger("archloop.prefect").warning("Prefect does not take a progress: %s", str(fault)[:200])


def _put(artifact: UUID | None, title: str, now: Progress) -> UUID:
    percent = round(100 * min(max(now.fraction, 0.0), 1.0), 1)
    told = f"{title}: {now.task}, step {now.step} of {now.steps}, streamed loss {now.loss:.3f}"
    client = get_client(sync_client=True)
    if artifact is not None:
        client.update_artifact(artifact, ArtifactUpdate(data=percent, description=told))
        return artifact
    task = TaskRunContext.get()
    run = task.task_run if task else None
    wanted = ArtifactCreate(
        type="progress",
        data=percent,
        description=told,
        task_run_id=run.id if run else None,
        flow_run_id=run.flow_run_id if run else None,
    )
    return client.create_artifact(wanted).id
