"""A bound on the jobs that an engine leases ahead of their start, so that its peers find work, too."""

from __future__ import annotations

from alexflow.executors.interface import Executor

#: Work for a worker process that is admitted ahead, and at most how many tasks that is.
SECONDS_IN_FLIGHT, MAX_PREFETCH = 0.02, 128

#: Tasks of one kind that are in flight at once, if there are not more places than that, each of which gets one: the
#: kernel walks through all locks that a process holds.
MAX_IN_FLIGHT = 1000


class Quota:
    """The bound on the tasks that are with one executor at once.

    Args:
        executor: the executor.
        prefetch: whether it is given short tasks in advance.
    """

    def __init__(self, executor: Executor, *, prefetch: bool = False):
        self._executor = executor
        self._prefetch = prefetch
        self._seconds = 0.0  # per task, recent ones weighted more; 0 while nothing is known
        self.in_flight: set[str] = set()

    @property
    def free(self) -> int:
        """The number of further tasks that may be admitted."""
        each = 1
        if self._prefetch and self._seconds:
            each = min(MAX_PREFETCH, max(1, int(SECONDS_IN_FLIGHT / self._seconds)))
        places = self._executor.places
        return min(places * each, max(places, MAX_IN_FLIGHT)) - len(self.in_flight)

    def learn(self, seconds: float) -> None:
        """Update the average with a task's duration."""
        self._seconds += (seconds - self._seconds) / 8 if self._seconds else seconds
