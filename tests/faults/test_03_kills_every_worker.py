"""3: a task that kills every worker it meets fails as WorkerDied; what does not depend on it finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from alexflow import Engine, Retry
from alexflow.errors import RunFailed, WorkerDied
from alexflow.events import TaskGivenUp, TaskRetrying
from tests.faults.workflows import KillsItself, Number, Sum

pytestmark = pytest.mark.anyio


async def test_given_up_after_its_deaths(place):
    events = []
    async with Engine(
        place, workers=2, retry=Retry(7)
    ) as engine:  # retries are for errors; deaths have a limit of their own
        engine.broadcast.listen(events.append)
        killer = KillsItself(0)
        with pytest.raises(RunFailed) as caught:
            await engine.run(killer)
        (error,) = caught.value.exceptions
        assert isinstance(error, WorkerDied)
        assert error.task_id == killer.task_id
        assert error.exitcode == -signal.SIGKILL
        assert error.attempts == 4
        assert error.signal == signal.SIGKILL
        assert error.deaths == 4
        assert "was killed by SIGKILL; possibly out of memory; its peak memory was" in str(error)
        assert " (after 4 worker deaths)\n" in str(error)
        assert "KillsItself(n=0)" in str(error)
        assert sum(isinstance(event, TaskRetrying) for event in events) == 3
        assert sum(isinstance(event, TaskGivenUp) for event in events) == 1


async def test_independent_tasks_finish(place):
    async with Engine(place, workers=2) as engine:
        killer = KillsItself(1)
        dependent = Sum((killer.output(), Number(1).output()))
        result = await engine.run([dependent, *(Number(n) for n in range(100))], on_error="continue")
        assert (result.ran, result.failed, result.skipped, result.ok) == (100, 1, 1, False)
        assert result.failures[0].task_id == killer.task_id
        assert result.skipped_tasks == (dependent.task_id,)


@pytest.mark.parametrize("how", ["run", "main"])
def test_a_script_ends_with_1(place, how):
    imports = "import alexflow; from tests.faults.workflows import KillsItself"
    script = f"{imports}; alexflow.{how}(KillsItself(0), storage={place!r})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "after 4 worker deaths" in done.stderr
