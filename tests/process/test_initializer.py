"""``Workers(initializer=…)``: called once in each new worker, before its first task."""

from __future__ import annotations

import decimal
import os
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, Recycle, Retry, RunFailed, Task, Workers
from alexflow.errors import DefinitionError, HookError, ShippingError

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


@dataclass(frozen=True)
class Seen(Task):
    n: int

    def output(self) -> JSONOutput[Any]:
        return self.build_output(JSONOutput, key="seen.json")

    def run(self, input: None, output: JSONOutput[Any]) -> None:
        seen = [os.getpid(), decimal.getcontext().prec, os.environ.get("INITIALIZED"), warnings.filters[0][0]]
        output.store(seen)


def initialize() -> None:
    decimal.getcontext().prec = 5
    os.environ["INITIALIZED"] = str(int(os.environ.get("INITIALIZED", 0)) + 1)
    warnings.simplefilter("error")


async def values(engine: Engine, count: int) -> list[list[Any]]:
    return [await engine.load(Seen(n).output()) for n in range(count)]


async def test_each_new_worker_calls_it_once_before_its_first_task(tmp_path: Path) -> None:
    workers = Workers(1, initializer=initialize, recycle=Recycle(tasks=3))
    async with Engine(tmp_path, workers=workers) as engine:
        seen = await values(engine, 8)
    assert len({pid for pid, *_ in seen}) == 3
    assert {tuple(rest) for _, *rest in seen} == {(5, "1", "error")}


async def test_one_that_has_no_name_travels_by_value(tmp_path: Path) -> None:
    value = "by value"

    def local() -> None:
        os.environ["INITIALIZED"] = value

    async with Engine(tmp_path, workers=Workers(1, initializer=local)) as engine:
        assert (await values(engine, 1))[0][2] == "by value"


def fails() -> None:
    raise ValueError("no such device")


def leaves() -> None:
    raise SystemExit(3)


@pytest.mark.parametrize(("function", "text"), [(fails, "ValueError: no such device"), (leaves, "SystemExit: 3")])
async def test_what_it_raises_fails_tasks_with_its_name(function: Any, text: str, tmp_path: Path) -> None:
    async with Engine(tmp_path, workers=Workers(2, initializer=function), retry=Retry(5)) as engine:
        with pytest.raises(RunFailed) as failed:
            await engine.run([Seen(n) for n in range(20)], on_error="stop")
        result = await engine.run([Seen(n) for n in range(20)], on_error="continue")
    assert len(result.failures) == 20
    error = failed.value.exceptions[0]
    assert f"Workers.initializer tests.process.test_initializer.{function.__name__} raised {text}" in str(error)
    assert error.attempts == 1
    assert isinstance(error.__cause__, HookError)


def dies() -> None:
    os._exit(7)


async def test_one_that_ends_the_process_is_not_tried_for_ever(tmp_path: Path) -> None:
    async with Engine(tmp_path, workers=Workers(2, initializer=dies)) as engine:
        result = await engine.run([Seen(n) for n in range(20)], on_error="continue")
    assert len(result.failures) == 20
    assert "fail to start" in str(result.failures[0])
    assert "initializer" in str(result.failures[0])


async def test_one_that_cannot_travel_fails_tasks(tmp_path: Path) -> None:
    import threading

    lock = threading.Lock()

    def holds() -> None:
        lock.acquire()

    async with Engine(tmp_path, workers=Workers(1, initializer=holds)) as engine:
        with pytest.raises(RunFailed) as failed:
            await engine.run(Seen(1))
    assert isinstance(failed.value.exceptions[0].__cause__, ShippingError)
    assert "holds" in str(failed.value.exceptions[0])


@pytest.mark.parametrize("wrong", [3, "module.f", partial(initialize), print])
def test_it_is_a_function(wrong: Any) -> None:
    with pytest.raises(DefinitionError, match=r"Workers\.initializer must be a function"):
        Workers(initializer=wrong)
