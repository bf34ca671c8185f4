"""35: text that is not UTF-8 is told with backslashes, a text without end is cut, and neither costs anybody else."""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest

import alexflow
from alexflow import Engine, JSONOutput, Output, Task
from alexflow.errors import TaskFailed
from tests.faults.workflows import Number

pytestmark = pytest.mark.anyio

EXECUTORS = ("process", "thread", "loop")

HALF = "caf\udce9.csv"  # a name as os.listdir gives it

LIMIT = 64 * 1024


class Odd(str):
    """A text that is none: its own ``str()`` is another kind of text."""

    __slots__ = ()

    def __str__(self) -> str:
        return self


class Fails(Exception):
    def __init__(self, text: Any):
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return self.text  # type: ignore[no-any-return]


class Exits(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


def surrogate() -> None:
    raise ValueError(HALF)


def surrogate_in_a_note() -> None:
    error = ValueError("plain")
    error.add_note(HALF)
    raise error


def surrogate_in_the_context() -> None:
    try:
        surrogate()
    except ValueError:
        raise KeyError("second") from ValueError(HALF)


def surrogate_in_a_name() -> None:
    raise type("Named", (Exception,), {"__qualname__": HALF})("named")


def surrogate_in_a_path() -> None:
    exec(compile("1/0", HALF, "exec"), {})


def subclass_of_str() -> None:
    raise Fails(Odd("odd"))


def exits() -> None:
    raise Exits


def endless() -> None:
    raise ValueError("begins" + "x" * 50_000_000 + "ends")


def endless_lines() -> None:
    raise ValueError("begins" + "x\n" * 10_000_000 + "ends")


def endless_note() -> None:
    error = ValueError("begins and ends")
    error.add_note("x" * 50_000_000)
    raise error


#: What each raises, and what its message must be or begin and end with.
KINDS: dict[str, tuple[str, str]] = {
    "surrogate": ("caf\\udce9.csv", ""),
    "surrogate_in_a_note": ("plain", ""),
    "surrogate_in_the_context": ("'second'", ""),
    "surrogate_in_a_name": ("named", ""),
    "surrogate_in_a_path": ("division by zero", ""),
    "subclass_of_str": ("odd", ""),
    "exits": ("<its str() raised SystemExit>", ""),
    "endless": ("beginsxxx", "xxxends"),
    "endless_lines": ("beginsx\nx\n", "x\nends"),
    "endless_note": ("begins and ends", ""),
}


@dataclass(frozen=True)
class Raises(Task):
    kind: str

    def output(self) -> Output[Any]:
        return self.build_output(JSONOutput[Any], key="never.json")

    def run(self, input: None, output: Output[Any]) -> None:
        globals()[self.kind]()


@dataclass(frozen=True)
class RaisesOnLoop(Raises):
    async def run(self, input: None, output: Output[Any]) -> None:  # type: ignore[override]
        globals()[self.kind]()


@dataclass(frozen=True)
class Logs(Task):
    def output(self) -> Output[str]:
        return self.build_output(JSONOutput[str], key="done.json")

    def run(self, input: None, output: Output[str]) -> None:
        threading.current_thread().name = HALF
        logger = logging.getLogger("tests." + HALF)
        logger.warning("one %s", HALF, extra={"file": HALF, HALF: 1})
        logger.warning("two " + HALF)
        try:
            surrogate()
        except ValueError:
            logger.exception("three")
        logger.warning("four %s", "x" * 1_000_000)
        print(HALF)
        os.write(1, b"caf\xe9\n")
        output.store("done")


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("kind", KINDS)
async def test_an_exception(place, tmp_path, kind, executor):
    task = RaisesOnLoop(kind) if executor == "loop" else Raises(kind)
    default = "thread" if executor == "thread" else "process"
    async with Engine(place, workers=1, executor=default) as engine:
        result = await engine.run([task, *map(Number, range(3))], on_error="continue")
        assert (result.ran, result.failed) == (3, 1)
        (error,) = result.failures
        assert isinstance(error, TaskFailed)
        assert error.attempts == 1
        begin, end = KINDS[kind]
        assert error.error_message.startswith(begin)
        assert error.error_message.endswith(end)
        for text in (error.error_message, error.traceback, error.error_type, str(error), str(result.failures)):
            text.encode()
            assert len(text) < 4 * LIMIT
        assert (await engine.run(Number(99))).ran == 1
    record = await alexflow.aopen_record(place)
    first, *_ = sorted(record.runs(), key=lambda run: run.started)
    (attempt,) = first.attempts
    assert attempt.is_last
    assert attempt.error.encode()


async def test_what_is_logged_and_printed(place, caplog):
    async with Engine(place, workers=1, echo=False) as engine:
        printed = []
        engine.broadcast.listen(lambda event: printed.append(getattr(event, "stdout", "")))
        assert (await engine.run(Logs(), on_error="continue")).ran == 1
    records = [record for record in caplog.records if record.name.startswith("tests.caf")]
    one, two, three, four = records
    assert one.getMessage() == "one caf\\udce9.csv"
    assert (one.name, one.file, one.threadName) == ("tests.caf\\udce9.csv", "caf\\udce9.csv", "caf\\udce9.csv")
    assert vars(one)["caf\\udce9.csv"] == 1
    assert two.getMessage() == "two caf\\udce9.csv"
    assert "ValueError: caf\\udce9.csv" in logging.Formatter().format(three)
    assert len(four.getMessage()) < 2 * LIMIT
    assert "".join(printed) == "caf\\udce9.csv\ncaf\ufffd\n"


async def test_a_text_without_end_costs_the_engine_little(place):
    async with Engine(place, workers=1) as engine:
        await engine.run(Raises("surrogate"), on_error="continue")
        before = time.process_time()
        await engine.run(Raises("endless"), on_error="continue")
        assert time.process_time() - before < 0.1
