"""``RecordedFirst``: on remote storages, what tasks are made from is stored before the scheduler hears of them.

On a disk it is written when tasks are handed to an executor. There that would be a request for each batch that becomes
ready, with all tasks waiting for it. So it is stored for all that an inspection has found to be missing, which itself
takes requests: few, however many tasks there are. The first tasks of a large inspection do not wait for the others.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from alexflow.graph import Described, Subjects
from alexflow.scheduler.events import Event, Inspected

#: Tasks for which the first part of a large inspection is stored.
FIRST_TASKS = 1_000

#: How many more there are in each next one than in all before it.
GROWTH = 4


class RecordedFirst:
    """Holds the parts of the answer to an inspection until they are recorded.

    Args:
        plan: notes what tasks are made from, and gives how many were not noted before.
        store: stores what is noted, if a task can start from now on.
        turn: takes them then, in order.
    """

    def __init__(
        self,
        plan: Callable[[Sequence[Described]], int],
        store: Callable[[bool], Awaitable[None]],
        turn: Callable[[Event, Subjects], Awaitable[None]],
    ):
        self._plan = plan
        self._store = store
        self._turn = turn
        self._held: list[tuple[Event, Subjects]] = []
        self._new = self._before = 0  # tasks that are held, and that were
        self._can_start = False

    async def take(self, event: Event, subjects: Subjects) -> None:
        """Take the next part."""
        if type(event) is Inspected and (event.present or event.complete):
            self._can_start = True
        self._held.append((event, subjects))
        if subjects.described:
            described = list(subjects.described.values())
            self._new += self._plan(described)
            self._can_start = self._can_start or not all(each.inputs for each in described)
        if self._new >= max(FIRST_TASKS, GROWTH * self._before) or not self._new:
            await self.pass_on()

    async def pass_on(self) -> None:
        """Pass on what is held, once it is recorded."""
        await self._store(self._can_start)
        self._before, self._new = self._before + self._new, 0
        held, self._held = self._held, []
        for event, subjects in held:
            await self._turn(event, subjects)
