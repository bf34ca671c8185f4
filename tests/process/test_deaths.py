"""Whatever a task does to its process, others do not notice."""

from __future__ import annotations

import signal

import pytest

from alexflow import Engine
from alexflow.errors import RunFailed, TaskFailed, WorkerDied
from tests.process.workflows import Ends, Value

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("how", "said", "exitcode"),
    [
        ("os._exit(0)", "exited with code 0", 0),
        ("os._exit(7)", "exited with code 7", 7),
        ("abort", "was killed by SIGABRT", -signal.SIGABRT),
        ("segfault", "was killed by SIGSEGV", -signal.SIGSEGV),
        ("close all descriptors", "was killed by SIGKILL", -signal.SIGKILL),
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
