"""Speculative dispatch: jobs are sent to a worker before they are submitted.

A worker that is about to finish a job gets the job that will be submitted next, because the first makes all that the
second still lacks: a chain of tasks then needs no round trip to the engine at each link. The worker runs it only if the
first has succeeded. Its outcome is kept here until the job is submitted, and never reported if it is not.
"""

from __future__ import annotations

from collections.abc import Iterator

from alexflow.executors.interface import Job, Outcome, Successors
from alexflow.executors.process.runtime_estimates import PREFETCH_SECONDS, RuntimeEstimates
from alexflow.executors.process.worker_state import Assignment, Speculative, WorkerState


class Speculation:
    """All speculative jobs, by their tasks' ids.

    Args:
        successors_of: yields the jobs that come after another.
        estimates: how long jobs take.
    """

    def __init__(self, successors_of: Successors, estimates: RuntimeEstimates) -> None:
        self._successors_of = successors_of
        self._estimates = estimates
        self._speculative: dict[str, Speculative] = {}

    def __len__(self) -> int:
        return len(self._speculative)

    def successors(self, worker: WorkerState) -> Iterator[tuple[int, Job]]:
        """Yield jobs that the worker should have, each with the number of the job after which it comes.

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
        """Add a job that has been sent to a worker speculatively."""
        speculative = self._speculative[job.task_id] = Speculative(job, worker, number)
        return speculative

    def jobs(self) -> list[Job]:
        """Return all of them."""
        return [speculative.job for speculative in self._speculative.values()]

    def take(self, task_id: str) -> Speculative | None:
        """Remove a job that has been submitted, or never will be."""
        return self._speculative.pop(task_id, None)

    def discard(self, sent: Assignment) -> None:
        """Remove a job whose assignment has come to nothing."""
        if self._speculative.get(sent.job.task_id) is sent.speculative:
            del self._speculative[sent.job.task_id]

    def drop_after(self, worker: WorkerState, failed: int) -> list[Job]:
        """Remove the jobs that were to come after a job that has failed: the worker will not run them.

        Returns:
            Jobs to be run elsewhere: they have been submitted meanwhile, as another worker or engine made their input.
        """
        dropped = {failed}
        submitted: list[Job] = []
        for number, sent in list(worker.sent.items()):
            if sent.after in dropped:
                dropped.add(number)
                worker.forget(number)
                if sent.speculative is not None:
                    self.discard(sent)
                else:
                    submitted.append(sent.job)
        return submitted


def settle(sent: Assignment, outcome: Outcome, outcomes: list[Outcome]) -> None:
    """Take in the outcome of a job: report it now if the job has been submitted."""
    if sent.speculative is None:
        outcomes.append(outcome)
    else:
        sent.speculative.outcome = outcome
