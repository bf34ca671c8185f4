"""Estimates of how long jobs of a class take, from those that have run: tiny ones travel together, long ones alone."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

#: Work that a worker may have waiting, so that it is never idle between two reports.
PREFETCH_SECONDS = 0.008  # seconds

SAMPLE = 8  # jobs from which the rest is estimated

ROUNDING = 1e-9  # of sums of floats: it must not cost a worker a job too many


class RuntimeEstimates:
    """Estimates by the jobs' key. A job of a key without one counts as long.

    Attributes:
        prefetch: seconds of work that a worker may have waiting; more where reports take longer.
        seconds: what jobs of a key will probably take, as far as is known; else they count as ``prefetch``.
    """

    def __init__(self) -> None:
        self.prefetch = PREFETCH_SECONDS
        self.seconds: dict[Hashable, float] = {}

    def expect(self, key: Hashable) -> float:
        """Return the seconds that a job of a key will probably take."""
        return self.seconds.get(key, self.prefetch)

    def knows(self, key: Hashable) -> bool:
        """Whether a job of a key has run."""
        return key in self.seconds

    def fair_share(self, first: Sequence[Hashable], waiting: int, loads: Sequence[float]) -> float:
        """Return the seconds of work up to which places are filled, so that all have the same in the end.

        Args:
            first: the keys of the first jobs that wait; they stand for all of them.
            waiting: how many jobs wait.
            loads: seconds of work that each place has already.
        """
        ahead = sum(map(self.expect, first)) / len(first) * waiting if first else 0.0
        return (ahead + sum(loads)) / len(loads) * (1 - ROUNDING)

    def fill_a_place(self, first: Sequence[Hashable]) -> bool:
        """Whether a place that has one of the jobs that wait gets no second one.

        Args:
            first: the keys of the first of them; they stand for all of them.
        """
        return min(map(self.expect, first), default=0.0) > self.prefetch / 2

    def learn(self, key: Hashable, seconds: float) -> None:
        """Learn that a job took ``seconds``. Quicker ones weigh more: the first also opens the storage."""
        known = self.seconds.get(key)
        if known is not None:
            weight = 0.5 if seconds < known else 0.1
            self.seconds[key] = known + weight * (seconds - known)
        elif key != "":
            self.seconds[key] = seconds
