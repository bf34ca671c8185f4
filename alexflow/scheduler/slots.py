"""Slots: the right to run under the limit of a tag. The only owner of the counts.

A task with several limited tags takes all its slots together. If tasks with one of its tags keep coming, the instant at
which all are free never comes. So once each of its tags has come free while it waited, though never all at once, slots
are *reserved* for it: what comes free of its tags is kept for it until it has all of them.

Slots are reserved for one waiter at a time, the oldest of those that have got so far. Two that each keep what the other
needs would wait for ever. A tag that is free before that moment is not kept idle: a task that waits an hour for the
other one of its tags lets all others pass meanwhile.

Waiters have ranks (:mod:`.waiters`): priority, the turns of fairness keys, age. *Older* means here: of a lower rank.

No waiter of the highest priority starves. A slot is not given to a waiter while an older one stands in the tag's line.
Every waiter is in one line, and comes to its head after a finite number of releases; one with a single tag starts then,
and one with several has seen one more of its tags come free. Waiters older than the one for which slots are reserved go
before it, and only finitely many are older.

Rejected: reserving from the beginning (idle slots, and one task behind a long one stops all), and letting the oldest
waiter alone start (a queue for one tag would stop all others).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from heapq import heappop, heappush
from types import MappingProxyType
from typing import Generic

from alexflow.scheduler.buckets import Buckets, Spends
from alexflow.scheduler.rates import Costs, RateSpec
from alexflow.scheduler.waiters import Line, Rank, Ranks, Waiter
from alexflow.type_vars import T

NO_RATES: Mapping[str, RateSpec] = MappingProxyType({})


class Slots(Generic[T]):
    """Counts per tag, and the tasks that wait for a slot.

    Args:
        limits: how many at once, by tag; a tag without a limit is unbounded.
        still_waits: whether a task in a queue still wants to start.
        rates: how often, by tag.

    Attributes:
        buckets: what has been spent under ``rates``. A bucket is used like a tag: a task takes what it costs.

    Raises:
        ValueError: a limit is less than 1.
    """

    def __init__(
        self,
        limits: Mapping[str, int],
        still_waits: Callable[[T], bool],
        rates: Mapping[str, RateSpec] = NO_RATES,
    ):
        for tag, limit in limits.items():
            if limit < 1:
                raise ValueError(
                    f"limit of tag {tag!r} is {limit}; it must be at least 1, or no task with it could run"
                )
        self.limits = dict(limits)
        self.buckets = Buckets(rates)
        self.unused = {*limits, *rates}  #: Limited tags that no task has had yet.
        self._still_waits = still_waits
        self._taken = dict.fromkeys(limits, 0)  # reserved ones among them
        self._lines: defaultdict[str, Line[T]] = defaultdict(Line, {tag: Line() for tag in limits})
        self._waiters: dict[T, Waiter[T]] = {}
        self._ranks = Ranks()
        self._due: list[tuple[Rank, Waiter[T]]] = []  # a heap: all their tags have been offered; some are gone
        self._reserving: Waiter[T] | None = None
        self._reserved: set[str] = set()
        self.freed: set[str] = set()  #: Tags of which a task that left gave slots back; see :meth:`hand_out`.

    # -- taking and giving back

    def take(
        self, task: T, tags: tuple[str, ...], priority: int = 0, fairness_key: str = "", spends: Spends = ()
    ) -> bool:
        """Take a slot for each limited tag; if one is full, the task waits, and :meth:`release` returns it later."""
        limited = [tag for tag in dict.fromkeys(tags) if tag in self.limits]
        if self.unused:
            self.unused.difference_update(tags)
        if spends and self.buckets.rates:  # a plan has none
            return self._take_costs(Waiter(task, limited, self._ranks.next(priority, fairness_key)), spends)
        for tag in limited:
            if self._taken[tag] >= self.limits[tag]:
                waiter = self._waiters[task] = Waiter(task, limited, self._ranks.next(priority, fairness_key))
                self._lines[tag].add(waiter)
                return False
        for tag in limited:
            self._taken[tag] += 1
        return True

    def _take_costs(self, waiter: Waiter[T], spends: Spends) -> bool:
        """Take slots and what a task costs, or let it wait. Others in line that are older, and cost more, go first."""
        waiter.costs = dict(spends)
        waiter.needs += waiter.costs
        waiter.since = self.buckets.now
        for tag in waiter.needs:
            in_line = tag in waiter.costs and self.waiting_at(tag) > 0
            if in_line or not self._has(tag, waiter):
                self._waiters[waiter.task] = waiter
                self._lines[tag].add(waiter)
                if in_line:
                    self.freed.add(tag)  # it may be the first
                return False
        for tag in waiter.needs:
            self._take_one(tag, waiter)
        return True

    def _has(self, tag: str, waiter: Waiter[T]) -> bool:
        """Whether there is a slot of a tag, or what a waiter costs."""
        costs = waiter.costs.get(tag) if waiter.costs else None
        if costs is None:
            return self._taken[tag] < self.limits[tag]
        return self.buckets.allows(tag, costs)

    def _take_one(self, tag: str, waiter: Waiter[T]) -> None:
        costs = waiter.costs.get(tag) if waiter.costs else None
        if costs is None:
            self._taken[tag] += 1
        else:
            self.buckets.take(tag, costs, waiter.since)

    def _give_one_back(self, tag: str, costs: Costs | None) -> None:
        if costs is None:
            self._taken[tag] -= 1
        else:
            self.buckets[tag].give_back(costs)
        self.freed.add(tag)

    def release(self, tags: tuple[str, ...]) -> list[T]:
        """Give slots back. Returns tasks that waited and now have all of theirs."""
        limited = [tag for tag in dict.fromkeys(tags) if tag in self.limits]
        for tag in limited:
            self._taken[tag] -= 1
        return self._give(limited)

    def give_back(self, tags: tuple[str, ...], spends: Spends = ()) -> None:
        """Give back the slots of a task that has not started and never will; they are :attr:`freed`."""
        for tag in dict.fromkeys(tags):
            if tag in self.limits:
                self._give_one_back(tag, None)
        for name, costs in spends:
            self._give_one_back(name, costs)

    def at(self, now: float) -> None:
        """Take in the time: what has come due is :attr:`freed`."""
        self.buckets.now = now
        self.freed |= self.buckets.due()

    def forget(self, task: T) -> None:
        """Drop a task that does not wait any more, in case that it did; slots reserved for it are :attr:`freed`."""
        waiter = self._waiters.get(task)
        if waiter is None:
            return
        self._leave(waiter)
        if self._reserving is waiter:
            for tag in self._reserved:
                self._give_one_back(tag, waiter.costs.get(tag) if waiter.costs else None)
            self._reserved = set()
            self._reserving = None

    def _leave(self, waiter: Waiter[T]) -> None:
        del self._waiters[waiter.task]
        waiter.needs = []
        if waiter.line is not None:
            waiter.line.remove(waiter)

    def raise_waiter(self, task: T, priority: int, fairness_key: str) -> None:
        """Give a task, in case that it waits, the rank that it has from now on."""
        waiter = self._waiters.get(task)
        if waiter is not None:
            line = waiter.line
            if line is not None:
                line.remove(waiter)
            waiter.rank = self._ranks.next(priority, fairness_key)
            if line is not None:
                line.add(waiter)
            if waiter.is_due:
                heappush(self._due, (waiter.rank, waiter))

    def hand_out(self) -> list[T]:
        """Give away what is :attr:`freed`. Returns tasks that waited and now have all of their slots."""
        freed, self.freed = self.freed, set()
        return self._give(sorted(freed))

    def _give(self, tags: list[str]) -> list[T]:
        """Give slots of these tags, which have come free, to tasks that can start now."""
        started: list[T] = []
        pending = dict.fromkeys(tags)
        while pending:
            tag = next(iter(pending))
            while (first := self._next(tag)) is not None and self._has(tag, first):
                if first is self._reserving:
                    self._reserve(tag, started)
                else:
                    self._lines[tag].remove(first)
                    self._try(first, tag, pending, started)
            del pending[tag]
            if self._reserving is None and not pending:
                pending.update(dict.fromkeys(self._reserve_for_next()))
        return started

    def _next(self, tag: str) -> Waiter[T] | None:
        """Return the waiter to which a slot belongs that has come free."""
        first = self._first(tag)
        if first is None and tag not in self.limits:
            self._lines.pop(tag, None)  # of a key: there may be thousands
        return self._reserving if self._comes_first(tag, first) else first

    def _first(self, tag: str) -> Waiter[T] | None:
        """Return the first in a tag's line."""
        return self._lines[tag].first() if tag in self._lines else None  # else none is made, and kept

    def _try(self, waiter: Waiter[T], tag: str, pending: dict[str, None], started: list[T]) -> None:
        """Let a waiter start if nothing is in its way; else it waits where something is."""
        if not self._still_waits(waiter.task):
            self._leave(waiter)
            return
        obstacle = self._obstacle(waiter, tag)
        if obstacle is None:
            for each in waiter.needs:
                self._take_one(each, waiter)
            self._start(waiter, started)
            return
        self._lines[obstacle].add(waiter)
        if self._has(obstacle, waiter):
            pending.setdefault(obstacle)  # as soon as the older ones have had their turn

    def _start(self, waiter: Waiter[T], started: list[T]) -> None:
        self._ranks.served(waiter.rank)
        self._leave(waiter)
        started.append(waiter.task)

    def _obstacle(self, waiter: Waiter[T], tag: str) -> str | None:
        """Return the tag at which a waiter has to wait, if any, preferring one not offered yet; ``tag`` is free."""
        offered, before = waiter.offered, len(waiter.offered)
        offered.add(tag)
        obstacle: str | None = None
        for each in waiter.needs:
            first = self._first(each)
            if (first is not None and first < waiter) or not self._has(each, waiter):
                if obstacle is None or (obstacle in offered and each not in offered):
                    obstacle = each
            else:
                offered.add(each)
        if before < len(offered) == len(waiter.needs) and obstacle is not None:
            waiter.is_due = True
            heappush(self._due, (waiter.rank, waiter))
        return obstacle

    # -- reserving

    def _comes_first(self, tag: str, first: Waiter[T] | None) -> bool:
        """Return whether a slot that has come free belongs to the waiter for which slots are reserved."""
        due = self._reserving
        if due is None or tag not in due.needs or tag in self._reserved:
            return False
        return first is None or due < first

    def _reserve(self, tag: str, started: list[T]) -> None:
        due = self._reserving
        assert due is not None
        self._take_one(tag, due)
        self._reserved.add(tag)
        if len(self._reserved) == len(due.needs):
            self._reserving, self._reserved = None, set()
            self._start(due, started)

    def _reserve_for_next(self) -> list[str]:
        """Reserve for the oldest waiter that is due. Returns the tags of which it gets what is free."""
        while self._due:
            rank, waiter = heappop(self._due)
            if waiter.needs and waiter.rank is rank:  # it has not started, nor left, nor been raised since
                if waiter.line is not None:
                    waiter.line.remove(waiter)
                self._reserving = waiter
                return waiter.needs
        return []

    # -- counts

    @property
    def reserving(self) -> T | None:
        """The task for which slots are reserved."""
        return None if self._reserving is None else self._reserving.task

    @property
    def waiting(self) -> int:
        """The number of tasks that wait."""
        return len(self._waiters)

    def waiters(self) -> Iterator[T]:
        """Yield the tasks that wait, those that came first in the beginning."""
        return iter(self._waiters)

    def waiting_at(self, tag: str) -> int:
        """Return how many wait for a slot of ``tag``, or a bucket, before their other tags are examined."""
        return len(self._lines[tag]) if tag in self._lines else 0

    def waiting_for_rates(self) -> dict[str, int]:
        """Return how many wait for each limited rate, whatever their keys, by tag."""
        waiting = dict.fromkeys(self.buckets.rates, 0)
        for name, line in self._lines.items():
            tag = name.partition("\0")[0]
            if tag in waiting:
                waiting[tag] += len(line)
        return waiting

    def taken(self, tag: str) -> int:
        """Return how many slots of ``tag`` are taken."""
        return self._taken.get(tag, 0) - (tag in self._reserved)

    def reserved(self, tag: str) -> bool:
        """Return whether a slot of ``tag`` is reserved."""
        return tag in self._reserved
