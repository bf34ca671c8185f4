"""Jobs that are with a worker before anybody has asked for them.

A worker that is about to finish a job gets the one that will be asked for next, because the first makes all that the
second still misses: so a chain of tasks needs no way to the engine and back at every link. The worker runs it only if
the first has gone well. What comes of it is kept here until the job is submitted, and for ever unsaid if it never is.
"""

from __future__ import annotations

from collections.abc import Iterator

from alexflow.executors.interface import Job, Outcome, Successors
from alexflow.executors.process.runtime_estimates import PREFETCH_SECONDS, RuntimeEstimates
from alexflow.executors.process.worker_state import Assignment, WorkerState


class Speculative:
    """A job that is with a worker, or that it has run, and that nobody has asked for yet."""

    __slots__ = ("job", "number", "outcome", "worker")

    def __init__(self, job: Job, worker: WorkerState, number: int):
        self.job = job
        self.worker = worker
        self.number = number
        self.outcome: Outcome | None = None


class Speculation:
    """All foreseen jobs, by their tasks' ids.

    Args:
        foresee: gives jobs that come after another.
        pace: how long jobs take.
    """

    def __init__(self, successors_of: Successors, estimates: RuntimeEstimates) -> None:
        self._successors_of = successors_of
        self._estimates = estimates
        self._speculative: dict[str, Speculative] = {}

    def __len__(self) -> int:
        return len(self._speculative)

    def successors(self, worker: WorkerState) -> Iterator[tuple[int, Job]]:
        """Jobs that the worker should have, each with the number of the one behind which it comes.

        Goes on with what comes after those, as long as they are sent, and as long as there is room.
        """
        while worker.speculated_to < worker.number:
            number = worker.speculated_to + 1
            sent = worker.sent.get(number)
            successor = self._successor_of(sent.job) if sent is not None and not sent.cancelled else None
            if successor is not None:
                if worker.expected + self._estimates.expect(successor) > PREFETCH_SECONDS:
                    return  # later, perhaps
                yield number, successor
            worker.speculated_to = number

    def _successor_of(self, job: Job) -> Job | None:
        for successor in self._successors_of(job.task_id):
            if successor.timeout is None and successor.task_id not in self._speculative:
                return successor
        return None

    def add(self, job: Job, worker: WorkerState, number: int) -> Speculative:
        """This job has been sent to a worker ahead of its time."""
        speculative = self._speculative[job.task_id] = Speculative(job, worker, number)
        return speculative

    def jobs(self) -> list[Job]:
        """All of them."""
        return [speculative.job for speculative in self._speculative.values()]

    def take(self, task_id: str) -> Speculative | None:
        """A job has been asked for, or never will be."""
        return self._speculative.pop(task_id, None)

    def discard(self, sent: Assignment) -> None:
        """An assignment has come to nothing."""
        if self._speculative.get(sent.job.task_id) is sent.speculative:
            del self._speculative[sent.job.task_id]

    def drop_after(self, worker: WorkerState, failed: int) -> list[Job]:
        """The worker will not run what was to come after a job that has failed. Gives what has to be run elsewhere:
        jobs that have been asked for meanwhile, because what they waited for has come from somebody else.
        """
        dropped = {failed}
        asked_for: list[Job] = []
        for number, sent in list(worker.sent.items()):
            if sent.after in dropped:
                dropped.add(number)
                worker.forget(number)
                if sent.speculative is not None:
                    self.discard(sent)
                else:
                    asked_for.append(sent.job)
        return asked_for


def settle(sent: Assignment, outcome: Outcome, outcomes: list[Outcome]) -> None:
    """A job has ended: to be told now, if anybody has asked for it."""
    if sent.speculative is None:
        outcomes.append(outcome)
    else:
        sent.speculative.outcome = outcome
