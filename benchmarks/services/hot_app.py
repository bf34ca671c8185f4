"""The FastAPI application that is measured: plain JSON, and the same as a value in memory."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from alexflow import Engine
from alexflow.storage import MemoryCache
from benchmarks.services.tasks import Stored

engines: list[Engine] = []

#: An output that is at hand, as of what a service reads again and again.
OUTPUT = Stored(1).output()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the engine while the server is up."""
    async with Engine(os.environ["HOT_RESULTS"], memory_cache=MemoryCache()) as engine:
        engines.append(engine)
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/plain")
async def plain() -> dict[str, int]:
    """Answer without an engine."""
    return {"value": 1}


@app.get("/hit")
async def hit() -> dict[str, int]:
    """Answer with a value that is in memory."""
    return {"value": await engines[0].load(OUTPUT)}


@app.get("/described")
async def described() -> dict[str, int]:
    """The same, of an output that is described for this request."""
    return {"value": await engines[0].load(Stored(1).output())}
