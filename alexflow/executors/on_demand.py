"""An executor that is made for its first job: its modules are imported, and its threads or processes made, only then.

An engine has an executor of each kind, and most graphs need one or two. What the others import takes as long as the
tasks of a small graph do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from alexflow.executors.interface import JOB_METHODS, Executor, JobSource, Report, WorkerCounts
from alexflow.model import AbstractTask
from alexflow.storage import Storage


class ExecutorOnDemand(Executor):
    """Stands for an executor, and makes it once jobs come or are expected. From then on calls go straight to it.

    Args:
        make: makes it.
        places: the number of jobs that it will run at once.
    """

    def __init__(self, make: Callable[[], Executor], places: int):
        self._make = make
        self._places = places
        self._made: Executor | None = None
        self._opening: tuple[Storage, Report, JobSource]

    def open(self, storage: Storage, report: Report, source: JobSource) -> None:
        self._opening = storage, report, source

    def made(self) -> Executor:
        """Return the executor itself."""
        if self._made is None:
            made = self._make()
            made.open(*self._opening)
            for name in JOB_METHODS:
                setattr(self, name, getattr(made, name))  # a call less for each batch
            self._made = made
        return self._made

    def expect(self, tasks: Sequence[AbstractTask]) -> None:
        self.made().expect(tasks)

    def offer(self, task_ids: Sequence[str]) -> None:
        if task_ids:  # without, it is to look again at what it has passed over, which is nothing
            self.made().offer(task_ids)

    def cancel(self, task_ids: Sequence[str]) -> None:
        """Do nothing: there are no jobs. So it is for all methods that concern jobs it has."""

    @property
    def places(self) -> int:
        return self._places

    @property
    def workers(self) -> WorkerCounts:
        return WorkerCounts() if self._made is None else self._made.workers

    async def start_workers(self, classes: Collection[type]) -> None:
        await self.made().start_workers(classes)

    async def aclose(self) -> None:
        if self._made is not None:
            await self._made.aclose()

    def kill(self) -> None:
        if self._made is not None:
            self._made.kill()
