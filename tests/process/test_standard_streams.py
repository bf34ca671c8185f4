"""Output of tasks does not touch the protocol; it belongs to the task that printed it."""

from __future__ import annotations

import signal

import pytest

import alexflow
from alexflow import Engine
from alexflow.errors import RunFailed, TaskFailed, TaskTimeout, WorkerDied
from alexflow.events import TaskPrinted, TaskSucceeded
from tests.process.workflows import Chained, Loud, Value, says

pytestmark = pytest.mark.anyio


async def printed_by(place, *tasks, on_error="stop", **options):
    """Return the output of the tasks, by task, and the result."""
    printed: dict[str, tuple[str, str]] = {}

    def hear(event):
        if isinstance(event, TaskPrinted):
            assert event.task_id not in printed
            printed[event.task_id] = (event.stdout, event.stderr)

    async with Engine(place, **options) as engine:
        engine.broadcast.listen(hear)
        result = await engine.run(list(tasks), on_error=on_error)
    return printed, result


async def test_all_ways_to_print(place, capfd):
    task = says(0, "print", "raw", "child", "error", "raw error", "buffer", "from C")
    printed, _ = await printed_by(place, task)
    assert printed == {
        task.task_id: ("print 0\nraw 0\nchild 0\nbuffer 0\nfrom C 0\n", "error 0\nraw error 0\n"),
    }
    assert capfd.readouterr() == ("", "")  # an engine is a guest


@pytest.mark.parametrize("way", ["print", "raw", "no newline", "error"])
async def test_each_task_of_a_batch_has_its_own(way, place):
    tasks = [says(n, way) for n in range(300)]
    printed, _ = await printed_by(place, *tasks, workers=2)
    assert printed == {
        task.task_id: ("", f"{way} {task.n}\n")
        if way == "error"
        else (f"{way} {task.n}" + "\n" * (way != "no newline"), "")
        for task in tasks
    }


async def test_silent_tasks_among_those_that_print(place):
    tasks = [says(n, "raw") if n % 7 == 0 else Value(n) for n in range(500)]
    printed, _ = await printed_by(place, *tasks, workers=2)
    assert printed == {task.task_id: (f"raw {task.n}\n", "") for task in tasks[::7]}


async def test_told_before_the_end(place):
    events = []
    async with Engine(place) as engine:
        engine.broadcast.listen(events.append)
        await engine.run(says(1, "child"))
    kinds = [type(event) for event in events]
    assert kinds.index(TaskPrinted) < kinds.index(TaskSucceeded)


async def test_links_that_are_sent_ahead(place):
    link = None
    links = []
    for n in range(50):
        link = Chained(n, link.output() if link else None, says=True)
        links.append(link)
    printed, _ = await printed_by(place, link)
    assert printed == {link.task_id: (f"link {link.n}\n", "") for link in links}


async def test_a_failure_has_what_was_printed(place):
    with pytest.raises(RunFailed) as caught:
        await printed_by(place, says(3, "print", "error", "raise"))
    (error,) = caught.value.exceptions
    assert isinstance(error, TaskFailed)
    assert (error.stdout, error.stderr) == ("print 3\n", "error 3\n")
    assert str(error).endswith("\n  stdout:\n    print 3\n  stderr:\n    error 3")


async def test_only_the_end_is_in_the_text_of_an_error(place):
    with pytest.raises(RunFailed) as caught:
        await printed_by(place, says(3, *["raw"] * 30, "raise"))
    assert str(caught.value.exceptions[0]).endswith("\n  the last 10 lines of stdout:" + "\n    raw 3" * 10)


@pytest.mark.parametrize(
    ("how", "kind"), [("kill", WorkerDied), ("exit", WorkerDied), ("hang", TaskTimeout)], ids=lambda value: str(value)
)
async def test_last_words(how, kind, place):
    task = says(3, "raw", "print", "child", how)
    with pytest.raises(RunFailed) as caught:
        await printed_by(place, task, timeout=0.5 if how == "hang" else None)
    (error,) = caught.value.exceptions
    assert isinstance(error, kind)
    assert error.stdout == "raw 3\nprint 3\nchild 3\n"
    if how == "kill":
        assert error.exitcode == -signal.SIGKILL


async def test_streams_that_a_task_closes_are_there_for_the_next(place):
    tasks = [says(0, "print", "close", "print"), *(says(n, "print") for n in range(1, 20))]
    printed, result = await printed_by(place, *tasks, workers=1, on_error="continue")
    assert [failure.task_id for failure in result.failures] == [tasks[0].task_id]
    assert printed == {task.task_id: (f"print {task.n}\n", "") for task in tasks}


async def test_what_cannot_be_encoded_or_decoded(place):
    task = says(0, "surrogate", "bytes")
    printed, _ = await printed_by(place, task)
    assert printed[task.task_id][0] == "\\ud800\n\ufffd\n"


async def test_a_flood(place, capfd):
    tasks = [Loud(n, size=5_000_000, value="intact") for n in range(4)]
    printed, result = await printed_by(place, *tasks, workers=2, echo=True)
    assert [output.load()[1] for output in result.output] == ["intact"] * 4
    out, err = capfd.readouterr()
    assert out.count("x" * 999 + "\n") == 20_000
    assert out.count("raw\n") == 4
    assert out.count("child\n") == 4
    assert sorted(err.splitlines()) == ["printed"] * 4 + ["raw"] * 4  # two workers at once
    for stdout, stderr in printed.values():
        assert len(stdout) < 40_000
        assert "\n… 4,967,242 bytes left out …\n" in stdout
        assert stdout.endswith("raw\nchild\n")
        assert stderr == "raw\nprinted\n"


def test_run_shows_what_tasks_print(place, capsys):
    alexflow.run([says(1, "print", "error")], storage=place)
    assert capsys.readouterr() == ("print 1\n", "error 1\n")
    alexflow.run([says(2, "print")], storage=place, echo=False)
    assert capsys.readouterr() == ("", "")
