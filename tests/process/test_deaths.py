"""Whatever a task does to its process, others do not notice."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from dataclasses import dataclass

import pytest

from alexflow import Engine, LocalStorage
from alexflow.errors import RunFailed, TaskFailed, WorkerDied
from alexflow.events import TaskRetrying
from alexflow.executors.process.fork_servers import start_fork_server
from alexflow.executors.process.worker_process import WorkerProcess
from alexflow.executors.process.worker_state import WorkerState
from alexflow.storage.staged import Staged
from tests.process.workflows import Ends, Value

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("how", "said", "exitcode"),
    [
        ("os._exit(0)", "exited with code 0", 0),
        ("os._exit(7)", "exited with code 7", 7),
        ("abort", "was killed by SIGABRT", -signal.SIGABRT),
        ("segfault", "was killed by SIGSEGV", -signal.SIGSEGV),
        ("close all descriptors", "closed its connection to the engine, and was ended", -signal.SIGKILL),
        ("another program", "closed its connection to the engine, and was ended", -signal.SIGKILL),
        ("SIGKILL", "was killed by SIGKILL; possibly out of memory", -signal.SIGKILL),
    ],
)
async def test_a_process_that_ends(place, how, said, exitcode):
    async with Engine(place, workers=2) as engine:
        tasks = [Value(n) for n in range(60)]
        ends = Ends(0, how=how)
        result = await engine.run([*tasks[:30], ends, *tasks[30:]], on_error="continue")
        assert (result.ran, result.failed) == (60, 1)
        (error,) = result.failures
        assert isinstance(error, WorkerDied)
        assert (error.task_id, error.exitcode, error.attempts) == (ends.task_id, exitcode, 4)
        assert said in error.message
        assert (await engine.run([Value(n) for n in range(60, 100)])).ran == 40


@dataclass(frozen=True, init=False)
class KillsAfterPublishing(LocalStorage):
    """The process that publishes first is killed before it can do anything else."""

    def publish(self, staged: Staged, *, replace: bool = False) -> bool:
        published = super().publish(staged, replace=replace)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(f"{self.base_path}-killed", os.O_CREAT | os.O_EXCL))
            os.kill(os.getpid(), signal.SIGKILL)
        return published


@pytest.mark.parametrize("replace", [False, True])
async def test_a_task_that_was_published_when_its_worker_died_is_done(place, tmp_path, replace):
    storage = await asyncio.to_thread(KillsAfterPublishing, place)
    attempts: list[object] = []
    async with Engine(storage, workers=1) as engine:
        engine.broadcast.listen(lambda event: attempts.append(event) if isinstance(event, TaskRetrying) else None)
        assert (await engine.run(Value(1), force=replace)).ran == 1
    assert (tmp_path / "results-killed").exists()
    assert len(attempts) == (1 if replace else 0)  # an output that is to be replaced says nothing


async def test_nothing_is_left_of_workers_that_died(place):
    """Not even until Python looks for circles, which it does seldom."""
    gc.collect()
    gc.disable()
    try:
        async with Engine(place, workers=2) as engine:
            result = await engine.run([Ends(n, how="os._exit(7)") for n in range(4)], on_error="continue")
            assert result.failed == 4  # 16 deaths
            assert (await engine.run([Value(n) for n in range(4)])).ran == 4
            assert sum(isinstance(thing, WorkerState) for thing in gc.get_objects()) <= 2
    finally:
        gc.enable()


async def test_a_worker_that_is_killed_before_it_has_a_group(place):
    fork_server = start_fork_server(sys.executable)
    try:
        for _ in range(20):
            worker = WorkerProcess(fork_server.fork, lambda messages: None, lambda: None)
            await worker._pending_worker.settled.wait()
            worker.kill()  # as soon as its number is known
            await asyncio.wait_for(worker.wait_and_reap(), timeout=30)
    finally:
        await fork_server.aclose()


@pytest.mark.parametrize(
    ("how", "error_type", "message"),
    [
        ("sys.exit()", "SystemExit", ""),
        ("sys.exit(3)", "SystemExit", "3"),
        ("sys.exit('text')", "SystemExit", "text"),
        ("KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("read stdin", "EOFError", "EOF when reading a line"),
    ],
)
async def test_a_task_that_only_wants_to_end(place, how, error_type, message):
    async with Engine(place, workers=1) as engine:
        before, _ = (await engine.run(Value(0))).output.load()
        with pytest.raises(RunFailed) as caught:
            await engine.run(Ends(0, how=how))
        (error,) = caught.value.exceptions
        assert type(error) is TaskFailed
        assert (error.error_type, error.error_message) == (error_type, message)
        after, _ = (await engine.run(Value(1))).output.load()
        assert before == after  # its process lives on
