"""The queue of jobs that wait for a place: first in, first out, and each can be withdrawn in constant time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from alexflow.executors.interface import Job


class JobQueue(OrderedDict[str, Job]):
    """Jobs by their tasks' ids, in the order in which they are to begin.

    Thousands of callers may leave at once, so withdrawing a job (``pop``) must not look at the others. A plain dict
    does not do: each look for its first entry passes all that have been removed before it.
    """

    def take_first(self) -> Job:
        """Take the job that begins next."""
        return self.popitem(last=False)[1]

    def take(self, limit: int, fits: Callable[[Job], bool]) -> list[Job]:
        """Take so many of the first jobs at most, and none from the first on that does not fit."""
        jobs: list[Job] = []
        for job in self.values():
            if len(jobs) >= limit or not fits(job):
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
