"""The jobs of a pool's world that are ready."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from alexflow.executors.interface import Fits, Job, JobSource, Outcome


@dataclass
class Ready:
    """A job that is ready, and what has become of it."""

    job: Job
    order: int
    begun: int = 0
    excused: int = 0  # begun more often than charged, and allowed to be
    outcomes: list[Outcome] = field(default_factory=list)
    was_sent: bool = False


class Source(JobSource):
    """The jobs that are ready.

    Args:
        successors: of a job, by the name of that.
        ready: jobs that are or were ready.
    """

    def __init__(self, successors: dict[str, Job], ready: dict[str, Ready]):
        self.queue: OrderedDict[str, Job] = OrderedDict()
        self.left = 0  # jobs that were withdrawn
        self.prefetched: list[list[str]] = []  # in each call
        self.ahead: list[list[str]] = []  # what had ended before it was ready, in each call
        self._successors = successors
        self._ready = ready

    def __len__(self) -> int:
        return len(self.queue)

    @property
    def withdrawn(self) -> int:
        return self.left

    def keys(self, most: int) -> list[Hashable]:
        return [job.key for job in self.queue.values()][:most]

    def take(self, limit: int, fits: Fits | None = None) -> list[Job]:
        jobs: list[Job] = []
        for job in list(self.queue.values()):
            if len(jobs) >= limit:
                break
            answer = fits is None or fits(job)
            if answer:
                jobs.append(self.queue.pop(job.task_id))
            elif answer is not None:
                break
        return jobs

    def __contains__(self, task_id: object) -> bool:
        return task_id in self.queue

    def claim(self, task_id: str) -> Job | None:
        return self.queue.pop(task_id, None)

    def put_back(self, jobs: Sequence[Job]) -> None:
        for job in reversed(jobs):
            assert job.task_id not in self.queue
            self.queue[job.task_id] = job
            self.queue.move_to_end(job.task_id, last=False)
        self.sort()

    def sort(self) -> None:
        for job in sorted(self.queue.values(), key=lambda job: -job.priority):
            self.queue.move_to_end(job.task_id)

    @property
    def urgency(self) -> int:
        return next((job.priority for job in self.queue.values()), 0)

    def successors_of(self, task_id: str) -> Sequence[Job]:
        job = self._successors.get(task_id)
        return [job] if job is not None and job.task_id not in self._ready else []

    def prefetch(self, jobs: Sequence[Job]) -> None:
        self.prefetched.append([job.task_id for job in jobs])

    def ended_ahead(self, task_ids: Sequence[str]) -> None:
        self.ahead.append([*task_ids])
