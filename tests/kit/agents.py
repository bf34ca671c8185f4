"""Agents for tests: real processes, started for an engine and ended with it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from alexflow.cluster import AgentExecutor
from alexflow.executors import Executor
from alexflow.executors.capacity import Demand
from alexflow.executors.settings import ExecutorSettings


def start_agent(
    executor: AgentExecutor, *options: str, places: int = 2, stderr: int | None = None, **variables: str
) -> subprocess.Popen[bytes]:
    """Start an agent of an executor whose engine is open."""
    command = [sys.executable, "-m", "alexflow", "agent", "--connect", executor.address, "--places", str(places)]
    environment = {**os.environ, "ALEXFLOW_AGENT_TOKEN": executor.token, **variables}
    return subprocess.Popen([*command, *options], env=environment, stdin=subprocess.DEVNULL, stderr=stderr)


@contextmanager
def agents(executor: AgentExecutor, *options: str, count: int = 1, places: int = 2) -> Iterator[list[subprocess.Popen]]:
    """Have agents for a while; they are ended at the end, if they have not ended by themselves."""
    started = [start_agent(executor, *options, places=places) for _ in range(count)]
    try:
        yield started
    finally:
        for agent in started:
            agent.kill()
            agent.wait()


class OneAgent(AgentExecutor):
    """Stands for the local pool in tests of workers: has one agent, a process of this machine, with as many places."""

    kind = AgentExecutor.kind

    def __init__(self, settings: ExecutorSettings):
        super().__init__()
        self.configure(settings)
        self._agent: asyncio.Future[subprocess.Popen[bytes]] | None = None

    @property
    def places(self) -> int:
        return self._settings.workers.count or 1

    def offer(self, task_ids: Sequence[str]) -> None:
        if self._agent is None:
            # what it says itself at its end is not what tests of tasks' output look at
            start = partial(start_agent, self, *self._limits(), places=self.places, stderr=subprocess.DEVNULL)
            self._agent = asyncio.get_running_loop().run_in_executor(None, start)  # Popen waits for exec
        super().offer(task_ids)

    def _demand(self, settings: ExecutorSettings) -> Demand | None:
        return settings.capacity  # the engine takes its tasks for those of the local pool

    def _limits(self) -> list[str]:
        """Return the parts that the engine would have for its local pool."""
        capacity = self._settings.capacity
        if capacity is None:
            return []
        given = {kind: capacity.supply.devices[kind] for kind in self._settings.devices}
        devices = [f"--devices={kind}={','.join(map(str, found))}" for kind, found in given.items()]
        return [f"--cpus={capacity.supply.cpus}", f"--threads={self._settings.workers.threads}", *devices]

    async def aclose(self) -> None:
        await super().aclose()
        if self._agent is not None:
            agent, self._agent = await self._agent, None
            await asyncio.to_thread(agent.wait, 20)


def make_agent_executor(settings: ExecutorSettings) -> Executor:
    """Make the executor that stands for the local pool."""
    return OneAgent(settings)
