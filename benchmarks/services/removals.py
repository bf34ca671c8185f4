"""Loads of what an application removes meanwhile; and what is kept of a request once it is over."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from alexflow import Engine
from benchmarks.services.tasks import Feature, Stored

READERS, LOADS = 20, 300

#: Seconds between two removals, in this process by the engine and without it.
PAUSE = 0.003

request_id = ContextVar("request_id", default="the opener")


class Payload:
    """The context of a request."""


async def measure(directory: Path, scale: float) -> Iterator[str]:
    """Measure. Returns the lines of the table."""
    lines = [
        await _removed(directory / name, int(LOADS * scale), by_engine=by_engine)
        for name, by_engine in (("invalidate", True), ("remove", False))
    ]
    return iter([*lines, await _contexts(directory / "contexts")])


async def _removed(directory: Path, loads: int, *, by_engine: bool) -> str:
    errors: list[BaseException] = []
    async with Engine(directory, workers=1) as engine:
        output = Stored(1).output()
        removed = 0

        async def read() -> None:
            for _ in range(loads):
                try:
                    await engine.load(output)
                except Exception as error:
                    errors.append(error)
                await asyncio.sleep(0)

        async def remove() -> None:
            nonlocal removed
            while True:
                if by_engine:
                    await engine.invalidate(output)
                else:
                    await output.assign_storage(engine.storage).aremove()
                removed += 1
                await asyncio.sleep(PAUSE)

        removing = asyncio.create_task(remove())
        await asyncio.gather(*(read() for _ in range(READERS)))
        removing.cancel()
    how = "invalidated" if by_engine else "removed from the storage"
    return f"{READERS * loads:,} loads of what is {how} {removed:,} times: {len(errors)} errors (bar: 0)"


async def _contexts(directory: Path) -> str:
    seen: set[str] = set()
    payloads: list[weakref.ref[Any]] = []
    carried: ContextVar[Payload] = ContextVar("carried")
    async with Engine(directory, workers=1) as engine:
        engine.broadcast.listen(lambda _: seen.add(request_id.get()))

        async def request(number: int) -> None:
            request_id.set(f"request {number}")
            carried.set(Payload())
            payloads.append(weakref.ref(carried.get()))
            await engine.load((Feature if number % 2 else Stored)(number).output())

        for number in range(8):
            await asyncio.create_task(request(number))
        await asyncio.sleep(0.1)
        gc.collect()
        alive = sum(payload() is not None for payload in payloads)
    return (
        f"listeners see the context of {', '.join(sorted(seen))} (bar: the opener); of {len(payloads)} requests "
        f"{alive} contexts are kept (bar: 0)"
    )
