"""How long tasks of a class take, learned from those that have run: tiny ones travel together, long ones alone."""

from __future__ import annotations

#: Work that a worker may have waiting, so that it never idles between two reports.
AHEAD = 0.008  # seconds


class Pace:
    """Estimates by class. What is not known is taken to be long."""

    def __init__(self) -> None:
        self._seconds: dict[type, float] = {}

    def expect(self, cls: type) -> float:
        """Seconds that a task of this class is expected to take."""
        return self._seconds.get(cls, AHEAD)

    def learn(self, cls: type, seconds: float) -> None:
        """A task of this class took ``seconds``. Quicker ones weigh more: the first one also pays for imports."""
        known = self._seconds.get(cls)
        if known is None:
            self._seconds[cls] = seconds
        else:
            weight = 0.5 if seconds < known else 0.1
            self._seconds[cls] = known + weight * (seconds - known)
