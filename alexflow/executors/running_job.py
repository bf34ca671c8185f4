"""A job that runs in the engine's process, on the event loop or in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from alexflow.executors.attempt_host import AttemptFacts, host
from alexflow.executors.interface import Job
from alexflow.executors.task_context import TaskContext
from alexflow.executors.task_report import Reports, TaskReport
from alexflow.storage import Storage, Transaction


class RunningJob(TaskContext):
    """A job that is running.

    Attributes:
        deadline: when its time is over, by the loop's clock.
        watches_stop: whether it asks if it is to stop: then it is not interrupted, but ends by itself.
        pruned: whether it is to end because going on is not worth it.
        has_told: whether something of it reaches the engine in the loop's next turn: its end must come after that.
        reports: those that it has made, if any.
        began: when its attempt began, by the monotonic clock; 0 before.
    """

    __slots__ = (
        *("began", "deadline", "devices", "has_told", "is_abandoned", "is_cancelled", "is_stopped"),
        *("job", "pruned", "reports", "runner", "timer", "transaction", "watches_stop"),
    )

    def __init__(self, job: Job, runner: asyncio.Task[None], storage: Storage):
        self.job = job
        self.runner = runner
        self.transaction = Transaction(storage, replace=job.replace)
        self.timer: asyncio.TimerHandle | None = None  # until its time is over, or its grace
        self.began = 0.0
        self.is_stopped = False
        self.is_cancelled = False  # and not because of the time
        self.is_abandoned = False
        self.deadline: float | None = None
        self.watches_stop = False
        self.pruned = False
        self.has_told = False
        self.reports: Reports | None = None
        self.devices: dict[str, tuple[int | str, ...]] = {}

    @property
    def task_id(self) -> str:
        return self.job.task_id

    @property
    def storage(self) -> Storage:
        return self.transaction.storage

    @property
    def facts(self) -> AttemptFacts:
        return host.get().facts_of(self.job.task_id)

    def stop_requested(self) -> bool:
        self.watches_stop = True
        return self.is_stopped or self.pruned

    def is_pruned(self) -> bool:
        return self.pruned

    def spent(self, amounts: Mapping[str, float]) -> None:
        self.has_told = True
        super().spent(amounts)

    def report(self, report: TaskReport) -> None:
        self.has_told = True
        if self.reports is None:
            self.reports = Reports(partial(host.get().reported_here, self.job.task_id))
        self.reports.add(report)
