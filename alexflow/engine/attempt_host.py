"""The engine as the attempts in it reach it."""

from __future__ import annotations

from typing import Any

from alexflow.engine.requested_run import RequestedRuns
from alexflow.executors.attempt_host import AttemptFacts
from alexflow.graph import Catalog
from alexflow.scheduler import Scheduler


class EngineHost:
    """Answers what attempts ask.

    Args:
        engine: the engine.
        scheduler: has their numbers.
        catalog: the users' tasks behind its names.
        runs: has the ids of the runs for which they count.
    """

    def __init__(self, engine: Any, scheduler: Scheduler, catalog: Catalog, runs: RequestedRuns):
        self.engine = engine
        self._scheduler = scheduler
        self._catalog = catalog
        self._runs = runs

    def facts_of(self, task_id: str) -> AttemptFacts:
        """Return the facts of the attempt that runs at a task."""
        described = self._catalog.tasks.get(task_id)
        return AttemptFacts(
            self._scheduler.failures_of(task_id) + 1,
            self._runs.id_for(task_id),
            None if described is None else described.timeout,
        )
