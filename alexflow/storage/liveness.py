"""``FailureDetector``: which peers have stalled, by the observer's own monotonic clock.

No wall clock is read, and no two clocks are compared: a peer that is alive changes its heartbeat (a counter) from time
to time, and the observer counts the seconds during which it stays the same. If the observer itself is stopped, or the
whole machine, that time does not count: between two looks at most a third of the timeout passes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable


class _Seen:  # no dataclass: to make one takes as long as all else that a run without work does with leases
    __slots__ = ("at", "heartbeat", "unchanged")

    def __init__(self, heartbeat: bytes, at: float):
        self.heartbeat = heartbeat
        self.at = at
        self.unchanged = 0.0


class FailureDetector:
    """The heartbeats that one observer has seen of its peers.

    Args:
        seconds: how long a heartbeat may stay the same.
        clock: the observer's monotonic clock.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]):
        self._seconds = seconds
        self._clock = clock
        self._seen: dict[Hashable, _Seen] = {}

    def is_lost(self, peer: Hashable, heartbeat: bytes) -> bool:
        """Note a peer's heartbeat; returns whether it has been the same for too long."""
        now = self._clock()
        seen = self._seen.get(peer)
        if seen is None or seen.heartbeat != heartbeat:
            self._seen[peer] = _Seen(heartbeat, now)
            return False
        seen.unchanged += min(now - seen.at, self._seconds / 3)
        seen.at = now
        return seen.unchanged >= self._seconds
