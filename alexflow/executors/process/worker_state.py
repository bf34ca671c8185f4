"""The state of each worker, as the pool sees it."""

from __future__ import annotations

import asyncio
import sys
import time

from alexflow.executors.interface import Job, Outcome
from alexflow.executors.process.wire.status_page import WorkerStatus
from alexflow.executors.process.worker_process import WorkerProcess
from alexflow.model import AbstractTask


class Assignment:
    """A job that is with a worker."""

    __slots__ = ("after", "cancelled", "expected", "job", "sources", "speculative", "timer", "took_too_long")

    def __init__(self, job: Job, expected: float):
        self.job = job
        self.expected = expected
        self.after = 0  # the number of the job that has to go well before this one is run
        self.speculative: Speculative | None = None  # while it has not been submitted
        self.cancelled = False
        self.took_too_long = False
        self.timer: asyncio.TimerHandle | None = None
        self.sources: dict[str, AbstractTask] | None = None


class Speculative:
    """A job that a worker has, or has run, and that has not been submitted (:mod:`.speculation`)."""

    __slots__ = ("job", "number", "outcome", "worker")

    def __init__(self, job: Job, worker: WorkerState, number: int):
        self.job = job
        self.worker = worker
        self.number = number
        self.outcome: Outcome | None = None


class WorkerState:
    """A worker process as the pool sees it, with its jobs in the order in which it runs them."""

    def __init__(self, ordinal: int) -> None:
        self.process: WorkerProcess
        self.ordinal = ordinal  # 1 for the first that was started
        self.sent: dict[int, Assignment] = {}
        self.expected = 0.0  # seconds of work that is with it
        self.number = 0  # of the last job sent
        self.speculated_to = 0  # the number of the last job of which it was asked what comes after it
        self.known: set[int] = set()  # definitions that it has
        self.last_report = 0.0  # when it last reported the end of a job, or got work while idle
        self.started_at = time.monotonic()
        self.last_number = sys.maxsize  # the number of the last job that it may get
        self.is_due = False  # for replacement, when it has run its jobs
        self.is_revoking = False
        self.is_blocked = False  # by a long job, because of which it has given others back
        self.is_leaving = False  # or is about to
        self.stopped = 0  # the job because of which it was ended, if on purpose
        self.has_reported = False  # has reported something
        self.has_begun = False  # a job, as was seen at its end
        self.warned_of: set[str] = set()  # classes whose slow import has been logged

    @property
    def failed_to_start(self) -> bool:
        """Whether it died before it had reported anything or begun a job."""
        return not self.has_reported and not self.has_begun

    def status(self) -> WorkerStatus:
        """Return the job that it is at."""
        return self.believable(self.process.status())

    def believable(self, status: WorkerStatus) -> WorkerStatus:
        """Return the status as the worker wrote it; if a task has overwritten the page, as it must be."""
        now = time.monotonic()
        in_order = not status.running or status.running == status.ended + 1
        if in_order and status.running <= self.number and status.ended <= self.number and 0.0 <= status.since <= now:
            return status
        first = next(iter(self.sent), 0)
        return WorkerStatus(first, (first or self.number + 1) - 1, self.last_report or now, 0)

    def forget(self, number: int) -> Assignment | None:
        """Remove a job that is not with it any more; return its assignment."""
        sent = self.sent.pop(number, None)
        if sent is not None:
            self.expected = self.expected - sent.expected if self.sent else 0.0
            if sent.timer is not None:
                sent.timer.cancel()
        return sent
