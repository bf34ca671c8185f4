"""Events of tasks that wait for a limit or a rate: looked for once a second at most, while there are listeners.

A task that gets its slot within a second is no news, and costs nothing here. Rejected: an event as soon as a task has
to wait, of which a request of 100,000 tasks with one limited tag would make 100,000 at once.

What a task waits for changes only with the scheduler's state, so once there are events of all, nothing looks until the
scheduler has handled an event. A timer that is set again for as long as tasks wait would look 20,000 tasks through each
second of a long wait. In virtual time, where the clock jumps from timer to timer, what never ends would go on for ever
instead of standing still.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import islice

from alexflow.engine.why import Obstacle, limits_of
from alexflow.events.engine_events import TaskWaiting, WaitsFor
from alexflow.scheduler.state import Node, State
from alexflow.scheduler.states import READY

#: Seconds between two looks; a task that waits at two in a row has waited for at least as long.
LOOK_EVERY = 1.0

#: Tasks of which there are events at once: those that were wanted first.
MOST_NAMED = 1_000

#: Tasks among which what holds limits is searched in one look, for all limits together: some 1 ms.
MOST_IN_A_LOOK = 4_000


class LongWaits:
    """Finds tasks that wait for long.

    Args:
        state: the scheduler's.
        emit: emits an event, if there are listeners.
        run_of: gives the id of the run for which a task counts.
        is_watched: whether there are listeners.
    """

    def __init__(
        self,
        state: State,
        emit: Callable[[TaskWaiting], None],
        run_of: Callable[[str], str],
        is_watched: Callable[[], bool],
    ):
        self._state = state
        self._emit, self._run_of, self._is_watched = emit, run_of, is_watched
        self._timer: asyncio.TimerHandle | None = None
        self._seen: dict[str, tuple[str, str] | None] = {}  # by task what an event has said, if there was one

    def watch(self) -> None:
        """Look after a second; to be called whenever tasks wait and the scheduler has handled events."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look)

    def _look(self) -> None:
        self._timer = None
        if not self._is_watched() or not self._state.slots.waiting:
            self._seen = {}
            return
        waiting = self._waiting()
        by_tags: dict[tuple[str, ...], Obstacle | None] = {}
        different = len({node.spec.tags for node in waiting if node.spec.task_id in self._seen})
        seen: dict[str, tuple[str, str] | None] = {}
        for node in waiting:
            task_id, tags = node.spec.task_id, node.spec.tags
            if task_id not in self._seen:
                seen[task_id] = None
                continue
            if tags not in by_tags:
                by_tags[tags] = next(limits_of(self._state, node, MOST_IN_A_LOOK // different), None)
            obstacle = by_tags[tags]
            seen[task_id] = self._seen[task_id] if obstacle is None else (obstacle.kind, obstacle.name)
            if obstacle is not None and self._seen[task_id] != seen[task_id]:
                kind: WaitsFor = "rate" if obstacle.kind == "rate" else "limit"
                event = TaskWaiting(task_id, kind, obstacle.name, obstacle.holders, run_id=self._run_of(task_id))
                self._emit(event)
        if seen.keys() - self._seen.keys():  # they are looked at twice
            self.watch()
        self._seen = seen

    def _waiting(self) -> list[Node]:
        return [node for node in islice(self._state.slots.waiters(), MOST_NAMED) if node.state == READY]
