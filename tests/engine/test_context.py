"""Tasks see the context of whoever opened the engine; nobody sees theirs."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import weakref
from typing import Any

import pytest

from alexflow import Engine, MemoryStorage
from alexflow.events import EngineEvent, RunFinished, RunStarted, TaskStarted, TaskSucceeded
from tests.engine.workflows import Context, ContextInThread, ContextOfGenerate, LogsInProcess, variable

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", [Context, ContextInThread, ContextOfGenerate])
async def test_of_the_opener_not_of_the_caller(kind):
    token = variable.set("the opener's")
    try:
        async with Engine(MemoryStorage()) as engine:

            async def ask(n):
                variable.set(f"caller {n}'s")
                return await engine.load(kind(n).output())

            seen = await asyncio.gather(*(asyncio.create_task(ask(n)) for n in range(5)))
            assert seen == ["the opener's"] * 5
            variable.set("later")
            assert await engine.load(kind(9).output()) == "the opener's"
            assert variable.get() == "later"
    finally:
        variable.reset(token)


class Payload:
    """Something large that belongs to one request."""


payload: contextvars.ContextVar[Payload] = contextvars.ContextVar("payload")


async def ask(engine: Engine, output: Any, n: int, payloads: list[weakref.ref[Payload]]) -> Any:
    mine = Payload()
    variable.set(f"caller {n}'s")
    payload.set(mine)
    payloads.append(weakref.ref(mine))
    return await engine.load(output)


@pytest.mark.parametrize("kind", [Context, ContextInThread, ContextOfGenerate, LogsInProcess])
async def test_nothing_of_a_request_stays_with_the_engine(kind, place):
    payloads: list[weakref.ref[Payload]] = []
    async with Engine(place, workers=1, timeout=600, echo=True) as engine:
        for n in range(3):
            await asyncio.create_task(ask(engine, kind(n).output(), n, payloads))
        async with asyncio.timeout(10):
            while any(reference() is not None for reference in payloads):  # until the loop has let go
                gc.collect()
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", [Context, ContextInThread, ContextOfGenerate, LogsInProcess])
async def test_listeners_see_the_openers_context(kind, place):
    seen: dict[type[EngineEvent], set[str]] = {}
    async with Engine(place, workers=1) as engine:
        engine.broadcast.listen(lambda event: seen.setdefault(type(event), set()).add(variable.get()))
        payloads: list[weakref.ref[Payload]] = []
        for n in range(3):
            await asyncio.create_task(ask(engine, kind(n).output(), n, payloads))
        await asyncio.gather(*(asyncio.create_task(ask(engine, kind(n).output(), n, payloads)) for n in range(3, 9)))
    assert {RunStarted, RunFinished, TaskSucceeded} <= seen.keys()
    assert kind is ContextOfGenerate or TaskStarted in seen
    assert set().union(*seen.values()) == {"nobody's"}


async def test_records_of_a_worker_are_handled_in_the_openers_context(place):
    """So a filter that puts a request's number into each record does not name a stranger."""
    seen: list[tuple[str, str]] = []

    class Listens(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append((record.getMessage(), variable.get()))

    handler = Listens()
    logger = logging.getLogger("tests.engine.context")
    logger.addHandler(handler)
    try:
        async with Engine(place, workers=1) as engine:
            for n in range(3):
                await asyncio.create_task(ask(engine, LogsInProcess(n).output(), n, []))
    finally:
        logger.removeHandler(handler)
    assert seen == [(f"task {n}", "nobody's") for n in range(3)]
