"""Jobs that are with a worker before anybody has asked for them.

A worker that is about to finish a job gets the one that will be asked for next, because the first makes all that the
second still misses: so a chain of tasks needs no way to the engine and back at every link. The worker runs it only if
the first has gone well. What comes of it is kept here until the job is submitted, and for ever unsaid if it never is.
"""

from __future__ import annotations

from collections.abc import Iterator

from alexflow.executors.interface import Foresee, Job, Outcome
from alexflow.executors.process.runtime_estimates import AHEAD, Pace
from alexflow.executors.process.worker_state import Assignment, Member


class Foreseen:
    """A job that is with a worker, or that it has run, and that nobody has asked for yet."""

    __slots__ = ("job", "number", "outcome", "worker")

    def __init__(self, job: Job, worker: Member, number: int):
        self.job = job
        self.worker = worker
        self.number = number
        self.outcome: Outcome | None = None


class Ahead:
    """All foreseen jobs, by their tasks' ids.

    Args:
        foresee: gives jobs that come after another.
        pace: how long jobs take.
    """

    def __init__(self, foresee: Foresee, pace: Pace) -> None:
        self._foresee = foresee
        self._pace = pace
        self._foreseen: dict[str, Foreseen] = {}

    def __len__(self) -> int:
        return len(self._foreseen)

    def followers(self, worker: Member) -> Iterator[tuple[int, Job]]:
        """Jobs that the worker should have, each with the number of the one behind which it comes.

        Goes on with what comes after those, as long as they are sent, and as long as there is room.
        """
        while worker.looked_behind < worker.number:
            number = worker.looked_behind + 1
            sent = worker.sent.get(number)
            follower = self._follower_of(sent.job) if sent is not None and not sent.cancelled else None
            if follower is not None:
                if worker.expected + self._pace.expect(follower) > AHEAD:
                    return  # later, perhaps
                yield number, follower
            worker.looked_behind = number

    def _follower_of(self, job: Job) -> Job | None:
        for follower in self._foresee(job.task_id):
            if follower.timeout is None and follower.task_id not in self._foreseen:
                return follower
        return None

    def add(self, job: Job, worker: Member, number: int) -> Foreseen:
        """This job has been sent to a worker ahead of its time."""
        foreseen = self._foreseen[job.task_id] = Foreseen(job, worker, number)
        return foreseen

    def jobs(self) -> list[Job]:
        """All of them."""
        return [foreseen.job for foreseen in self._foreseen.values()]

    def take(self, task_id: str) -> Foreseen | None:
        """A job has been asked for, or never will be."""
        return self._foreseen.pop(task_id, None)

    def discard(self, sent: Assignment) -> None:
        """An assignment has come to nothing."""
        if self._foreseen.get(sent.job.task_id) is sent.foreseen:
            del self._foreseen[sent.job.task_id]

    def drop_behind(self, worker: Member, failed: int) -> list[Job]:
        """The worker will not run what was to come after a job that has failed. Gives what has to be run elsewhere:
        jobs that have been asked for meanwhile, because what they waited for has come from somebody else.
        """
        dropped = {failed}
        asked_for: list[Job] = []
        for number, sent in list(worker.sent.items()):
            if sent.behind in dropped:
                dropped.add(number)
                worker.forget(number)
                if sent.foreseen is not None:
                    self.discard(sent)
                else:
                    asked_for.append(sent.job)
        return asked_for


def settle(sent: Assignment, outcome: Outcome, outcomes: list[Outcome]) -> None:
    """A job has ended: to be told now, if anybody has asked for it."""
    if sent.foreseen is None:
        outcomes.append(outcome)
    else:
        sent.foreseen.outcome = outcome
