"""Records that a task logs in a worker process arrive in the logging of the engine's process."""

from __future__ import annotations

import datetime
import logging
import os
import threading
from dataclasses import dataclass

import pytest

from alexflow import Engine, Task, TaskOptions
from alexflow.errors import RunFailed
from tests.process.workflows import logs

pytestmark = pytest.mark.anyio


async def run(place, *tasks, **options):
    async with Engine(place, workers=1) as engine:
        return await engine.run(list(tasks), **options)


def records_of(caplog, name="tests.logs"):
    return [record for record in caplog.records if record.name == name]


async def test_a_record(place, caplog):
    caplog.set_level(logging.INFO)
    task = logs(0, "info")
    await run(place, task)
    (record,) = records_of(caplog)
    assert (record.levelname, record.getMessage(), record.task_id) == ("INFO", "info 0", task.task_id)
    assert record.process != os.getpid()
    assert record.filename == "workflows.py"
    assert record.funcName == "run"


async def test_levels_are_those_of_the_engine(place, caplog):
    caplog.set_level(logging.WARNING)
    caplog.set_level(logging.DEBUG, logger="tests.logs.chatty")
    await run(place, logs(0, "info", "warning"), logs(1, "debug", name="tests.logs.chatty"))
    assert [record.getMessage() for record in records_of(caplog)] == ["warning 0"]
    assert [record.getMessage() for record in records_of(caplog, "tests.logs.chatty")] == ["debug 1"]


async def test_exceptions_come_as_text(place, caplog):
    await run(place, logs(0, "exception"))
    (record,) = records_of(caplog)
    assert record.exc_info is None
    assert "ZeroDivisionError" in logging.Formatter().format(record)


async def test_records_come_before_the_failure(place, caplog):
    seen = []
    async with Engine(place, workers=1) as engine:
        engine.broadcast.listen(
            lambda event: seen.append(len(records_of(caplog))) if type(event).__name__ == "TaskGivenUp" else None
        )
        with pytest.raises(RunFailed):
            await engine.run(logs(0, "warning", "error", "raise"))
    assert seen == [2]


async def test_a_task_that_configures_logging_is_not_heard_twice(place, caplog, capfd):
    await run(place, logs(0, "basicConfig", "warning"))
    assert [record.getMessage() for record in records_of(caplog)] == ["warning 0"]
    caplog.clear()
    async with Engine(place, workers=1, echo=True) as engine:
        await engine.run(logs(1, "own handlers", "warning"))
    assert records_of(caplog) == []
    assert "warning 1" in capfd.readouterr().err


async def test_a_flood_is_bounded(place, caplog):
    task = logs(0, *["warning"] * 5_000)
    await run(place, task)
    kept = len(records_of(caplog))
    assert 1_000 <= kept < 5_000
    left_out = [record for record in caplog.records if "were left out" in record.getMessage()]
    assert sum(int(record.getMessage().split()[-5]) for record in left_out) == 5_000 - kept


async def test_a_fork_does_not_use_the_channel(place, caplog):
    task = logs(0, "warning", "warning in a fork", "warning")
    await run(place, task)
    assert [record.getMessage() for record in records_of(caplog)] == ["warning 0"] * 2


async def test_a_message_that_cannot_be_formatted_says_so(place, caplog):
    result = await run(place, logs(0, "wrong arguments", "warning"), LogsBroken(), on_error="continue")
    assert result.ok
    first, second, *broken, last = [record.getMessage() for record in records_of(caplog)]
    assert first.startswith("'%d' with ('no number',) cannot be formatted: it raised TypeError: ")
    assert second == "warning 0"
    assert len(broken) == 3
    assert "'ordinary %s' with" in broken[0]
    assert broken[0].endswith("cannot be formatted: it raised ValueError: no text")
    assert broken[1].endswith("cannot be formatted: it raised SystemExit: 3")
    assert broken[2].endswith("cannot be formatted: it raised SystemExit: 3")
    assert last == "exception"
    assert records_of(caplog)[-1].exc_text == "its traceback cannot be shown: SystemExit: 3"


async def test_arguments_and_extra_arrive(place, caplog):
    await run(place, LogsValues("process"), on_error="continue")
    _look_at(caplog)


async def test_records_of_threads_and_the_loop_are_alike(place, caplog):
    await run(place, LogsValues("thread"), LogsOnLoop("loop"))
    for record in records_of(caplog):
        assert record.task_id in (LogsValues("thread").task_id, LogsOnLoop("loop").task_id, "own")
    caplog.records[:] = [record for record in records_of(caplog) if record.how == "thread"]
    assert len(caplog.records) == 5
    logging.getLogger("tests.logs").error("no task")
    assert not hasattr(records_of(caplog)[-1], "task_id")


def _look_at(caplog):
    first, second, third, fourth, fifth = records_of(caplog)
    assert first.msg == "%s is %d of %r"
    assert first.args[:2] == ("this", 1)
    assert first.getMessage() == "this is 1 of {'a': [1]}"
    assert (first.customer, first.when, first.how) == ({"id": 7}, datetime.date(2026, 1, 1), "process")
    assert second.getMessage() == "by name"
    assert second.args == {"what": "name"}
    assert type(third.held) is str
    assert "_thread.lock" in third.held
    assert "_thread.lock" in third.getMessage()
    assert fourth.getMessage() == "7 of a hostile one"
    assert type(fourth.hostile) is str
    assert (fifth.task_id, fifth.getMessage()) == ("own", "fifth")


class UnshownError(Exception):
    """Has no traceback."""

    @property
    def __cause__(self):
        raise SystemExit(3)


class Textless:
    """Has no text."""

    def __init__(self, error):
        self.error = error

    def __str__(self):
        raise self.error


class Hostile:
    """Cannot be pickled, shown, or made into text, but for a number."""

    def __reduce__(self):
        raise SystemExit(3)

    def __repr__(self):
        raise SystemExit(3)

    def __int__(self):
        return 7

    __index__ = __int__


def log_values(how):
    logger = logging.getLogger("tests.logs")
    extra = {"how": how}
    logger.error("%s is %d of %r", "this", 1, {"a": [1]}, extra=extra | {"customer": {"id": 7}, "when": DAY})
    logger.error("by %(what)s", {"what": "name"}, extra=extra)
    logger.error("held %s", threading.Lock(), extra=extra | {"held": threading.Lock()})
    logger.error("%d of a hostile one", Hostile(), extra=extra | {"hostile": Hostile()})
    logger.error("fifth", extra=extra | {"task_id": "own"})


DAY = datetime.date(2026, 1, 1)


@dataclass(frozen=True)
class LogsValues(Task):
    how: str

    @property
    def options(self):
        return TaskOptions(executor=None if self.how == "loop" else self.how)

    def run(self, input, output):
        log_values(self.how)


@dataclass(frozen=True)
class LogsOnLoop(Task):
    how: str

    async def run(self, input, output):
        log_values(self.how)


@dataclass(frozen=True)
class LogsBroken(Task):
    def run(self, input, output):
        logger = logging.getLogger("tests.logs")
        logger.error("ordinary %s", Textless(ValueError("no text")))
        logger.error("exit %(what)s", {"what": Textless(SystemExit(3))})
        logger.error(Textless(SystemExit(3)))
        logger.error("exception", exc_info=UnshownError())
