"""``Engine(carry=[…])``: chosen ContextVars of a request reach the tasks that run for it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any, ClassVar

import pytest

from alexflow import DynamicTask, Engine, JSONOutput, MemoryStorage, Output, Retry, RunFailed, Task, TaskOptions
from alexflow.errors import DefinitionError, ShippingError

pytestmark = pytest.mark.anyio

request_id: ContextVar[str] = ContextVar("request_id", default="nobody's")
tenant: ContextVar[Any] = ContextVar("tenant", default=None)
not_carried: ContextVar[str] = ContextVar("not_carried", default="nobody's")


def seen() -> list[Any]:
    return [request_id.get(), tenant.get(), not_carried.get()]


@dataclass(frozen=True)
class OnTheLoop(Task):
    n: int

    def output(self) -> JSONOutput[list[Any]]:
        return self.build_output(JSONOutput[list[Any]], key="seen.json")

    async def run(self, input: None, output: JSONOutput[list[Any]]) -> None:
        await asyncio.sleep(0)
        await output.astore(seen())


@dataclass(frozen=True)
class InAThread(OnTheLoop):
    options: ClassVar = TaskOptions(executor="thread")

    def run(self, input: None, output: JSONOutput[list[Any]]) -> None:  # type: ignore[override]
        output.store(seen())


@dataclass(frozen=True)
class InAWorker(OnTheLoop):
    above: Output[list[Any]] | None = None
    retry: ClassVar = Retry(1)

    def input(self) -> Output[list[Any]] | None:
        return self.above

    def run(self, input: Output[list[Any]] | None, output: JSONOutput[list[Any]]) -> None:  # type: ignore[override]
        output.store([*seen(), *(input.load() if input is not None else [])])


@dataclass(frozen=True)
class Generates(DynamicTask):
    n: int
    kind: type = field(default=OnTheLoop, compare=False)

    def output(self) -> JSONOutput[list[Any]]:
        return self.build_output(JSONOutput[list[Any]], key="seen.json")

    def generate(self, input: None, output: JSONOutput[list[Any]]) -> Iterable[Task]:
        output.store(seen())
        yield OnTheLoop(1000 + self.n)


KINDS = [OnTheLoop, InAThread, Generates, pytest.param(InAWorker, marks=pytest.mark.processes)]


async def ask(engine: Engine, output: Output[Any], name: str) -> Any:
    request_id.set(name)
    tenant.set({"name": name})
    not_carried.set(name)
    return await engine.load(output)


@pytest.mark.parametrize("kind", KINDS)
async def test_each_task_sees_the_values_of_the_request_for_which_it_runs(kind: Any, place: Any) -> None:
    async with Engine(place, carry=[request_id, tenant], workers=2) as engine:
        asked = [asyncio.create_task(ask(engine, kind(n).output(), f"request {n}")) for n in range(20)]
        values = await asyncio.gather(*asked)
        assert values == [[f"request {n}", {"name": f"request {n}"}, "nobody's"] for n in range(20)]
        assert await engine.load(kind(99).output()) == ["nobody's", None, "nobody's"]


@pytest.mark.processes
async def test_a_successor_that_is_sent_ahead_has_them_too(tmp_path: Path) -> None:
    async with Engine(tmp_path, carry=[request_id], workers=1) as engine:
        chain = [InAWorker(0)]
        for n in range(1, 30):
            chain.append(InAWorker(n, chain[-1].output()))
        request_id.set("mine")
        assert set((await engine.load(chain[-1].output()))[::3]) == {"mine"}


async def test_a_request_that_a_task_makes_has_the_values_of_the_task() -> None:
    from alexflow import current

    @dataclass(frozen=True)
    class Asks(OnTheLoop):
        async def run(self, input: None, output: JSONOutput[list[Any]]) -> None:
            await output.astore(await current.engine.load(OnTheLoop(1).output()))

    async with Engine(MemoryStorage(), carry=[request_id]) as engine:
        request_id.set("the outer one's")
        assert (await engine.load(Asks(0).output()))[0] == "the outer one's"


async def test_a_value_that_cannot_travel_is_refused_before_anything_starts() -> None:
    async with Engine(MemoryStorage(), carry=[request_id, tenant]) as engine:
        tenant.set(threading.Lock())
        with pytest.raises(DefinitionError, match=r"carry: the value of 'tenant' is <unlocked _thread.lock.*picklable"):
            await engine.run(OnTheLoop(1))
        tenant.set(None)
        assert (await engine.run(OnTheLoop(1))).ran == 1


class OnlyHere:
    """Can be pickled, and raises where it arrives."""

    def __reduce__(self) -> Any:
        return raises, ()


def raises() -> None:
    raise ValueError("not here")


@pytest.mark.processes
async def test_a_value_that_does_not_arrive_fails_the_task_by_name(tmp_path: Path) -> None:
    async with Engine(tmp_path, carry=[tenant], workers=1) as engine:
        tenant.set(OnlyHere())
        with pytest.raises(RunFailed) as failed:
            await engine.run(InAWorker(1))
    (error,) = failed.value.exceptions
    assert "test_carry:tenant cannot be set in a worker process: ValueError: not here" in str(error)
    assert ShippingError.__name__ in repr(error) or "carry:" in str(error)


@pytest.mark.parametrize(
    ("carry", "message"),
    [
        (request_id, "carry must be a list of ContextVars, such as .request_id., not <ContextVar"),
        (3, "carry must be a list of ContextVars"),
        (["request_id"], r"carry\[0\] must be a ContextVar, not 'request_id'"),
        ([request_id, ContextVar("of_nothing")], r"carry\[1\]: the ContextVar 'of_nothing' is in no module"),
    ],
)
def test_wrong_arguments_are_refused(carry: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        Engine(MemoryStorage(), carry=carry)


async def test_the_record_names_them(tmp_path: Path) -> None:
    from alexflow import open_record

    async with Engine(tmp_path, carry=[request_id]) as engine:
        await engine.run(OnTheLoop(1))
    (run,) = open_record(tmp_path).runs()
    assert run.options == {"carry": ["request_id"]}


SCRIPT = """
    from contextvars import ContextVar
    from dataclasses import dataclass

    import alexflow
    from alexflow import JSONOutput, Task

    request_id = ContextVar("request_id", default="nobody's")
    other = ContextVar("other", default="the default")


    def look():
        return [request_id.get(), other.get()]


    @dataclass(frozen=True)
    class Look(Task):
        n: int

        def output(self):
            return self.build_output(JSONOutput, key="seen.json")

        def run(self, input, output):
            output.store(look())


    if __name__ == "__main__":
        request_id.set("the script's")
        result = alexflow.run([Look(n) for n in range(3)], storage="results", carry=[request_id], progress=False)
        print([output.load() for output in result.output])
"""


@pytest.mark.processes
def test_variables_of_a_script_travel_with_its_code(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(dedent(SCRIPT))
    ran = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ran.stdout.strip() == repr([["the script's", "the default"]] * 3), ran.stderr
