"""The buckets of all limited rates, by tag and key, and the times at which tasks in line for them may start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from math import inf

from alexflow.scheduler.rates import Bucket, Costs, RateSpec

#: What a task spends by starting: names of buckets, each with its costs.
Spends = tuple[tuple[str, Costs], ...]

#: Buckets that are looked at when a further one is made, to drop those that are idle.
BUCKETS_LOOKED_AT = 2


class Buckets:
    """Buckets are made for the first task with their tag and key, and dropped when nothing of them need be kept.

    Args:
        rates: the limits, by tag. A bucket is named after its tag, or its tag, a NUL and the key.

    Attributes:
        now: the time of the event that is handled.
    """

    def __init__(self, rates: Mapping[str, RateSpec]):
        self.rates = dict(rates)
        self.now = 0.0
        self._corrected: dict[str, dict[str, Costs]] = {}  # what tasks that run have really spent
        self._share = 1.0
        self._none_until = -inf  # when this engine began to share with others
        self._buckets: dict[str, Bucket] = {}
        self._due: dict[str, float] = {}  # when the first in line may start
        self._wakes: list[tuple[float, str]] = []  # a heap of these, with outdated entries

    def __getitem__(self, name: str) -> Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            self._drop_idle()
            bucket = self._buckets[name] = Bucket(self.rates[name.partition("\0")[0]], self._share, self._none_until)
        return bucket

    def __len__(self) -> int:
        return len(self._buckets)

    def _drop_idle(self) -> None:
        """Look at the oldest buckets: keys may come and go by the thousand."""
        for _ in range(min(BUCKETS_LOOKED_AT, len(self._buckets))):
            name = next(iter(self._buckets))
            bucket = self._buckets.pop(name)
            if name in self._due or not bucket.is_idle(self.now):
                self._buckets[name] = bucket

    def share_among(self, parts: int, *, anew: bool, lag: float) -> None:
        """Use one of so many parts of each limit; ``anew``: what others have spent has to leave the window first."""
        self._share = 1.0 / max(parts, 1)
        if anew:
            self._none_until = self.now + lag if parts > 1 else -inf
        for bucket in self._buckets.values():
            bucket.set_share(self._share, self.now, self._none_until)
        self._wakes += [(self.now, name) for name in self._due]  # to be looked at again
        self._due.update(dict.fromkeys(self._due, self.now))
        self._wakes.sort()

    def allows(self, name: str, costs: Costs) -> bool:
        """Whether the first in line may start now; if not, :attr:`wake_at` is when it may."""
        at = self[name].ready_at(costs, self.now)
        if at <= self.now:
            self._due.pop(name, None)
            return True
        self._due[name] = at
        if at < inf:
            heappush(self._wakes, (at, name))
        return False

    def wait_behind(self, name: str, costs: Costs, count: int) -> float:
        """Return for how many seconds a task of these costs waits behind so many that cost as much."""
        bucket = self._buckets.get(name)
        return 0.0 if bucket is None else max(bucket.paused_until - self.now, 0.0) + count * bucket.interval(costs)

    @property
    def wake_at(self) -> float:
        """The time at which the next in line may start; infinite for never, or not before others have begun."""
        wakes = self._wakes
        while wakes and self._due.get(wakes[0][1]) != wakes[0][0]:
            heappop(wakes)
        return wakes[0][0] if wakes else inf

    def due(self) -> set[str]:
        """Return the buckets whose time has come."""
        due: set[str] = set()
        while self.wake_at <= self.now < inf:
            _, name = heappop(self._wakes)
            del self._due[name]
            due.add(name)
        return due

    # -- what tasks do; for each bucket of theirs

    def take(self, name: str, costs: Costs, since: float) -> None:
        """Let a task start that has been in line since a time."""
        bucket = self[name]
        bucket.take(costs, self.now, max(bucket.ready_at(costs, self.now), since))

    def begin(self, spends: Spends, now: float) -> None:
        """Take in that a task begins."""
        for name, costs in spends:
            self[name].begin(costs, now)
            if self._due.get(name) == inf:  # from now on it is known when it leaves the window
                self._due[name] = now
                heappush(self._wakes, (now, name))

    def correct(self, task_id: str, name: str, costs: Costs, amounts: Sequence[float | None]) -> None:
        """Take in what a task that has begun has really spent; a further time replaces it."""
        corrected = self._corrected.setdefault(task_id, {})
        before = corrected.get(name, costs)
        now = tuple(cost if amount is None else amount for cost, amount in zip(before, amounts, strict=True))
        self[name].correct([after - cost for cost, after in zip(before, now, strict=True)], self.now)
        corrected[name] = now

    def end(self, task_id: str) -> None:
        """Forget what an attempt has corrected."""
        self._corrected.pop(task_id, None)

    def put_back(self, spends: Spends) -> None:
        """Take in that it has not begun after all."""
        for name, costs in spends:
            self[name].put_back(costs)

    def pause(self, spends: Spends, seconds: float) -> None:
        """Let no task start for some seconds."""
        for name, _ in spends:
            bucket = self[name]
            bucket.paused_until = max(bucket.paused_until, self.now + seconds)
