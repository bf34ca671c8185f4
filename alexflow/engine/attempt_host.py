"""The engine as the attempts in it reach it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from alexflow.blocks_briefly import blocks_briefly
from alexflow.engine.recording import EngineRecorder
from alexflow.engine.requested_run import RequestedRuns
from alexflow.events import TaskReported
from alexflow.events.broadcast import Broadcast
from alexflow.executors.attempt_host import AttemptFacts
from alexflow.executors.task_report import TaskReport
from alexflow.fingerprint import fingerprint_of
from alexflow.graph import Catalog, Described
from alexflow.graph.placement import options_of
from alexflow.hooks import passes
from alexflow.scheduler import Scheduler
from alexflow.scheduler.events import Event, Spent

if TYPE_CHECKING:
    from alexflow.limits import RateLimit


class EngineHost:
    """Answers what attempts ask, and passes on what they report. Made on the engine's event loop.

    Args:
        engine: the engine.
        scheduler: has their numbers.
        catalog: the users' tasks behind its names.
        runs: has the ids of the runs for which they count.
        record: keeps what they report.
        rates: the limits of rates, by tag.
        post: takes events for the scheduler.
        broadcast: passes it to listeners.
    """

    def __init__(
        self,
        engine: Any,
        scheduler: Scheduler,
        catalog: Catalog,
        runs: RequestedRuns,
        record: EngineRecorder,
        broadcast: Broadcast,
        rates: Mapping[str, RateLimit],
        post: Callable[[Event], None],
    ):
        self._rates = rates
        self._post = post
        self.engine = engine
        self._scheduler = scheduler
        self._catalog = catalog
        self._runs = runs
        self._record = record
        self._broadcast = broadcast
        self._loop = asyncio.get_running_loop()
        self._codes: dict[type, str] = {}

    def facts_of(self, task_id: str) -> AttemptFacts:
        """Return the facts of the attempt that runs at a task."""
        described = self._catalog.tasks.get(task_id)
        return AttemptFacts(
            self._scheduler.failures_of(task_id) + 1,
            self._runs.id_for(task_id),
            None if described is None else described.timeout,
            "" if described is None else self._code_of(described),
        )

    def reported(self, task_id: str, report: TaskReport) -> None:
        """Note, on the event loop, what the attempt at a task reports."""
        if self._broadcast.has_listeners:
            event = TaskReported(
                task_id, report.step, report.of, report.values, time=report.at, run_id=self._runs.id_for(task_id)
            )
            self._broadcast.emit(event)
        self._record.reported(task_id, self._scheduler.failures_of(task_id) + 1, report)

    def reported_here(self, task_id: str, report: TaskReport) -> None:
        """Note what an attempt in this process reports; its end comes after it."""
        with suppress(RuntimeError):  # the loop has been closed: an abandoned thread reports on
            self._loop.call_soon_threadsafe(self.reported, task_id, report)

    def spent(self, task_id: str, amounts: Mapping[str, float]) -> None:
        """Note, on the event loop, what the attempt at a task has spent of limited rates, by unit."""
        described = self._catalog.tasks.get(task_id)
        if described is not None and described.spec.spends:
            spends: list[tuple[str, tuple[float | None, ...]]] = []
            for name, _ in described.spec.spends:
                units = self._rates[name.partition("\0")[0]].quotas
                spends.append((name, tuple(amounts.get(unit) for unit in units)))
            self._post(Spent(task_id, tuple(spends)))

    def spent_here(self, task_id: str, amounts: Mapping[str, float]) -> None:
        """Note the same of an attempt in this process."""
        with suppress(RuntimeError):  # as above
            self._loop.call_soon_threadsafe(self.spent, task_id, amounts)

    @blocks_briefly("once for each class that refuses other code, which the engine has looked at before it ran")
    def _code_of(self, described: Described) -> str:
        try:
            task = described.task.unwrapped()
            cls = type(task)
            if cls not in self._codes:
                self._codes[cls] = fingerprint_of(cls).digest if options_of(task).code == "refuse" else ""
            return self._codes[cls]
        except BaseException as error:  # of a user's class; its code has been looked at before and was found
            if passes(error):
                raise
            return ""
