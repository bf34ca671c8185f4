"""A queue of jobs: by priority, then first in, first out; each can be withdrawn in constant time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence

from alexflow.executors.interface import Fits, Job


class JobQueue(OrderedDict[str, Job]):
    """Jobs by their tasks' ids, in the order in which they are to begin: by priority, and then as they came.

    Thousands of callers may leave at once, so withdrawing a job (``pop``) must not look at the others. A plain dict
    does not do: each look for its first entry passes all that have been removed before it.
    """

    def take(self, limit: int, fits: Fits | None = None) -> list[Job]:
        """Take so many of the first jobs at most; see :meth:`~alexflow.executors.interface.JobSource.take`."""
        jobs: list[Job] = []
        for job in self.values():
            if len(jobs) >= limit:
                break
            answer = fits is None or fits(job)
            if answer:
                jobs.append(job)
            elif answer is not None:
                break
        for job in jobs:
            del self[job.task_id]
        return jobs

    def append_all(self, jobs: Collection[Job]) -> None:
        """Add jobs, each behind all others of its priority."""
        last = next(reversed(self.values()), None)
        for job in jobs:
            self[job.task_id] = job
        if last is not None and any(job.priority > last.priority for job in jobs):
            self._sort()

    def put_back(self, jobs: Sequence[Job]) -> None:
        """Add jobs, each before all others of its priority, and in this order."""
        first = next(iter(self.values()), None)
        for job in reversed(jobs):
            self[job.task_id] = job
            self.move_to_end(job.task_id, last=False)
        if first is not None and any(job.priority < first.priority for job in jobs):
            self._sort()

    def _sort(self) -> None:
        """Restore the order of priorities; there are at most a thousand jobs, and most are in order."""
        for job in sorted(self.values(), key=lambda job: -job.priority):
            self.move_to_end(job.task_id)

    def take_all(self) -> list[Job]:
        """Take all jobs."""
        jobs = list(self.values())
        self.clear()
        return jobs
