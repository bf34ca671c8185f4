"""A service whose features are computed on read: ``uvicorn app:app``."""

import asyncio
import json
import logging
import math
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

import aiohttp
import credit
from credit import CreditScore
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from features import Letter, Orders, Risk
from metrics import prometheus

from alexflow import Engine, Output
from alexflow.asgi import ClientGone, while_connected
from alexflow.errors import Overloaded, TaskError
from alexflow.limits import Queue
from alexflow.storage import MemoryCache

STORAGE = os.environ.get("FEATURES", "features")  # a directory or a bucket; several services may share one
CREDIT_API = os.environ.get("CREDIT_API", "http://127.0.0.1:8001")
DEADLINE = float(os.environ.get("DEADLINE", "10"))  # seconds after which nobody needs an answer any more

T = TypeVar("T")

# what tasks log has their id, also in worker processes
log = logging.StreamHandler()
log.setFormatter(logging.Formatter("%(levelname)s:%(name)s:%(task_id)s:%(message)s", defaults={"task_id": ""}))
logging.basicConfig(level=logging.INFO, handlers=[log])


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(CREDIT_API) as client:
        credit.api.set(client)
        async with Engine(
            STORAGE,
            workers=2,
            limits={credit.TAG: credit.LIMIT},
            queue=Queue(max_queued=1_000),  # beyond it, a request is refused at once
            memory_cache=MemoryCache(max_bytes=64 * 2**20, max_age=10),
        ) as engine:
            await engine.start_workers([Risk])  # so that the first request does not wait for them
            engine.stats()  # counts by class from now on
            app.state.engine = engine
            yield
            await engine.drain(timeout=DEADLINE)


app = FastAPI(title="Features", lifespan=lifespan)


class Client:
    """The client of a request: its tenant, and whether it is still there."""

    def __init__(self, request: Request, x_tenant: Annotated[str, Header()] = ""):
        self.request = request
        self.tenant = x_tenant
        self.engine: Engine = request.app.state.engine

    async def load(self, output: Output[T]) -> T:
        """Load a feature, which is computed if it does not exist, as long as the client waits for it.

        Tenants take turns. What another client has asked for already is waited for, and not computed twice.
        """
        async with asyncio.timeout(DEADLINE):
            work = self.engine.load(output, fairness_key=self.tenant, max_wait=DEADLINE)
            return await while_connected(self.request, work)


Caller = Annotated[Client, Depends()]
Paths = Annotated[int, Query(gt=0, le=100_000_000)]


@app.get("/customers/{customer}/orders")
async def orders(customer: str, client: Caller) -> list[float]:
    return await client.load(Orders(customer).output())


@app.get("/customers/{customer}/risk")
async def risk(customer: str, client: Caller, paths: Paths = 1_000) -> float:
    return await client.load(Risk(customer, paths).output())


@app.get("/customers/{customer}/credit")
async def credit_score(customer: str, client: Caller) -> int:
    return await client.load(CreditScore(customer).output())


@app.get("/risks")
async def risks(customer: Annotated[list[str], Query()], client: Caller) -> StreamingResponse:
    """The risks of many customers, a JSON line each, as they come; single requests go first."""

    async def lines() -> AsyncIterator[str]:
        values = client.engine.map(
            Risk, customer, window=100, on_error="continue", priority=-1, fairness_key=client.tenant
        )
        async for name, _, value, error in values:
            found = {"risk": value} if error is None else {"error": error.message}  # that of one is not all others'
            yield json.dumps({"customer": name} | found) + "\n"

    return StreamingResponse(lines(), media_type="application/jsonl")  # a client that hangs up ends it


@app.get("/customers/{customer}/letter")
async def letter(customer: str, client: Caller) -> StreamingResponse:
    """A text as it is written; the next reader gets the same one, from its beginning."""
    parts = client.engine.stream(Letter(customer).output(), fairness_key=client.tenant)
    return StreamingResponse(parts, media_type="text/plain")


# -- for those who operate it


@app.get("/healthz")
async def healthz(request: Request) -> str:
    """Liveness: if this fails, nothing but another process helps."""
    if not request.app.state.engine.healthy:
        raise HTTPException(503, "the engine cannot go on")
    return "ok"


@app.get("/readyz")
async def readyz(request: Request) -> str:
    """Readiness: whether this process should get requests now."""
    stats = request.app.state.engine.stats()
    if not (stats.open and stats.storage_ok):  # workers that have died are replaced when a request needs one
        raise HTTPException(503, "not ready")
    return "ok"


@app.get("/metrics")
async def metrics(request: Request) -> PlainTextResponse:
    return PlainTextResponse(prometheus(request.app.state.engine.stats()), media_type="text/plain; version=0.0.4")


# -- what is no answer


@app.exception_handler(Overloaded)
async def overloaded(request: Request, error: Overloaded) -> JSONResponse:
    headers = {"Retry-After": str(math.ceil(error.retry_after))}
    return JSONResponse({"detail": "too many requests wait"}, 429, headers)


@app.exception_handler(TimeoutError)
async def late(request: Request, error: TimeoutError) -> JSONResponse:
    return JSONResponse({"detail": f"not computed within {DEADLINE:g} s"}, 504)


@app.exception_handler(TaskError)
async def failed(request: Request, error: TaskError) -> JSONResponse:
    return JSONResponse({"detail": error.message}, 502)


@app.exception_handler(ClientGone)
async def gone(request: Request, error: ClientGone) -> Response:
    return Response(status_code=499)  # nobody reads it
