"""The screen after ``alexflow.run`` failed in a script, and the events before it."""

import subprocess
import sys
import traceback
from pathlib import Path

import pytest

import alexflow
from alexflow import Engine, MemoryStorage
from alexflow.errors import RunFailed, TaskFailed
from alexflow.events import EngineEvent, InputsVanished, TaskStarted, TaskSucceeded
from tests.progress.shown_tasks import Breaks, BreaksElsewhere, Number, Several

OWN = str(Path(alexflow.__file__).parent)


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(Breaks(n=3), id="loop"),
        pytest.param(BreaksElsewhere(n=3), id="process", marks=pytest.mark.processes),
    ],
)
def test_no_frames_of_ours_but_the_call(task: Breaks, tmp_path: Path) -> None:
    with pytest.raises(RunFailed) as raised:
        alexflow.run(task, storage=tmp_path)
    text = "".join(traceback.format_exception(raised.value))
    assert text.count(OWN) == 1  # run() itself
    assert text.count("in read_part") == 1
    assert "Breaks" in text
    assert "n=3" in text


def test_the_original_exception_is_at_hand() -> None:
    with pytest.raises(RunFailed) as raised:
        alexflow.run(Breaks(n=3), storage=MemoryStorage())
    (failure,) = raised.value.exceptions
    assert isinstance(failure, TaskFailed)
    assert isinstance(failure.__cause__, ValueError)


@pytest.mark.processes
def test_a_script(tmp_path: Path) -> None:
    code = (
        "import alexflow; from tests.progress.shown_tasks import BreaksElsewhere\n"
        f"alexflow.run([BreaksElsewhere(n=n) for n in range(2)], storage={str(tmp_path)!r}, on_error='continue')"
        ".raise_for_failures()"
    )
    script = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert script.returncode == 1
    assert "RunFailed: 2 tasks failed" in script.stderr
    assert "asyncio" not in script.stderr
    assert "cannot read part 1" in script.stderr


@pytest.mark.anyio
async def test_dynamic_tasks_emit_events_when_they_start_and_end() -> None:
    events: list[EngineEvent] = []
    async with Engine(MemoryStorage()) as engine:
        engine.broadcast.listen(events.append)
        task = Several(source=Number(n=2).output())
        await engine.run(task)
    assert sum(isinstance(event, TaskStarted) and event.task_id == task.task_id for event in events) == 1
    assert sum(isinstance(event, TaskSucceeded) and event.task_id == task.task_id for event in events) == 1


@pytest.mark.anyio
async def test_a_dynamic_task_whose_input_vanishes_gets_it_again() -> None:
    storage = MemoryStorage()
    events: list[EngineEvent] = []
    number = Number(n=2)
    task = Several(source=number.output())

    def lose_input_once(event: EngineEvent) -> None:
        events.append(event)
        started = [each for each in events if isinstance(each, TaskStarted) and each.task_id == task.task_id]
        if started == [event]:
            storage.remove_many([number.output().key])

    async with Engine(storage) as engine:
        engine.broadcast.listen(lose_input_once)
        result = await engine.run(task)
    assert result.ok
    assert sum(isinstance(event, InputsVanished) for event in events) == 1
