"""The tasks that wait in an engine: whether there is room for a further request, and how long it would wait.

The estimate is simple, since it has to be there before anything is planned: tasks ahead, times the seconds that a task
of its executor takes, divided by places; and where that is longer, the time that those in line for a limited tag take.
A request that is taken in is not refused later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from alexflow.executors.interface import Done, Executor, Settled
from alexflow.graph import Catalog, Kind
from alexflow.overload import Overloaded
from alexflow.scheduler import Scheduler
from alexflow.scheduler.buckets import Spends

#: The weight of the latest task in the estimate of seconds.
WEIGHT = 1 / 16

#: Seconds after which to try again if nothing has run yet.
FIRST_RETRY_AFTER = 1.0

#: The least of such seconds: what has to wait in any case.
LEAST_RETRY_AFTER = 0.05


class Awaited(NamedTuple):
    """The executor, and the limited tags, for which a target of a request waits.

    Attributes:
        kind: the executor of its task.
        tags: the task's.
        spends: what the task spends of limited rates.
    """

    kind: Kind
    tags: tuple[str, ...] = ()
    spends: Spends = ()


class Backlog:
    """The tasks that wait in an engine.

    Args:
        max_queued: tasks with which it is full; None for no bound.
        scheduler: has the ready queue.
        catalog: the users' tasks behind the scheduler's names.
        executors: run jobs, by kind.
        entering: gives the number of requests of which the scheduler has no knowledge yet.
    """

    def __init__(
        self,
        max_queued: int | None,
        scheduler: Scheduler,
        catalog: Catalog,
        executors: Mapping[Kind, Executor],
        entering: Callable[[], int],
    ):
        self.max_queued = max_queued
        self._scheduler, self._state = scheduler, scheduler.state
        self._tasks = catalog.tasks
        self._executors = executors
        self._entering = entering
        self._seconds: dict[Kind, float] = {}

    @property
    def may_be_full(self) -> bool:
        """Whether so many tasks are known, or requests about to be, that a further one may have no room."""
        if self.max_queued is None:
            return False
        return len(self._state.nodes) + self._entering() >= self.max_queued

    def learn(self, outcomes: Sequence[Settled]) -> None:
        """Learn from the last of some outcomes how long tasks of its executor take."""
        outcome = outcomes[-1]
        if type(outcome) is Done and (described := self._tasks.get(outcome.task_id)) is not None:
            known = self._seconds.get(described.kind, outcome.seconds)
            self._seconds[described.kind] = known + WEIGHT * (outcome.seconds - known)

    def refusal(self, priority: int, awaited: Collection[Awaited], max_wait: float | None) -> Overloaded | None:
        """Return the error for a request that would be too many, or wait for too long.

        Args:
            priority: the request's.
            awaited: what its targets wait for.
            max_wait: seconds that it may wait; None for any.
        """
        queued = self.queued_before(priority)
        if self.max_queued is not None and queued >= self.max_queued:
            return self.overloaded(queued, {each.kind for each in awaited})
        if max_wait is not None:
            wait = max((self._wait(each, priority, queued) for each in awaited), default=0.0)
            if wait > max_wait:
                return Overloaded(queued, max(wait - max_wait, LEAST_RETRY_AFTER))
        return None

    def queued_before(self, priority: int) -> int:
        """Return how many tasks go before one of this priority that comes now."""
        return self._state.waiting_before(priority) + self._entering()

    def overloaded(self, queued: int, kinds: Iterable[Kind]) -> Overloaded:
        """Make the error for a request behind too many tasks."""
        if not self._seconds or self.max_queued is None:
            return Overloaded(queued, FIRST_RETRY_AFTER)
        excess = queued - self.max_queued + 1
        return Overloaded(queued, max([LEAST_RETRY_AFTER, *[self._per_task(kind) * excess for kind in kinds]]))

    def _wait(self, awaited: Awaited, priority: int, queued: int) -> float:
        """Return for how many seconds a task will probably wait behind so many; 0 if nothing is known."""
        kind, tags, spends = awaited
        slots, seconds = self._state.slots, self._seconds.get(kind, 0.0)
        waits = [self._per_task(kind) * self._ahead(kind, priority, queued)]
        waits += [
            seconds * min(slots.waiting_at(tag), queued) / slots.limits[tag] for tag in tags if tag in slots.limits
        ]
        waits += [slots.buckets.wait_behind(name, costs, min(slots.waiting_at(name), queued)) for name, costs in spends]
        return max(waits)

    def _per_task(self, kind: Kind) -> float:
        """Return the mean seconds between the ends of an executor's tasks while it is busy; 0 if unknown."""
        executor = self._executors.get(kind)
        return 0.0 if executor is None else self._seconds.get(kind, 0.0) / max(executor.places, 1)

    def _ahead(self, kind: Kind, priority: int, queued: int) -> int:
        """Return how many tasks go before one of an executor: all but those that wait for another executor."""
        others = (each for each in self._executors if each != kind)
        return queued - sum(self._scheduler.ready_before(other, priority) for other in others)
