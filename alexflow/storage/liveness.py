"""How long others have shown no sign of life, by the observer's own monotonic clock.

Nobody's wall clock is looked at, and no two clocks are compared: who is alive changes its sign (a counter) from time
to time, and who waits for it counts the seconds during which the sign stays the same. If the observer itself is
stopped, or the whole machine, that time does not count: between two looks at most a third of the patience is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable


class _Seen:  # no dataclass: to make one takes as long as all else that a run without work does with leases
    __slots__ = ("at", "sign", "unchanged")

    def __init__(self, sign: bytes, at: float):
        self.sign = sign
        self.at = at
        self.unchanged = 0.0


class FailureDetector:
    """What one observer has seen of others.

    Args:
        seconds: how long a sign may stay the same.
        clock: the observer's monotonic clock.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]):
        self._seconds = seconds
        self._clock = clock
        self._seen: dict[Hashable, _Seen] = {}

    def is_lost(self, who: Hashable, sign: bytes) -> bool:
        """Take in somebody's sign; gives whether it has been the same for too long."""
        now = self._clock()
        seen = self._seen.get(who)
        if seen is None or seen.sign != sign:
            self._seen[who] = _Seen(sign, now)
            return False
        seen.unchanged += min(now - seen.at, self._seconds / 3)
        seen.at = now
        return seen.unchanged >= self._seconds
