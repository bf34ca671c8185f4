"""1: SIGKILL of a worker mid-run costs only the task that it was running."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter

import pytest

from alexflow import Engine
from alexflow.events import TaskRetrying
from tests.faults.workflows import Held, KilledOnce, Number

pytestmark = pytest.mark.anyio


async def test_the_running_task_runs_again_and_those_queued_behind_it_move_without_penalty(place, log, tmp_path):
    attempts = str(tmp_path / "attempts")
    retried = []
    async with Engine(place, workers=2) as engine:
        # quick tasks, so that the class is known to be quick and many travel together
        quick = [KilledOnce(n, str(log), 1_000, attempts) for n in range(1_001, 1_400)]
        assert (await engine.run(quick)).ran == 399
        engine.broadcast.listen(lambda event: retried.append(event) if isinstance(event, TaskRetrying) else None)
        tasks = [KilledOnce(n, str(log), 500, attempts) for n in range(1_000)]
        log.write_text("")
        result = await engine.run(tasks)

        assert result.ran == 1_000
        assert [output.load() for output in result.output] == list(range(1_000))
        runs = Counter(int(line) for line in log.read_text().split())
        assert runs.pop(500) == 2
        assert set(runs) == set(range(1_000)) - {500}
        assert set(runs.values()) == {1}
        (death,) = retried
        assert death.task_id == tasks[500].task_id
        assert death.attempts == 1
        assert death.delay == 0
        assert "SIGKILL" in death.error
        assert "possibly out of memory" in death.error

        again = await engine.run([Number(n, str(log)) for n in range(100)])
        assert again.ran == 100


async def test_a_worker_killed_from_outside(place, log, fifo):
    told, gate = fifo("told"), fifo("gate")
    tasks = [Held(n, str(log), told.path, gate.path) for n in range(6)]
    async with Engine(place, workers=2) as engine:
        run = asyncio.create_task(engine.run(tasks))
        first, second = await told.receive(2)
        assert first != second
        os.kill(int(first), signal.SIGKILL)
        (third,) = await told.receive()
        assert third not in (first, second)
        gate.open_gate(6)
        result = await run
        assert result.ran == 6
        assert sorted(log.read_text().split()) == list("012345")  # nothing ran to its end twice
        assert len(told.received()) == 4  # 6 tasks, 7 attempts
        assert (await engine.run([Number(n) for n in range(100)])).ran == 100
