"""Tells in the log of workers that import for long what a job needs: no time limit ends that, as imports do not count.

A worker says in the page that it shares with the engine (`process/wire/status_page.py`) which class it
imports: that costs once per class, and jobs that find it imported nothing. Opening the storage and unpickling what a
task carries import, too; there the page says which job has begun and is not at its own work. Both are looked at from
time to time while there are jobs with workers. Who is seen at the same twice has been at it all the while.
"""

from __future__ import annotations

import asyncio

from alexflow.executors.process.definitions import Definitions
from alexflow.executors.process.importable import name_of
from alexflow.executors.process.wire.status_page import Mark
from alexflow.executors.process.worker_set import Staff
from alexflow.executors.process.worker_state import Member
from alexflow.logs import logger

#: An import that takes longer is told; after twice that it has been, at the latest.
LONG = 15.0  # seconds


class SlowImports:
    """Looks what workers import.

    Args:
        staff: the workers.
        definitions: what they import, by number.
    """

    def __init__(self, staff: Staff, definitions: Definitions):
        self._staff = staff
        self._definitions = definitions
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._seen: dict[Member, Mark] = {}

    def watch(self) -> None:
        """A worker has been given jobs."""
        if self._timer is None:
            self._timer = self._loop.call_later(LONG, self._look)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        before, self._seen = self._seen, {}
        for worker in self._staff.workers:
            if worker.sent:
                self.watch()
            mark = worker.mark()
            if mark.importing or (mark.running and not mark.since):
                self._seen[worker] = mark
                if mark == before.get(worker):
                    self._tell(worker, mark)

    def _tell(self, worker: Member, mark: Mark) -> None:
        sent = worker.sent.get(mark.running)
        if mark.importing in self._definitions:
            name = self._definitions[mark.importing].name
        elif sent is not None:
            name = name_of(type(sent.job.task))
        else:
            return
        if name not in worker.told_of:
            worker.told_of.add(name)
            module, _, qualname = name.partition(":")
            logger.warning(
                "worker process %d has been importing module %s, or what it needs, for more than %g s; "
                "tasks that need %s wait for that, and no timeout ends it",
                *(worker.process.pid, module, LONG, qualname),
            )
