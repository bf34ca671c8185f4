"""Estimates of how long jobs of a class take, from those that have run: tiny ones travel together, long ones alone."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from itertools import islice

from alexflow.executors.interface import Job

#: Work that a worker may have waiting, so that it is never idle between two reports.
PREFETCH_SECONDS = 0.008  # seconds

SAMPLE = 8  # jobs from which the rest is estimated

ROUNDING = 1e-9  # of sums of floats: it must not cost a worker a job too many


class RuntimeEstimates:
    """Estimates by the jobs' key. A job of a key without one counts as long."""

    def __init__(self) -> None:
        self._seconds: dict[Hashable, float] = {}

    def expect(self, job: Job) -> float:
        """Return the seconds that a job will probably take; one with a timeout goes alone, as if its class were new."""
        return self._seconds.get(job.key, PREFETCH_SECONDS) if job.timeout is None else PREFETCH_SECONDS

    def fair_share(self, jobs: Collection[Job], loads: Sequence[float]) -> float:
        """Return the seconds of work up to which workers are filled, so that all have the same in the end.

        Args:
            jobs: what waits; the first few stand for all of it.
            loads: seconds of work that each worker has already.
        """
        first = [self.expect(job) for job in islice(jobs, SAMPLE)]
        waiting = sum(first) / len(first) * len(jobs) if first else 0.0
        return (waiting + sum(loads)) / len(loads) * (1 - ROUNDING)

    def learn(self, key: Hashable, seconds: float) -> None:
        """Learn that a job took ``seconds``. Quicker ones weigh more: the first also pays for imports."""
        known = self._seconds.get(key)
        if known is not None:
            weight = 0.5 if seconds < known else 0.1
            self._seconds[key] = known + weight * (seconds - known)
        elif key is not None:
            self._seconds[key] = seconds
