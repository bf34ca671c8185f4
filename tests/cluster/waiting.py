"""Conditions that tests of agents wait for; each is made true by other processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from alexflow.cluster import AgentExecutor
from tests.cluster.workflows import attempts


async def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # another process makes it true
            await asyncio.sleep(0.01)


def are_at_work(executor: AgentExecutor, many: int) -> bool:
    """Whether agents have said of so many jobs that workers are at them: these are charged if the agent dies."""
    workers = [process for agent in executor.agents for process in agent.workers.values()]
    return sum(process.at_work > 0 for process in workers) == many


async def begun_in(place: Path, many: int) -> list[int]:
    """Wait until so many attempts have begun; return their processes."""

    def begun() -> list[int]:
        return [pid for number in range(8) for pid in attempts(place, number)]

    await until(lambda: len(begun()) >= many, 90.0)
    return begun()
