"""An engine whose queue is full refuses further requests at once, and still reads what exists."""

from __future__ import annotations

import asyncio
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from alexflow import Engine, JSONOutput, Task
from alexflow.errors import DefinitionError, Overloaded
from alexflow.limits import Queue, RateLimit
from tests.kit.turns import some_turns

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Number(Task):
    """Goes on when the gate is open."""

    number: int
    gate: ClassVar[asyncio.Event]

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput, key="number.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        await self.gate.wait()
        await output.astore(self.number)


@pytest.fixture(autouse=True)
def closed_gate() -> None:
    Number.gate = asyncio.Event()


async def test_a_full_queue_refuses_and_takes_requests_again_when_there_is_room(tmp_path: Path) -> None:
    async with Engine(tmp_path, max_concurrency=1, queue=Queue(max_queued=2)) as engine:
        loads = []
        for number in range(3):  # one runs, and two wait
            loads.append(asyncio.create_task(engine.load(Number(number).output())))
            await some_turns()
        with pytest.raises(Overloaded) as refused:
            await engine.load(Number(9).output())
        assert refused.value.queued == 2
        assert refused.value.retry_after > 0
        with pytest.raises(Overloaded):
            await engine.run([Number(9), Number(10)])
        Number.gate.set()
        assert await asyncio.gather(*loads) == [0, 1, 2]
        assert await engine.load(Number(9).output()) == 9


async def test_what_exists_is_read_when_the_queue_is_full(tmp_path: Path) -> None:
    async with Engine(tmp_path, max_concurrency=1, queue=Queue(max_queued=1)) as engine:
        Number.gate.set()
        await engine.run([Number(1), Number(2)])
        Number.gate.clear()
        bulk = asyncio.create_task(engine.run([Number(10), Number(11)]))
        await some_turns()
        with pytest.raises(Overloaded):
            await engine.load(Number(12).output())
        assert await engine.load(Number(1).output()) == 1
        assert (await engine.run([Number(1), Number(2)])).cached == 2
        assert (await engine.run([Number(1).output()])).cached == 1
        Number.gate.set()
        await bulk


async def test_what_is_less_urgent_takes_no_room_from_a_request(tmp_path: Path) -> None:
    async with Engine(tmp_path, max_concurrency=1, queue=Queue(max_queued=2)) as engine:
        bulk = asyncio.create_task(engine.run([Number(n) for n in range(10, 30)], priority=-10))
        await some_turns()
        load = asyncio.create_task(engine.load(Number(1).output()))
        await some_turns()
        with pytest.raises(Overloaded):
            await engine.run(Number(99), priority=-10)
        Number.gate.set()
        assert await load == 1
        await bulk


async def test_many_at_once_are_refused_but_for_those_that_fit(tmp_path: Path) -> None:
    async with Engine(tmp_path, max_concurrency=1, queue=Queue(max_queued=10)) as engine:
        loads = [asyncio.create_task(engine.load(Number(number).output())) for number in range(500)]
        while len(loads) - sum(load.done() for load in loads) > 20:
            await asyncio.wait(loads, return_when=asyncio.FIRST_COMPLETED, timeout=0.01)
        Number.gate.set()
        answers = await asyncio.gather(*loads, return_exceptions=True)
        accepted = [answer for answer in answers if not isinstance(answer, Overloaded)]
        assert 10 <= len(accepted) <= 20
        assert all(isinstance(answer, int) for answer in accepted)


async def test_a_request_is_refused_that_would_wait_too_long(tmp_path: Path) -> None:
    async with Engine(tmp_path, max_concurrency=1) as engine:
        loop = asyncio.get_running_loop()
        for number in range(3):
            Number.gate.clear()
            loop.call_later(0.05, Number.gate.set)
            await engine.run(Number(number))  # takes 50 ms
        Number.gate.clear()
        bulk = asyncio.create_task(engine.run([Number(n) for n in range(100, 4_100)]))  # 200 s of work
        while engine.stats().executors["loop"].queued < 3_999:  # noqa: ASYNC110
            await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="try again after") as refused:
            await engine.load(Number(99).output(), max_wait=60)
        assert refused.value.retry_after > 0
        patient = asyncio.create_task(engine.load(Number(98).output(), max_wait=1000))
        urgent = asyncio.create_task(engine.load(Number(97).output(), max_wait=60, priority=1))
        await some_turns()
        Number.gate.set()
        assert await asyncio.gather(patient, urgent) == [98, 97]
        assert await engine.load(Number(99).output(), max_wait=60) == 99
        await bulk


async def test_it_is_an_ordinary_error(tmp_path: Path) -> None:
    async with Engine(tmp_path, max_concurrency=1, queue=Queue(max_queued=1)) as engine:
        bulk = asyncio.create_task(engine.run([Number(10), Number(11)]))
        await some_turns()
        with pytest.raises(ExceptionGroup) as several:
            async with asyncio.TaskGroup() as group:
                group.create_task(engine.load(Number(1).output()))
        (refused,) = several.value.exceptions
        again: Any = pickle.loads(pickle.dumps(refused))
        assert (type(again), again.queued, again.retry_after) == (Overloaded, 1, refused.retry_after)
        assert str(again) == str(refused)
        Number.gate.set()
        await bulk


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_queued": 0}, r"Queue\.max_queued must be"),
        ({"max_queued": "10"}, r"Queue\.max_queued must be"),
        ({"reserve": 1}, r"Queue\.reserve must be"),
        ({"reserve": {"process": -1}}, r"Queue\.reserve\['process'\] must be"),
    ],
)
def test_what_a_queue_cannot_be(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        Queue(**wrong)


def test_an_engine_refuses_a_queue_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"Queue\(max_queued=10_000\)"):
        Engine(tmp_path, queue=10_000)  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match="the executor must be"):
        Engine(tmp_path, queue=Queue(reserve={"processes": 1}))


@dataclass(frozen=True)
class Tagged(Number):
    """One with a tag."""

    @property
    def tags(self) -> set[str]:
        return {"api"}


async def test_what_waits_for_a_limited_rate_counts_towards_the_wait(tmp_path: Path) -> None:
    Number.gate.set()
    async with Engine(tmp_path, limits={"api": RateLimit(10, per=1.0, burst=1)}) as engine:
        bulk = asyncio.create_task(engine.run([Tagged(n) for n in range(100)]))
        while not engine.stats().computed:  # noqa: ASYNC110
            await asyncio.sleep(0)
        with pytest.raises(Overloaded) as refused:
            await engine.load(Tagged(100).output(), max_wait=2.0)
        assert 5 < refused.value.retry_after < 10
        assert await engine.load(Number(1).output(), max_wait=2.0) == 1  # which waits for nothing
        urgent = asyncio.create_task(engine.load(Tagged(101).output(), max_wait=2.0, priority=1))
        assert await urgent == 101
        bulk.cancel()


async def test_what_waits_for_a_slot_counts_towards_the_wait(tmp_path: Path) -> None:
    async with Engine(tmp_path, limits={"api": 1}) as engine:
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, Number.gate.set)
        await engine.run(Number(0))  # takes up to 50 ms
        Number.gate.clear()
        bulk = asyncio.create_task(engine.run([Tagged(n) for n in range(1, 1001)]))
        while engine.stats().tags["api"].waiting < 999:  # noqa: ASYNC110
            await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await engine.load(Tagged(1001).output(), max_wait=0.1)
        bulk.cancel()
