"""Claims of jobs in the engine's own process: on the event loop and in threads."""

from __future__ import annotations

from collections.abc import Callable

from alexflow.executors.admission import Round
from alexflow.executors.capacity import Capacity, Claim, Claimant, Device
from alexflow.executors.interface import Job, JobSource
from alexflow.executors.lacks import Lack
from alexflow.model.resource_spec import Needs


class JobClaims:
    """The claims of one executor.

    Args:
        capacity: of the engine.
        source: the jobs that are ready.
        name: of the executor.
        takes_cpus: whether a job that asks for nothing takes CPUs.
        is_full: whether the executor runs as many jobs as it may.
        wake: called when something has come free elsewhere.
    """

    def __init__(
        self,
        capacity: Capacity,
        source: JobSource,
        name: str,
        takes_cpus: bool,
        is_full: Callable[[], bool],
        wake: Callable[[], None],
    ):
        self._capacity = capacity
        self._source = source
        self._claims: dict[str, Claim] = {}
        self._ordinary: set[str] = set()
        self._claimant = Claimant(name, is_full, (lambda: len(self._ordinary)) if takes_cpus else None, wake)
        capacity.join(self._claimant)

    def round(self) -> JobRound:
        """Begin to look through the jobs for one that may begin."""
        return JobRound(self._capacity, self._claimant, self._source, self._claims, self._ordinary)

    def lacks(self, job: Job) -> list[Lack]:
        """Return what a job that is ready waits for."""
        return self._capacity.lacks(self._claimant, job.task_id, job.needs)

    def devices_of(self, task_id: str) -> dict[str, tuple[Device, ...]]:
        """Return the devices that a job has claimed, by kind."""
        claim = self._claims.get(task_id)
        return {} if claim is None else dict(claim.binding)

    def release(self, task_id: str) -> None:
        """Note that a job has ended."""
        claim = self._claims.pop(task_id, None)
        if claim is not None:
            claim.release()
        self._ordinary.discard(task_id)
        self._capacity.changed(self._claimant)


class JobRound(Round):
    """One look for a job that may begin; each that may is counted as running from then on."""

    def __init__(
        self, capacity: Capacity, claimant: Claimant, source: JobSource, claims: dict[str, Claim], ordinary: set[str]
    ):
        super().__init__(capacity, claimant, source)
        self._claims = claims
        self._ordinary = ordinary

    def place(self, job: Job) -> bool:
        if not self.capacity.admits_ordinary(self.claimant, begins=True):
            return False
        if self.claimant.takes_cpus:
            self._ordinary.add(job.task_id)
        return True

    def place_claiming(self, job: Job, needs: Needs) -> bool:
        claim = self.capacity.claim(self.claimant, job.task_id, needs)
        if claim is None:
            return False
        self._claims[job.task_id] = claim
        self.capacity.started(self.claimant, job.task_id, claim)
        return True
