"""Long waits: found among those that wait, however many other tasks are wanted."""

from __future__ import annotations

import asyncio

import pytest

from alexflow.engine import long_waits
from alexflow.engine.long_waits import LongWaits
from alexflow.events import TaskWaiting
from alexflow.scheduler import Scheduler, TaskSpec
from alexflow.scheduler.events import Inspected, Resumed, RunRequested

MANY = 25_000


class Counting(dict[str, object]):
    """Counts the looks at all of its values."""

    looked_at = 0

    def values(self):  # type: ignore[no-untyped-def,override]
        for value in super().values():
            Counting.looked_at += 1
            yield value


def test_a_wait_behind_many_tasks_is_an_event_and_few_of_them_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_waits, "LOOK_EVERY", 0.01)
    scheduler = Scheduler({"db": 1})
    names = [f"t{number}" for number in range(MANY)] + ["first", "second"]
    specs = [TaskSpec(name, tags=("db",) if name in ("first", "second") else ()) for name in names]
    scheduler.handle(RunRequested(1, (), tuple(names)))
    scheduler.handle(Inspected(incomplete=tuple(names), specs=tuple(specs)))
    while not scheduler.state.slots.waiting:
        scheduler.handle(Resumed())
    assert [node.spec.task_id for node in scheduler.state.slots.waiters()] == ["second"]
    scheduler.state.nodes = Counting(scheduler.state.nodes)  # type: ignore[assignment]
    events: list[TaskWaiting] = []

    async def wait() -> None:
        there = asyncio.Event()

        def emit(event: TaskWaiting) -> None:
            events.append(event)
            there.set()

        LongWaits(scheduler.state, emit, lambda task_id: "run", lambda: not events).watch()
        await there.wait()

    asyncio.run(wait())
    assert [(event.task_id, event.waits_for, event.name) for event in events] == [("second", "limit", "db")]
    assert Counting.looked_at <= long_waits.MOST_IN_A_LOOK
