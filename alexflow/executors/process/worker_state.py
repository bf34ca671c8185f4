"""A worker process as a place of the pool: what the pool asks of it, wherever it is hosted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from alexflow.executors.capacity import Binding
from alexflow.executors.interface import Printed
from alexflow.executors.process.places import Home, Place
from alexflow.executors.process.wire.exit_status import ExitStatus
from alexflow.executors.process.wire.messages import Message
from alexflow.executors.process.wire.status_page import WorkerStatus
from alexflow.model import AbstractTask


class PrintedOutput(Protocol):
    """The output of a worker's tasks."""

    def take_output(self, number: int) -> Printed | None:
        """Return the output of a job that has ended and may have printed something."""
        ...

    def take_partial(self, number: int) -> Printed | None:
        """Return the output of the job that was running when the worker died."""
        ...


class HostedProcess(Protocol):
    """A worker process, on this machine or on another one."""

    @property
    def pid(self) -> int:
        """Its process id; 0 until it is known."""
        ...

    @property
    def host(self) -> str:
        """Its machine; "" for this one."""
        ...

    @property
    def has_started(self) -> bool:
        """Whether it is known whether it has been started."""
        ...

    def when_started(self, call: Callable[[], None]) -> None:
        """Call this when that is known."""

    @property
    def refused(self) -> OSError | None:
        """The reason why it cannot be started, if the system gave one."""
        ...

    @property
    def printed(self) -> PrintedOutput:
        """The output of its tasks."""
        ...

    def send(self, message: Message) -> None:
        """Send on the data channel."""

    def send_control(self, message: Message) -> None:
        """Send on the control channel, which is read while a job runs."""

    def status(self) -> WorkerStatus:
        """Return the job that it is at, or was when it died."""
        ...

    def hang_up(self) -> None:
        """Close the data channel: it ends by itself when it has nothing left to do."""

    def kill(self) -> None:
        """End it and its children, now."""

    async def wait_and_reap(self, patience: float = 0.0, *, terminate: bool = False) -> tuple[ExitStatus, WorkerStatus]:
        """Wait until it has ended, kill it if that takes longer than ``patience`` seconds, and release everything.

        Args:
            patience: in seconds.
            terminate: whether to send SIGTERM to it and its children first.

        Returns:
            How it ended, and where it was among its jobs.
        """
        ...


class WorkerState(Place):
    """A place that is a worker process. Only the pool's machine changes what it has from :class:`Place`."""

    def __init__(self, ordinal: int, binding: Binding = (), home: Home | None = None) -> None:
        super().__init__(ordinal, time.monotonic(), binding, home)
        self.process: HostedProcess
        self.known: set[int] = set()  # definitions that it has
        self.imported = 0  # how many of them it has imported
        self.sources_of = 0  # the job for which it has asked for tasks behind outputs
        self.sources: dict[str, AbstractTask] = {}  # those tasks
        self.warned_of: set[str] = set()  # classes whose slow import has been logged

    def status(self) -> WorkerStatus:
        """Return the job that it is at."""
        return self.believable(self.process.status())

    def believable(self, status: WorkerStatus) -> WorkerStatus:
        """Return the status as the worker wrote it; if a task has overwritten the page, as it must be."""
        now = time.monotonic()
        if status.makes_sense(self.number, now):
            return status
        first = next(iter(self.sent), 0)
        return WorkerStatus(first, (first or self.number + 1) - 1, self.last_report or now, 0)
