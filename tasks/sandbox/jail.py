"""The launch that tasks/ passes to evaluation: each child confined, watched, and ended with all that it started.

This module is the supervisor's side: it orders a child from the fork server, polls what it uses, and reports how it
ended and which layers confined it. docs/sandbox.md tells what each layer is for.
"""

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from archdb import home, require_space
from evaluation import Answer, CorpusError, Ended, Exit, Launch, Limits, Profile, answering, private_paths
from tasks.faults import CapacityFault, NotConfined, Stopped
from tasks.sandbox.folder import contents_of, empty
from tasks.sandbox.lines import Lines
from tasks.sandbox.order import LAYERS, Layer, Order
from tasks.sandbox.server import Job, start_job
from tasks.sandbox.usage import Usage, memory_together, usage_below, used_below

POLL_SECONDS = 0.05
MOST_THREADS = 1024  # of all processes of a child together
SCAN_SHARE = 20  # looking through a folder takes at most one part in so many of a core's time
START_SECONDS = 60.0  # from an order to the job's first line, on a very busy machine
END_SECONDS = 20.0  # for a killed child to be gone
MINIMUM_VARIABLE = "ARCHLOOP_SANDBOX_MINIMUM"
ALWAYS = {
    "environment": "on (empty but for PATH, HOME, TMPDIR, LANG, USER, caches and thread counts)",
    "lifetime": "on (wall clock, own session, orphans found and ended, dies with its supervisor)",
}
POLLED = "on (memory, CPU time, processes and the folder's content, every 50 ms)"
stop_everything = threading.Event()  # set once, by Ctrl-C: every jailed child of this process ends within a second


def jail(every_second: Callable[[], None] | None = None, only: tuple[Layer, ...] | None = None) -> Launch:
    """A ``Launch`` that confines its children, and raises NotConfined on a machine where it cannot.

    A child that failed while the data folder's disk was full raises HomeUnusable: that says nothing about its design.

    Args:
        every_second: called about once a second while a child runs; whatever it raises ends the child and propagates.
        only: to measure single layers: switch on these alone and run even below the minimum.
    """

    def launch(
        module: str,
        mode: str,
        *,
        folder: Path,
        limits: Limits,
        profile: Profile = "check",
        on_line: Callable[[str], None] | None = None,
        answer: Answer | None = None,
    ) -> Exit:
        called = time.monotonic()
        order = Order(
            module=module,
            mode=mode,
            folder=folder.resolve(),
            profile=profile,
            memory_bytes=limits.memory_bytes,
            cpu_seconds=limits.cpu_seconds,
            # Compilers write large intermediate files; what is read back is bounded by its reader.
            file_bytes=limits.output_bytes if profile == "check" else limits.disk_bytes,
            private=_private(),
            hidden=_hidden(),
            layers=LAYERS if only is None else only,
            required=tuple(name.strip() for name in os.environ.get(MINIMUM_VARIABLE, "").split(",") if name.strip()),
            enforce=only is None,
        )
        read_end, write_end = os.pipe()
        questions, replies = os.pipe2(os.O_CLOEXEC) if answer is not None else (None, None)
        with (
            contextlib.closing(Lines(read_end, on_line or (lambda _: None))) as lines,
            TemporaryFile() as errors,
            _closed_at_last(replies),
        ):
            try:
                job = start_job(order, write_end, errors.fileno(), questions)
            finally:
                os.close(write_end)
                if questions is not None:
                    os.close(questions)
            if answer is not None and replies is not None:
                os.set_blocking(replies, False)
                lines.on_line = answering(answer, lambda: used_below(job.known_keeper()), replies)
            with contextlib.closing(job):
                ending = _Supervision(order, limits, job, lines, errors, called).run(every_second or (lambda: None))
        if ending.ended == "exited" and ending.returncode != 0:
            require_space()  # a full disk fails the child too, and is no fault of the design
        return ending

    return launch


@contextlib.contextmanager
def _closed_at_last(descriptor: int | None) -> Iterator[None]:
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _hidden() -> tuple[Path, ...]:
    mine = Path(os.path.expanduser("~"))
    wanted = [home(), *[mine] * mine.is_absolute()]
    return tuple(path for path in dict.fromkeys(one.resolve() for one in wanted) if path != Path("/"))


def _private() -> tuple[Path, ...]:
    try:
        return private_paths()
    except CorpusError:
        return ()  # no corpus on this machine: nothing to keep from anyone


class _Supervision:
    """One child from its order to its Exit."""

    def __init__(self, order: Order, limits: Limits, job: Job, lines: Lines, errors: IO[bytes], called: float) -> None:
        self.order, self.limits, self.job, self.lines, self.errors = order, limits, job, lines, errors
        self.called = called
        self.ordered = self.last_second = time.monotonic()
        self.ended: Ended = "exited"
        self.note = ""  # what a person should know about a child that was ended
        self.peak = 0
        self.next_poll = self.next_scan = 0.0
        self.ready = select.poll()
        self.ready.register(job, select.POLLIN)
        self.ready.register(lines, select.POLLIN)

    def run(self, every_second: Callable[[], None]) -> Exit:
        """Watch the child until it has ended, or end it. What ``every_second`` raises propagates once it is gone."""
        try:
            while self.job.ending is None and self.ended == "exited":
                self._listen(POLL_SECONDS)
                now = time.monotonic()
                if now >= self.next_poll:
                    self.next_poll = now + POLL_SECONDS
                    self._judge(now)
                if stop_everything.is_set():
                    raise Stopped
                if now - self.last_second >= 1.0:
                    self.last_second = now
                    every_second()
        finally:
            self._finish()
        if "polling" in self.order.layers:
            self._look_through_folder()
        self.ready.unregister(self.job)
        while not self.lines.ended and self.lines.size <= self.limits.output_bytes and self._listen(0.0):
            pass
        return self._exit()

    def _listen(self, patience: float) -> bool:
        """Wait at most ``patience`` seconds for something to read; whether there was something."""
        heard = self.ready.poll(1000 * patience)
        for descriptor, _ in heard:
            if descriptor == self.lines.fileno():
                self.lines.read()
                if self.lines.size > self.limits.output_bytes and self.ended == "exited":
                    self.ended = "output"
                if self.lines.ended:
                    self.ready.unregister(self.lines)
            else:
                self._hear()
        return bool(heard)

    def _hear(self) -> None:
        self.job.hear()
        if self.job.confined is not None and self.job.confined.refused:
            raise NotConfined(self.job.confined.refused)

    def _judge(self, now: float) -> None:
        """Compare what the child has used with its limits."""
        limits = self.limits
        if self.job.confined is None:
            if now - self.ordered > START_SECONDS:
                raise CapacityFault(f"A child of the sandbox was not set up within {START_SECONDS:g} s.")
            return
        if now - self.job.confined.ready_at > limits.wall_seconds:
            self.ended = "wall_clock"
        elif 512 * os.fstat(self.errors.fileno()).st_blocks > limits.output_bytes:
            self.ended = "output"
        if self.job.ending is not None or "polling" not in self.order.layers:
            return
        used = usage_below(self.job.keeper)
        if used.cpu_seconds > limits.cpu_seconds:
            self.ended = "cpu"
        elif len(used.processes) > limits.processes:
            self.ended, self.note = "processes", f"It ran more than the {limits.processes} processes allowed."
        elif used.threads > MOST_THREADS:
            self.ended, self.note = "processes", f"It ran more than the {MOST_THREADS} threads allowed."
        elif self._memory(used) > limits.memory_bytes:
            self.ended = "memory"
        elif used.unlinked_bytes > limits.disk_bytes:
            self.ended, self.note = "output", f"It held {used.unlinked_bytes} bytes open in files without a name."
        elif now >= self.next_scan:
            began = time.thread_time()  # by the clock, one turn that came late would put off the next look for seconds
            self._look_through_folder()
            self.next_scan = now + SCAN_SHARE * (time.thread_time() - began)

    def _memory(self, used: Usage) -> int:
        memory = used.memory_bytes
        if memory > self.limits.memory_bytes and len(used.processes) > 1:
            memory = memory_together(used.processes)
        self.peak = max(self.peak, memory)
        return memory

    def _look_through_folder(self) -> None:
        held = contents_of(self.order.folder, self.limits.files)
        excess = held.excess(self.limits.disk_bytes, self.limits.files)
        if excess and self.job.ending is not None:  # nobody writes there any more, and others need the room
            empty(self.order.folder)
        if excess and self.ended == "exited":
            self.ended, self.note = "output", excess

    def _finish(self) -> None:
        """End the child unless it has ended; return when it is gone."""
        if self.job.ending is None:
            self.job.end()
        deadline = time.monotonic() + END_SECONDS
        while self.job.ending is None:
            self.job.channel.settimeout(max(0.0, deadline - time.monotonic()))
            try:
                self.job.hear()
            except TimeoutError as error:
                raise CapacityFault("A child could not be ended; the fork server does not answer.") from error

    def _exit(self) -> Exit:
        assert self.job.ending is not None
        if self.job.confined is None:
            raise CapacityFault(f"A child of the sandbox could not be set up: {self._last_words(200)}")
        ending = self.job.ending
        returncode = os.waitstatus_to_exitcode(ending.status)
        if self.ended == "exited" and (returncode == -signal.SIGXCPU or ending.cpu_seconds >= self.limits.cpu_seconds):
            self.ended = "cpu"
        layers = self.job.confined.layers
        polling = {"polling": POLLED if "polling" in self.order.layers else "off (switched off by the caller)"}
        return Exit(
            returncode=returncode,
            ended=self.ended,
            wall_seconds=time.monotonic() - self.job.confined.ready_at,
            cpu_seconds=ending.cpu_seconds,
            peak_bytes=max(self.peak, ending.peak_bytes),
            stderr_tail="\n".join(filter(None, (self._last_words(4000), self.note))),
            sandbox=ALWAYS | layers | polling,
            start_seconds=self.job.confined.ready_at - self.called,
        )

    def _last_words(self, most: int) -> str:
        self.errors.seek(0, os.SEEK_END)
        self.errors.seek(max(0, self.errors.tell() - 4 * most))
        return self.errors.read().decode(errors="replace")[-most:]
