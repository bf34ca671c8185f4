"""The ready queue of one executor: tasks that may start, in the order in which they should.

The more urgent priority goes first. Within one, fairness keys take turns, a task each; a key's tasks are first in,
first out. A key that comes anew is the last in the round: it has its turn after at most one task of each other key.

Nearly all tasks have priority 0 and no key. They are in ``plain``, and as long as there are no others, that alone is
asked: what is queued here is counted per task.

Rejected: a heap of (priority, number). It cannot be looked at in order without taking out what does not fit, and a
task that leaves costs a search or a rebuild. Fairness by time instead of by tasks: how long a task takes is known only
for classes that have run.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from alexflow.early_growth import EarlyGrowth


class Ranked(Protocol):
    """A task as this queue sees it; neither changes while it is here."""

    priority: int
    fairness_key: str


RankedT = TypeVar("RankedT", bound=Ranked)

#: Tasks of one priority, by fairness key in the order of their turns, and by id. Thousands may be dropped at once, so
#: none looks at the others, as each look for the first entry of a plain dict would.
Turns = OrderedDict[str, "OrderedDict[str, RankedT]"]


class ReadyQueue(Mapping[str, RankedT], Generic[RankedT]):
    """Tasks by their ids, iterated in the order in which they should begin.

    Attributes:
        plain: those of priority 0 without a fairness key.
        withdrawn: how many have been, ever.
    """

    __slots__ = ("_growth", "_others", "_turns", "plain", "withdrawn")

    def __init__(self) -> None:
        self.plain: OrderedDict[str, RankedT] = OrderedDict()
        self._turns: dict[int, Turns[RankedT]] = {0: OrderedDict({"": self.plain})}
        self._others = 0  # tasks that are not plain
        self.withdrawn = 0
        self._growth = EarlyGrowth(1)

    def grow_early(self) -> None:
        """Let it grow in another turn than other tables of the same tasks; called where tasks have come."""
        self._growth.look(self.plain)

    # -- looking

    def __len__(self) -> int:
        return len(self.plain) + self._others

    def __iter__(self) -> Iterator[str]:
        return self._in_order() if self._others else iter(self.plain)

    def __contains__(self, task_id: object) -> bool:
        return task_id in self.plain or (self._others > 0 and self._find(task_id) is not None)

    def __getitem__(self, task_id: str) -> RankedT:
        tasks = self.plain if task_id in self.plain else self._find(task_id)
        if tasks is None:
            raise KeyError(task_id)
        return tasks[task_id]

    def _find(self, task_id: object) -> OrderedDict[str, RankedT] | None:
        return next((tasks for turns in self._turns.values() for tasks in turns.values() if task_id in tasks), None)

    def _in_order(self) -> Iterator[str]:
        for priority in sorted(self._turns, reverse=True):
            round_of: Iterable[Iterator[str]] = map(iter, self._turns[priority].values())
            while round_of:
                next_round: list[Iterator[str]] = []
                for tasks in round_of:
                    task_id = next(tasks, None)
                    if task_id is not None:
                        next_round.append(tasks)
                        yield task_id
                round_of = next_round

    def count_from(self, priority: int) -> int:
        """Count the tasks of this priority and higher ones."""
        turns = (turns for each, turns in self._turns.items() if each >= priority)
        return sum(len(tasks) for one in turns for tasks in one.values())

    # -- tasks come and go

    def add(self, task_id: str, node: RankedT, *, first: bool = False) -> None:
        """Add a task behind all of its priority and key, or before them."""
        if node.priority or node.fairness_key:
            turns = self._turns.setdefault(node.priority, OrderedDict())
            tasks = turns.setdefault(node.fairness_key, OrderedDict())
            self._others += 1
        else:
            tasks = self.plain
        tasks[task_id] = node
        if first:
            tasks.move_to_end(task_id, last=False)
            self._turns[node.priority].move_to_end(node.fairness_key, last=False)

    def remove(self, task_id: str, node: RankedT) -> None:
        """Remove a task that does not begin now."""
        if node.priority or node.fairness_key:
            turns = self._turns[node.priority]
            tasks = turns[node.fairness_key]
            del tasks[task_id]
            self._others -= 1
            if not tasks:
                del turns[node.fairness_key]
                if not turns:
                    del self._turns[node.priority]
        else:
            del self.plain[task_id]

    def take(self, task_ids: Sequence[str], nodes: Sequence[RankedT]) -> None:
        """Remove tasks that begin: the key of each has had its turn."""
        if self._others:
            for task_id, node in zip(task_ids, nodes, strict=True):
                self._turns[node.priority].move_to_end(node.fairness_key)
                self.remove(task_id, node)
        else:  # as mostly; the same without the calls
            for task_id in task_ids:
                del self.plain[task_id]
