"""Rates: how often tasks may start, per tag and key. Time comes in with each call; nothing here has a clock.

Two bounds hold together. *Pacing* spaces starts evenly: after one, the next is due ``per / quota`` later for each unit
of cost, and ``burst`` starts may be early (the generic cell rate algorithm of ATM networks, ITU-T I.371). The *window*
is hard: in no interval of ``per`` seconds are more units spent than the quota, whatever pauses, bursts and late timers
do. A task that may start and has not begun counts as spent at each moment, because it may begin at any.

The window is ``WINDOW_MARGIN`` longer than what was asked for, since requests do not take equally long to the service
that counts them. It is kept in at most ``PARTS`` entries, so that a quota of millions costs no more memory than one of
ten.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import inf

from msgspec import Struct

#: The part of the window by which it is kept longer.
WINDOW_MARGIN = 0.02

#: Entries of one window at most; what started within one is counted until its last has left.
PARTS = 128

#: Seconds by which a late timer may be made up for, and the part of the window.
LATENESS, LATE_PART = 0.1, 0.1

#: Of sums of floats.
SUM_ROUNDING = 1e-9

Costs = tuple[float, ...]


class RateSpec(Struct, frozen=True):
    """The limit of a tag.

    Attributes:
        quotas: units per window; the first unit counts starts, if ``burst`` is more than 1.
        per: seconds of the window.
        burst: starts that may be early.
    """

    quotas: tuple[float, ...]
    per: float
    burst: int = 1


class Bucket:
    """The balance of one tag, for one key.

    Args:
        spec: the limit.
        share: the part of it that this engine has.
        none_until: when it began to have that; it had none before.
    """

    __slots__ = (
        "_growing_since",
        "_log",
        "_next_at",
        "_pending",
        "_share",
        "_share_before",
        "_spent",
        "paused_until",
        "spec",
    )

    def __init__(self, spec: RateSpec, share: float = 1.0, none_until: float = -inf):
        self.spec = spec
        self._share = share
        self._share_before = 0.0 if none_until > -inf else share
        self._growing_since = none_until
        units = len(spec.quotas)
        self.paused_until = -inf
        self._next_at = [-inf] * units  # of pacing
        self._pending = [0.0] * units  # may start, and has not begun
        self._spent = [0.0] * units  # in the window
        self._log: deque[tuple[float, float, list[float]]] = deque()  # first and last start, and what they spent

    @property
    def window(self) -> float:
        """The seconds for which what was spent counts."""
        return self.spec.per * (1 + WINDOW_MARGIN)

    def ready_at(self, costs: Costs, now: float) -> float:
        """Return the time from which a task of these costs may start; infinite until others have begun."""
        self._expire(now)
        share = self.share(now)
        at = self.paused_until
        early = (self.spec.burst - 1) * self._interval(0, 1.0)
        for unit, cost in enumerate(costs):
            if cost:
                at = max(at, self._next_at[unit] - early, self._room_at(unit, cost, share))
        return at

    def interval(self, costs: Costs) -> float:
        """Return the seconds between two starts of these costs."""
        return max(self._interval(unit, cost) for unit, cost in enumerate(costs))

    def _interval(self, unit: int, cost: float) -> float:
        return cost * self.spec.per / (self.spec.quotas[unit] * self._share)

    def set_share(self, share: float, now: float, none_until: float = -inf) -> None:
        """Take in that this engine has another part of the limit: a smaller one at once, a larger one by and by.

        What the others have spent counts until it has left the window. So a larger part comes as that leaves.
        """
        self._share_before = min(self.share(now), share) if none_until <= now else 0.0
        self._share, self._growing_since = share, max(now, none_until)

    def share(self, now: float) -> float:
        """Return the part of the limit that this engine has now."""
        grown = min(1.0, max(0.0, (now - self._growing_since) / self.window))
        return self._share_before + grown * (self._share - self._share_before)

    def _room_at(self, unit: int, cost: float, share: float) -> float:
        """Return when the window has room. What costs more than this engine's share starts in an empty one."""
        quota = self.spec.quotas[unit] * share
        if share < self._share:
            needed = self._spent[unit] + self._pending[unit] + min(cost, self.spec.quotas[unit] * self._share)
            if needed > quota * (1 + SUM_ROUNDING):
                return self._grown_at(needed / self.spec.quotas[unit])
        excess = self._spent[unit] + self._pending[unit] + min(cost, quota) - quota
        if excess <= SUM_ROUNDING * quota:
            return -inf
        for _, last, spent in self._log:
            excess -= spent[unit]
            if excess <= SUM_ROUNDING * quota:
                return last + self.window
        return inf

    def _grown_at(self, share: float) -> float:
        """Return when this engine's growing part is as large, or as large as it will be."""
        grown = min(1.0, (share - self._share_before) / (self._share - self._share_before))
        return self._growing_since + grown * self.window

    def _expire(self, now: float) -> None:
        while self._log and self._log[0][1] + self.window <= now:
            _, _, spent = self._log.popleft()
            self._add(self._spent, spent, -1)
        if not self._log:
            self._spent = [0.0] * len(self._spent)  # without what rounding left

    def take(self, costs: Costs, now: float, due: float) -> None:
        """Let a task start that was due at some time, which may be over for a moment."""
        late = min(LATENESS, LATE_PART * self.spec.per)
        start = max(due, now - late)
        for unit, cost in enumerate(costs):
            self._next_at[unit] = max(self._next_at[unit], start) + self._interval(unit, cost)
        self._add(self._pending, costs)

    def give_back(self, costs: Costs) -> None:
        """Take in that a task which may start leaves before it begins."""
        self._add(self._pending, costs, -1)
        for unit, cost in enumerate(costs):
            self._next_at[unit] -= self._interval(unit, cost)

    def begin(self, costs: Costs, now: float) -> None:
        """Take in that a task begins."""
        self._add(self._pending, costs, -1)
        self._spend(costs, now)

    def _spend(self, costs: Sequence[float], now: float) -> None:
        self._add(self._spent, costs)
        if self._log and now - self._log[-1][0] < self.spec.per / PARTS:
            first, _, spent = self._log.pop()
            self._add(spent, costs)
            self._log.append((first, now, spent))
        else:
            self._log.append((now, now, list(costs)))

    def put_back(self, costs: Costs) -> None:
        """Take in that a task has not begun after all."""
        self._add(self._pending, costs)
        self._correct_log([-cost for cost in costs])

    def correct(self, differences: Sequence[float], now: float) -> None:
        """Take in that a task which has begun costs more, or less, than it was said to."""
        for unit, difference in enumerate(differences):
            self._next_at[unit] = max(self._next_at[unit], now) if difference > 0 else self._next_at[unit]
            self._next_at[unit] += self._interval(unit, difference)
        self._correct_log([min(0.0, difference) for difference in differences])
        if max(differences) > 0:
            self._spend([max(0.0, difference) for difference in differences], now)

    def _correct_log(self, differences: list[float]) -> None:
        """Subtract from what was spent last, and no more than that."""
        for _, _, spent in reversed(self._log):
            for unit, difference in enumerate(differences):
                change = max(difference, -spent[unit])
                spent[unit] += change
                self._spent[unit] += change
                differences[unit] -= change
            if not any(differences):
                break

    @staticmethod
    def _add(amounts: list[float], costs: Sequence[float], sign: int = 1) -> None:
        for unit, cost in enumerate(costs):
            amounts[unit] += sign * cost

    def is_idle(self, now: float) -> bool:
        """Whether nothing of it need be kept."""
        self._expire(now)
        rests = max(self._next_at) <= now and self.paused_until <= now
        return rests and not self._log and max(self._pending) <= SUM_ROUNDING
