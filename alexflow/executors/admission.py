"""Admission: which of the jobs that are ready begin now, where some of them claim CPUs, memory or devices.

One *round* looks through them in their order, and asks for each. A job that claims and does not fit is passed over, so
that others can use what is free. One that asks for nothing and does not fit ends the round: those behind it need no
less. While something is held for a job (:mod:`.capacity`), the round goes on until it has come to that one, wherever
it stands by now.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from alexflow.executors.capacity import Capacity, Claimant
from alexflow.executors.interface import Job, JobSource
from alexflow.executors.lacks import Lack
from alexflow.model.resource_spec import Needs

#: Jobs that one round passes over at most: in a long queue of tasks that wait for devices it comes back soon.
MOST_PASSED = 1000


class Round(ABC):
    """One look through the jobs that are ready.

    Args:
        capacity: of the engine.
        claimant: the executor.
        source: its jobs.

    Attributes:
        is_over: whether it ended before the last job.
    """

    def __init__(self, capacity: Capacity, claimant: Claimant, source: JobSource):
        self.capacity = capacity
        self.claimant = claimant
        self.is_over = False
        self._source = source
        self._is_watched = source.watched
        self._ahead = capacity.held_for(claimant, source)  # jobs to come for which something is held
        self._lacking: dict[Needs, Lack | None] = {}  # what of it, if that is of interest
        self._passed = 0

    def fits(self, job: Job) -> bool | None:
        """Whether a job begins now (:data:`~alexflow.executors.interface.Fits`)."""
        self._ahead.discard(job.task_id)
        needs = self.needs_of(job)
        if needs is None:
            if self.place(job):
                self.capacity.ordinary_started(self.claimant)
                return True
            return self._goes_on(False)
        if needs in self._lacking and not self.capacity.has_ticket(job.task_id):
            if self._is_watched:
                self._report_lack(job, needs)
            return self._goes_on(True)
        if self.place_claiming(job, needs):
            return True
        lacks = self.capacity.lacks(self.claimant, job.task_id, needs) if self._is_watched else []
        self._lacking[needs] = lacks[0] if lacks else None
        if lacks:
            self._report_lack(job, needs)
        return self._goes_on(True)

    def _report_lack(self, job: Job, needs: Needs) -> None:
        lack = self._lacking[needs]
        if lack is not None and lack.kind != "place":
            self._source.passed_over(job.task_id, lack)

    def passes(self, job: Job) -> bool | None:
        """Pass a job over: it cannot begin yet."""
        self._ahead.discard(job.task_id)
        return self._goes_on(True)

    def _goes_on(self, may: bool) -> bool | None:
        self._passed += 1
        if self._ahead or (may and self._passed <= MOST_PASSED):
            return None
        self.is_over = True
        return False

    def needs_of(self, job: Job) -> Needs | None:
        """Return what a job needs."""
        return job.needs

    @abstractmethod
    def place(self, job: Job) -> bool:
        """Find a place for a job that asks for nothing."""

    @abstractmethod
    def place_claiming(self, job: Job, needs: Needs) -> bool:
        """Claim what a job needs, and find a place for it."""
