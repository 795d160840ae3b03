"""Several subflows at a time in one process, each shown under the flow that started it."""

import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from prefect.exceptions import TerminationSignal

from tasks.sandbox.jail import stop_everything

T = TypeVar("T")


def in_parallel(jobs: Sequence[Callable[[], T]], most: int) -> list[T]:
    """Run jobs in threads, at most ``most`` at a time, and return their results in order.

    Each job runs in a copy of the caller's context, which is how Prefect knows the parent flow run. The first job that
    raises stops jobs that have not begun; those in flight end first. A worker that ends this process, as it does when a
    person cancels the run, stops those in flight as well, and their children within a second.
    """
    raised: list[BaseException] = []

    def attempt(job: Callable[[], T]) -> T:
        if raised:
            raise raised[0]
        try:
            return job()
        except BaseException as fault:
            raised.append(fault)
            raise

    with ThreadPoolExecutor(max_workers=most, thread_name_prefix="flow") as pool:
        futures = [pool.submit(contextvars.copy_context().run, attempt, job) for job in jobs]
        try:
            return [future.result() for future in futures]
        except BaseException as fault:
            if isinstance(fault, TerminationSignal):
                stop_everything.set()
            for future in futures:
                future.cancel()
            raise
