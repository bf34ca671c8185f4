"""Waiting for another engine is reported once a task has been held for long, and not because many were, one by one."""

from __future__ import annotations

import asyncio
from typing import Any

from alexflow.engine.peer_waits import PeerWaits
from alexflow.storage.leases import Holder

HOLDER = Holder("other", 7, 0.0)


class Held:
    """Leases of which all are held by one engine."""

    async def holders(self, wanted: Any) -> list[Holder]:
        return [HOLDER]


def reported(*looks: tuple[float, set[str]]) -> list[int]:
    """Return the numbers of tasks that are reported, for looks at certain times at tasks that are held then."""
    found: list[int] = []
    now = 0.0
    waits = PeerWaits(lambda tasks, _: found.append(tasks), clock=lambda: now)
    leases: Any = Held()
    for at, tasks in looks:
        now = at
        asyncio.run(waits.look(leases, dict.fromkeys(tasks, ()), is_at_work=False))
    return found


def test_many_short_waits_one_after_the_other_are_silent() -> None:
    assert reported(*((number / 10, {f"task {number}"}) for number in range(50))) == []


def test_a_long_wait_is_reported_once() -> None:
    assert reported(*((number / 10, {"long", f"task {number}"}) for number in range(50))) == [1]


def test_another_long_wait_is_reported_as_well() -> None:
    assert reported((0.0, {"a"}), (2.0, {"a"}), (2.1, set()), (3.0, {"b"}), (3.5, {"b"}), (4.1, {"b"})) == [1, 1]
