"""How long tasks of a class take, learned from those that have run: tiny ones travel together, long ones alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice

from alexflow.executors.interface import Job

#: Work that a worker may have waiting, so that it never idles between two reports.
PREFETCH_SECONDS = 0.008  # seconds

SAMPLE = 8  # jobs that tell how long others take

ROUNDING = 1e-9  # of sums of floats: nobody is to get a job too many for it


class RuntimeEstimates:
    """Estimates by class. What is not known is taken to be long."""

    def __init__(self) -> None:
        self._seconds: dict[type, float] = {}

    def expect(self, job: Job) -> float:
        """Seconds that a job is expected to take; one with a timeout goes alone, as if nothing were known."""
        return self._seconds.get(type(job.task), PREFETCH_SECONDS) if job.timeout is None else PREFETCH_SECONDS

    def fair_share(self, jobs: Collection[Job], loads: Sequence[float]) -> float:
        """Seconds of work up to which workers get from ``jobs``, so that all have as much in the end.

        Args:
            jobs: what waits; how long all of it takes is told by the first few.
            loads: seconds of work that each worker has already.
        """
        first = [self.expect(job) for job in islice(jobs, SAMPLE)]
        waiting = sum(first) / len(first) * len(jobs) if first else 0.0
        return (waiting + sum(loads)) / len(loads) * (1 - ROUNDING)

    def learn(self, cls: type, seconds: float) -> None:
        """A task of this class took ``seconds``. Quicker ones weigh more: the first one also pays for imports."""
        known = self._seconds.get(cls)
        if known is None:
            self._seconds[cls] = seconds
        else:
            weight = 0.5 if seconds < known else 0.1
            self._seconds[cls] = known + weight * (seconds - known)
