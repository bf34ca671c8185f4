"""Tasks in line for slots: their ranks, and a line for each tag.

A rank is a total order, the same at every tag, or two tasks with two tags could each stand before the other for ever.
It has three parts: priority; the *turn*, by which fairness keys alternate; and a number, by which the older goes first.

A key's first waiting task has the turn that is being served now, its next one the turn after that, and so on. So a key
with one task stands before the second of a key with thousands. It is start-time fair queueing (Goyal, Vin and Cheng,
1996) with tasks of equal length: a turn is fixed when a task comes, so it is a rank.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Generic

from alexflow.scheduler.rates import Costs
from alexflow.type_vars import T

#: Priority (negated), turn, number: the smaller goes first.
Rank = tuple[int, int, int]

NO_COSTS: dict[str, Costs] = {}

#: Entries that a line may keep of waiters which have left, besides as many as wait.
SLACK = 64


class Waiter(Generic[T]):
    """A task that waits for slots.

    Attributes:
        task: the task.
        needs: limited tags of which it needs a slot each; none once it has started or left.
        rank: its place in every line.
        offered: those of ``needs`` that have come free while it waited.
        line: the line that it is in.
        is_due: whether all of its tags have been offered.
        costs: what it spends by starting, by bucket; empty for most.
        since: when it came, if it has costs.
    """

    __slots__ = ("costs", "is_due", "line", "needs", "offered", "rank", "since", "task")

    def __init__(self, task: T, needs: list[str], rank: Rank):
        self.task = task
        self.needs = needs
        self.rank = rank
        self.offered: set[str] = set()
        self.line: Line[T] | None = None
        self.is_due = False
        self.costs: dict[str, Costs] = NO_COSTS
        self.since = 0.0

    def __lt__(self, other: Waiter[T]) -> bool:
        return self.rank < other.rank


class Line(Generic[T]):
    """Waiters by rank: a heap, in which those that have left stay until they come up, or are too many."""

    __slots__ = ("_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[Rank, Waiter[T]]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, waiter: Waiter[T]) -> None:
        """Let a waiter wait here."""
        waiter.line = self
        self._count += 1
        heappush(self._heap, (waiter.rank, waiter))

    def first(self) -> Waiter[T] | None:
        """Return the one whose turn it is."""
        heap = self._heap
        while heap and not self._is_here(*heap[0]):
            heappop(heap)
        return heap[0][1] if heap else None

    def remove(self, waiter: Waiter[T]) -> None:
        """Let a waiter leave."""
        waiter.line = None
        self._count -= 1
        if len(self._heap) > 2 * self._count + SLACK:
            self._heap = [entry for entry in self._heap if self._is_here(*entry)]
            heapify(self._heap)

    def _is_here(self, rank: Rank, waiter: Waiter[T]) -> bool:
        return waiter.line is self and waiter.rank is rank


class Ranks:
    """Gives ranks."""

    def __init__(self) -> None:
        self._number = 0
        self._serving = 0  # the latest turn of which a task has started
        self._last: dict[tuple[int, str], int] = {}  # turns given last, by priority and fairness key
        self._prune_at = SLACK

    def next(self, priority: int, fairness_key: str) -> Rank:
        """Return the rank of a task that begins to wait."""
        key = priority, fairness_key
        self._number += 1
        turn = self._last[key] = max(self._serving, self._last.get(key, 0)) + 1
        if len(self._last) > self._prune_at:  # keys may come and go by the thousand
            self._last = {key: turn for key, turn in self._last.items() if turn > self._serving}
            self._prune_at = 2 * len(self._last) + SLACK
        return -priority, turn, self._number

    def served(self, rank: Rank) -> None:
        """Count the turn of a task that starts."""
        self._serving = max(self._serving, rank[1])
