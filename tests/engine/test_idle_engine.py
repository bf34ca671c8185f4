"""An engine that has nothing to do keeps nobody waiting; and whoever waits for another engine is told for which."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from dataclasses import dataclass
from typing import Any

import pytest

import alexflow
from alexflow import Engine, JSONOutput, Output, Task
from alexflow.events import WaitingForEngine

pytestmark = pytest.mark.anyio

TTL = 3600.0  # seconds: nothing here is taken over because of it


@dataclass(frozen=True)
class Number(Task):
    n: int

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: Any, output: Output[int]) -> None:
        await output.astore(self.n)


gates: dict[int, asyncio.Event] = {}


@dataclass(frozen=True)
class Gated(Number):
    async def run(self, input: Any, output: Output[int]) -> None:
        await gates[self.n].wait()
        await output.astore(self.n)


async def never(engine: Engine) -> None:
    """It has run nothing."""


async def made(engine: Engine) -> None:
    """It has made something."""
    assert await engine.load(Number(100).output()) == 100


async def found(engine: Engine) -> None:
    """It has found something."""
    await made(engine)
    assert await engine.load(Number(100).output()) == 100
    assert (await engine.run([Number(100)])).cached == 1


async def left(engine: Engine) -> None:
    """Its last caller has gone."""
    gates[101] = asyncio.Event()
    caller = asyncio.create_task(engine.load(Gated(101).output()))
    await asyncio.sleep(0.05)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)


async def failed(engine: Engine) -> None:
    """See a request of the engine fail."""
    with pytest.raises(alexflow.TaskFailed):
        await engine.load(Fails(1).output())


@dataclass(frozen=True)
class Fails(Number):
    async def run(self, input: Any, output: Output[int]) -> None:
        raise ValueError


@pytest.mark.parametrize("before", [never, made, found, left, failed])
async def test_a_run_beside_an_idle_engine_whose_loop_is_busy(place, before):
    """As in a notebook: the cell that runs keeps the loop of the engine that is open."""
    async with Engine(place, lease_ttl=TTL) as engine:
        await before(engine)
        began = time.monotonic()
        assert alexflow.run([Number(1), Number(2)], storage=place, lease_ttl=TTL).ran == 2
        assert time.monotonic() - began < 10  # it was half a minute, and would be an hour here
        assert await engine.load(Number(3).output()) == 3


async def test_two_engines_take_turns(place):
    async with Engine(place, lease_ttl=TTL) as one, Engine(place, lease_ttl=TTL) as two:
        for n in range(0, 20, 2):
            assert await one.load(Number(n).output()) == n
            assert await two.load(Number(n + 1).output()) == n + 1
            assert await two.load(Number(n).output()) == n


async def test_what_exists_is_found_without_leases(place, caplog):
    """Nothing is written beside it, not even for a moment."""
    alexflow.run(Number(1), storage=place)
    os.mkdir(f"{place}/.alexflow-leases")  # no lease can be had
    try:
        async with Engine(place) as engine:
            assert await engine.load(Number(1).output()) == 1
            assert not caplog.records
            assert await engine.load(Number(2).output()) == 2
            assert [record.levelno for record in caplog.records] == [logging.WARNING]
            assert ".alexflow-leases" in caplog.text
            assert await engine.load(Number(3).output()) == 3
            assert len(caplog.records) == 1
    finally:
        os.rmdir(f"{place}/.alexflow-leases")


async def test_a_caller_is_told_for_whom_it_waits(place, caplog):
    gates[1] = asyncio.Event()
    began = time.time()
    async with Engine(place, lease_ttl=TTL) as holder, Engine(place, lease_ttl=TTL) as waiting:
        held = asyncio.create_task(holder.load(Gated(1).output()))
        await asyncio.sleep(0.05)
        events = waiting.events()
        waits = asyncio.create_task(waiting.load(Gated(1).output()))
        async for event in events:
            if isinstance(event, WaitingForEngine):
                assert (event.tasks, event.host, event.pid) == (1, os.uname().nodename, os.getpid())
                assert began <= event.since <= time.time()
                break
        (record,) = [record for record in caplog.records if "waiting for" in record.getMessage()]
        assert record.levelno == logging.WARNING
        assert f"process {os.getpid()} on {os.uname().nodename}, working since" in record.getMessage()
        gates[1].set()
        assert await asyncio.gather(held, waits) == [1, 1]
