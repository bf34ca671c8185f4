"""Requests with priorities and fairness keys, in an open engine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from alexflow import Engine, JSONOutput, Task, TaskOptions
from alexflow.errors import DefinitionError
from alexflow.limits import Queue
from tests.kit.fifo import Fifo, send_line, send_line_and_wait
from tests.kit.turns import some_turns

pytestmark = pytest.mark.anyio

BEGUN: list[str] = []


@dataclass(frozen=True)
class Step(Task):
    """Notes that it has begun, and goes on when the gate is open."""

    name: str
    tags: ClassVar[Any] = frozenset()
    gate: ClassVar[asyncio.Event]

    def output(self) -> JSONOutput[str]:
        return self.build_output(JSONOutput, key="step.json")

    async def run(self, input: None, output: JSONOutput[str]) -> None:
        BEGUN.append(self.name)
        await self.gate.wait()
        await output.astore(self.name)


@dataclass(frozen=True)
class Urgent(Step):
    options = TaskOptions(priority=3)


@pytest.fixture(autouse=True)
def closed_gate() -> None:
    BEGUN.clear()
    Step.gate = asyncio.Event()


async def ask(engine: Engine, names: str, cls: type[Step] = Step, **options: Any) -> asyncio.Task[Any]:
    request = asyncio.create_task(engine.run([cls(name) for name in names.split()], **options))
    await some_turns()
    return request


async def begun_in_order(engine: Engine, *requests: asyncio.Task[Any]) -> str:
    Step.gate.set()
    await asyncio.gather(*requests)
    return " ".join(BEGUN)


async def test_the_more_urgent_request_goes_first(tmp_path: Path) -> None:
    async with Engine(tmp_path, max_concurrency=1) as engine:
        bulk = await ask(engine, "a b c", priority=-10)
        usual = await ask(engine, "d")
        first = await ask(engine, "e", Urgent)
        assert await begun_in_order(engine, bulk, usual, first) == "a e d b c"


async def test_tenants_take_turns(tmp_path: Path) -> None:
    async with Engine(tmp_path, max_concurrency=1) as engine:
        many = await ask(engine, "a b c d", fairness_key="many")
        one = await ask(engine, "x", fairness_key="one")
        order = await begun_in_order(engine, many, one)
        assert order.split().index("x") <= 2


async def test_a_task_in_the_queue_is_raised_by_a_load(tmp_path: Path) -> None:
    async with Engine(tmp_path, max_concurrency=1) as engine:
        bulk = await ask(engine, "a b c d", priority=-10)
        load = asyncio.create_task(engine.load(Step("d").output(), priority=1))
        await some_turns()
        assert await begun_in_order(engine, bulk, load) == "a d b c"
        assert load.result() == "d"


async def test_places_are_reserved_for_what_is_not_below_0(tmp_path: Path) -> None:
    async with Engine(tmp_path, max_concurrency=3, queue=Queue(reserve={"loop": 2})) as engine:
        bulk = await ask(engine, "a b c", priority=-1)
        assert BEGUN == ["a"]
        usual = await ask(engine, "d e f")
        assert BEGUN == ["a", "d", "e"]
        await begun_in_order(engine, bulk, usual)
        assert sorted(BEGUN) == list("abcdef")


@dataclass(frozen=True)
class Gated(Task):
    """Begins in a worker process, and waits at its gate."""

    name: str
    pipe: str
    gate: str

    def output(self) -> JSONOutput[str]:
        return self.build_output(JSONOutput, key="gated.json")

    def run(self, input: None, output: JSONOutput[str]) -> None:
        if self.name == "first":
            send_line_and_wait(self.pipe, self.name, self.gate)
        else:
            send_line(self.pipe, self.name)
        output.store(self.name)


@pytest.mark.processes
async def test_what_a_worker_has_not_begun_makes_way(tmp_path: Path) -> None:
    with Fifo(tmp_path / "pipe") as fifo, Fifo(tmp_path / "gate") as gate:
        paths = fifo.path, gate.path
        async with Engine(tmp_path / "results", workers=1) as engine:
            await engine.run([Gated(f"learn{n}", *paths) for n in range(3)])  # that they are quick
            await fifo.receive(3)
            names = ["first", *(f"bulk{n}" for n in range(5))]
            bulk = asyncio.create_task(engine.run([Gated(name, *paths) for name in names], priority=-10))
            assert await fifo.receive() == ["first"]
            load = asyncio.create_task(engine.load(Gated("urgent", *paths).output()))
            while engine.stats().executors["process"].queued < 5:  # noqa: ASYNC110  # what had been sent has come back
                await asyncio.sleep(0)
            gate.open_gate()
            await asyncio.gather(bulk, load)
            order = await fifo.receive(6)
            assert "urgent" in order[:2]  # with the revocation on its way one more may have begun
            assert sorted(order) == sorted([*names[1:], "urgent"])


@pytest.mark.parametrize(
    "wrong",
    [{"priority": 1.5}, {"priority": True}, {"priority": 10**9}, {"fairness_key": 7}, {"max_wait": -1}],
)
async def test_what_a_request_cannot_say(tmp_path: Path, wrong: dict[str, Any]) -> None:
    async with Engine(tmp_path) as engine:
        with pytest.raises(DefinitionError, match=next(iter(wrong))):
            await engine.run(Step("a"), **wrong)
        with pytest.raises(DefinitionError, match=next(iter(wrong))):
            await engine.load(Step("a").output(), **wrong)
    assert BEGUN == []


def test_what_a_class_cannot_say() -> None:
    with pytest.raises(DefinitionError, match=r"TaskOptions\.priority"):
        TaskOptions(priority="high")  # type: ignore[arg-type]
