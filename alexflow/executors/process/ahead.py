"""Jobs that are with a worker before anybody has asked for them.

A worker that is about to finish a job gets the one that will be asked for next, because the first makes all that the
second still misses: so a chain of tasks needs no way to the engine and back at every link. The worker runs it only if
the first has gone well. What comes of it is kept here until the job is submitted, and for ever unsaid if it never is.
"""

from __future__ import annotations

from alexflow.executors.interface import Job, Outcome
from alexflow.executors.process.member import Assignment, Member


class Foreseen:
    """A job that is with a worker, or that it has run, and that nobody has asked for yet."""

    __slots__ = ("job", "number", "outcome", "worker")

    def __init__(self, job: Job, worker: Member, number: int):
        self.job = job
        self.worker = worker
        self.number = number
        self.outcome: Outcome | None = None


class Ahead:
    """All foreseen jobs, by their tasks' ids."""

    def __init__(self) -> None:
        self._foreseen: dict[str, Foreseen] = {}

    def __len__(self) -> int:
        return len(self._foreseen)

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._foreseen

    def add(self, job: Job, worker: Member, number: int) -> Foreseen:
        """This job has been sent to a worker ahead of its time."""
        foreseen = self._foreseen[job.task_id] = Foreseen(job, worker, number)
        return foreseen

    def take(self, task_id: str) -> Foreseen | None:
        """A job has been asked for, or never will be."""
        return self._foreseen.pop(task_id, None)

    def discard(self, sent: Assignment) -> None:
        """An assignment has come to nothing."""
        if self._foreseen.get(sent.job.task_id) is sent.foreseen:
            del self._foreseen[sent.job.task_id]
