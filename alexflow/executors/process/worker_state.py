"""What the pool knows of each of its workers."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

from alexflow.executors.interface import Job
from alexflow.executors.process.wire.status_page import WorkerStatus
from alexflow.executors.process.worker_process import WorkerProcess
from alexflow.model import AbstractTask

if TYPE_CHECKING:
    from alexflow.executors.process.speculation import Speculative


class Assignment:
    """A job that is with a worker."""

    __slots__ = ("after", "cancelled", "expected", "job", "sources", "speculative", "timer", "took_too_long")

    def __init__(self, job: Job, expected: float):
        self.job = job
        self.expected = expected
        self.after = 0  # the number of the job that has to go well before this one is run
        self.speculative: Speculative | None = None  # while nobody has asked for it
        self.cancelled = False
        self.took_too_long = False
        self.timer: asyncio.TimerHandle | None = None
        self.sources: dict[str, AbstractTask] | None = None


class WorkerState:
    """A worker process as the pool sees it: the jobs that are with it, in the order in which it runs them."""

    def __init__(self, ordinal: int) -> None:
        self.process: WorkerProcess
        self.ordinal = ordinal  # as the how manieth
        self.sent: dict[int, Assignment] = {}
        self.expected = 0.0  # seconds of work that is with it
        self.number = 0  # of the last job sent
        self.speculated_to = 0  # the number of the last job of which it was asked what comes after it
        self.known: set[int] = set()  # definitions that it has
        self.last_report = 0.0  # when it last told of a job's end, or got work when it had none
        self.started_at = time.monotonic()
        self.last_number = sys.maxsize  # the number of the last job that it may get
        self.is_due = False  # and is to be replaced when it has done what it has
        self.is_revoking = False
        self.is_blocked = False  # has given jobs back because of a long one, which is not over
        self.is_leaving = False  # or is about to
        self.stopped = 0  # the job because of which it was ended, if on purpose
        self.has_reported = False  # has reported something
        self.has_begun = False  # a job, as was seen at its end
        self.warned_of: set[str] = set()  # classes whose import took it long, as the log says

    @property
    def failed_to_start(self) -> bool:
        """Whether it died before it had said anything or begun a job."""
        return not self.has_reported and not self.has_begun

    def status(self) -> WorkerStatus:
        """Where it is among its jobs."""
        return self.believable(self.process.status())

    def believable(self, status: WorkerStatus) -> WorkerStatus:
        """A mark as the worker gave it; if a task has written into the page, as it must be: jobs are run in order."""
        now = time.monotonic()
        in_order = not status.running or status.running == status.ended + 1
        if in_order and status.running <= self.number and status.ended <= self.number and 0.0 <= status.since <= now:
            return status
        first = next(iter(self.sent), 0)
        return WorkerStatus(first, (first or self.number + 1) - 1, self.last_report or now, 0)

    def forget(self, number: int) -> Assignment | None:
        """A job is not with it any more; gives what was known of it."""
        sent = self.sent.pop(number, None)
        if sent is not None:
            self.expected = self.expected - sent.expected if self.sent else 0.0
            if sent.timer is not None:
                sent.timer.cancel()
        return sent
