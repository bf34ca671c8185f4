"""A queue of jobs: first in, first out, and each can be withdrawn in constant time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from alexflow.executors.interface import Fits, Job


class JobQueue(OrderedDict[str, Job]):
    """Jobs by their tasks' ids, in the order in which they are to begin.

    Thousands of callers may leave at once, so withdrawing a job (``pop``) must not look at the others. A plain dict
    does not do: each look for its first entry passes all that have been removed before it.
    """

    def take(self, limit: int, fits: Fits | None = None) -> list[Job]:
        """Take so many of the first jobs at most, and none from the first on that does not fit."""
        jobs: list[Job] = []
        for job in self.values():
            if len(jobs) >= limit or (fits is not None and not fits(job)):
                break
            jobs.append(job)
        for job in jobs:
            del self[job.task_id]
        return jobs

    def append_all(self, jobs: Iterable[Job]) -> None:
        """Add jobs behind all others."""
        for job in jobs:
            self[job.task_id] = job

    def put_back(self, jobs: Iterable[Job]) -> None:
        """Add jobs before all others, in this order."""
        for job in reversed(list(jobs)):
            self[job.task_id] = job
            self.move_to_end(job.task_id, last=False)

    def take_all(self) -> list[Job]:
        """Take all jobs."""
        jobs = list(self.values())
        self.clear()
        return jobs
