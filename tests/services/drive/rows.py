"""Attacks on the service, and what is seen: a function for each row of the table."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
import time
from typing import Any, NamedTuple

from alexflow import Engine, MemoryStorage
from tests.kit.processes import still_alive
from tests.services.drive.service import EXAMPLE, WORKERS, Server, Services
from tests.services.kit import get, hang_up, request

#: Simulations that take longer than all of this; some 50 ms; and a few.
ENDLESS, LONG, SHORT = 100_000_000, 10_000, 100

#: What the example allows to wait.
MAX_QUEUED = 1_000

#: Tasks that may begin before that of a tenant whose turn it is: as many as workers have been sent, and one more each.
TURNS = 3 * WORKERS

#: Names of metrics.
DEATHS, REQUESTS = "alexflow_worker_deaths_total", "alexflow_requests"


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        name: what was done.
        bar: what has to be seen.
        measured: what was.
        met: whether that is so; None for milliseconds, which depend on what else the machine does.
    """

    name: str
    bar: str
    measured: str
    met: bool | None


def risk(customer: str, paths: int) -> str:
    """The path of a customer's risk."""
    return f"/customers/{customer}/risk?paths={paths}"


async def seconds_of(server: Server, path: str) -> float:
    """Ask once. Returns how long it took."""
    started = time.perf_counter()
    status, body = await get(server.port, path)
    assert status == 200, body
    return time.perf_counter() - started


async def stampede(server: Server, callers: int = 50) -> list[Row]:
    """Equal requests at once."""
    before = len(server.simulated())
    answers = await asyncio.gather(*(get(server.port, risk("stampede", LONG)) for _ in range(callers)))
    ran = len(server.simulated()) - before
    equal = len(set(answers)) == 1 and answers[0][0] == 200
    measured = f"{ran} computed, answers {'equal' if equal else 'differ'}"
    return [Row(f"{callers} equal requests at once", "1 computed, answers equal", measured, ran == 1 and equal)]


async def streams(server: Server, readers: int = 20) -> list[Row]:
    """A text that is read while it is written."""
    answers = await asyncio.gather(*(get(server.port, "/customers/smith/letter") for _ in range(readers)))
    texts = {"".join(chunk for chunk in body.decode().split("\r\n")[1::2]) for _, body in answers}
    met = texts == {"Dear smith, thank you."}
    return [Row(f"{readers} readers of a text", "all of it", "all of it" if met else repr(texts), met)]


async def disconnects(server: Server, clients: int = 200) -> list[Row]:
    """Clients that all want something else, and hang up."""
    idle = min([await seconds_of(server, risk(f"idle-{n}", SHORT)) for n in range(5)])
    before = len(server.simulated())
    writers = [(await request(server.port, risk(f"gone-{n}", ENDLESS)))[1] for n in range(clients)]
    await server.has_begun(before + WORKERS)
    await server.holds(clients)
    for writer in writers:
        hang_up(writer)
    delay = await seconds_of(server, risk("after", SHORT))
    begun = [name for name in server.simulated()[before:] if name.startswith("gone")]
    left = await server.metric(REQUESTS)
    name = f"{clients} clients hang up"
    return [
        Row(name, f"≤ {WORKERS} begun", f"{len(begun)} begun", len(begun) <= WORKERS),
        Row(name, "none is left", f"{left:.0f} left", left == 0),
        Row("the next request", "≤ 200 ms", f"{delay * 1e3:.0f} ms (idle: {idle * 1e3:.0f})", None),
    ]


async def kills(server: Server, requests: int = 40, times: int = 10) -> list[Row]:
    """Workers that are killed while they compute."""
    deaths, before = await server.metric(DEATHS), len(server.simulated())
    names = [f"killed-{n}" for n in range(requests)]
    asked = asyncio.gather(*(get(server.port, risk(name, LONG)) for name in names))
    for kill in range(times):
        await server.has_begun(before + 3 * kill + WORKERS)
        os.kill(max(server.workers()), signal.SIGKILL)  # the latest; the first forks the others
    answers = await asked
    deaths = await server.metric(DEATHS) - deaths
    failed = sum(status != 200 for status, _ in answers)
    wrong = sum(
        status == 200 and json.loads(body) != value
        for (status, body), value in zip(answers, await computed_here(names), strict=True)
    )
    measured = f"{deaths:.0f} deaths, {failed} failed, {wrong} wrong"
    met = deaths >= times and not failed and not wrong
    return [Row(f"{requests} requests, {times} kill -9", f"≥ {times} deaths, 0 failed, 0 wrong", measured, met)]


async def computed_here(names: list[str]) -> list[float]:
    """Compute the same risks without the service."""
    sys.path.insert(0, str(EXAMPLE))
    try:
        features: Any = importlib.import_module("features")
    finally:
        sys.path.remove(str(EXAMPLE))
    async with Engine(MemoryStorage(), executor="thread") as engine:
        return await engine.load([features.Risk(name, LONG).output() for name in names])


async def overload(server: Server, excess: int = 300) -> list[Row]:
    """More requests than may wait, or would be computed in time; their clients hang up once the others were refused."""
    await get(server.port, risk("there", SHORT))
    paths = [risk(f"flood-{n}", ENDLESS) for n in range(MAX_QUEUED + excess)]
    clients = await asyncio.gather(*(request(server.port, path) for path in paths))
    heads = [asyncio.create_task(reader.readuntil(b"\r\n\r\n")) for reader, _ in clients]
    while await server.metric(REQUESTS) + sum(head.done() for head in heads) < len(heads):  # noqa: ASYNC110  # in another process
        await asyncio.sleep(0.02)
    status, _ = await get(server.port, risk("there", SHORT))
    refused = [head.result() for head in heads if head.done()]
    for head, (_, writer) in zip(heads, clients, strict=True):
        head.cancel()
        hang_up(writer)
    await asyncio.wait(heads)
    await server.holds(0)
    waits = sum(head.startswith(b"HTTP/1.1 429") and b"retry-after" in head.lower() for head in refused)
    measured = f"{waits} times 429 of {len(refused)} refused; what exists: {status}"
    name = f"{len(heads):,} requests at once, {MAX_QUEUED:,} may wait"
    met = waits == len(refused) >= excess - WORKERS and status == 200
    return [Row(name, f"≥ {excess - WORKERS} times 429 with Retry-After; what exists: 200", measured, met)]


async def tenants(server: Server, requests: int = 100) -> list[Row]:
    """One tenant with a long queue, and another with one request."""
    before = len(server.simulated())
    many = asyncio.gather(*(get(server.port, risk(f"many-{n}", LONG), "many") for n in range(requests)))
    await server.holds(requests // 2, requests)  # some may have ended
    already = len(await server.has_begun(before + 1))
    status, _ = await get(server.port, risk("one", LONG), "one")
    passed = server.simulated()[already:].index("one")
    await many
    bar = f"≤ {TURNS} others begin before it"
    measured = f"{passed} of {requests - already + before}"
    return [Row("a tenant beside one of a long queue", bar, measured, status == 200 and passed <= TURNS)]


async def two_processes(
    services: Services, server: Server, other: Server, equal: int = 50, calls: int = 60
) -> list[Row]:
    """Two services on one directory: equal requests, and calls of the API whose limit they share."""
    ports = [server.port, other.port]
    before = len(server.simulated()) + len(other.simulated())
    answers = await asyncio.gather(*(get(ports[n % 2], risk("both", LONG)) for n in range(2 * equal)))
    ran = len(server.simulated()) + len(other.simulated()) - before
    same = len(set(answers)) == 1 and answers[0][0] == 200
    started = time.perf_counter()
    scores = await asyncio.gather(*(get(ports[n % 2], f"/customers/{n}/credit") for n in range(calls)))
    took = time.perf_counter() - started
    _, body = await get(services.api.port, "/answers")
    seen, failed = json.loads(body), sum(status != 200 for status, _ in scores)
    name, measured = (
        f"{2 * equal} equal requests to two processes",
        f"{ran} computed, answers {'equal' if same else 'differ'}",
    )
    calls_seen = f"{seen['answered']} calls in {took:.1f} s, {seen['refused']} refused, {failed} failed"
    met = seen["answered"] == calls and not seen["refused"] and not failed
    return [
        Row(name, "1 computed, answers equal", measured, ran == 1 and same),
        Row("an API of 50 calls a second, called by both", f"{calls} calls, 0 refused, 0 failed", calls_seen, met),
    ]


async def sigterm(server: Server, idle: Server | None = None, clients: int = 200) -> list[Row]:
    """SIGTERM after clients have hung up, while one still waits; beside a service that has nothing to do."""
    writers = [(await request(server.port, risk(f"left-{n}", ENDLESS)))[1] for n in range(clients)]
    await server.holds(clients)
    for writer in writers:
        hang_up(writer)
    await server.holds(0)
    begun, processes = len(server.simulated()), server.workers()
    waiting = asyncio.create_task(get(server.port, risk("waits", LONG)))
    await server.has_begun(begun + 1)
    code, seconds = await server.terminate()
    status, _ = await waiting
    alive = len(still_alive(processes, 1.0))
    beside = "" if idle is None else f" (idle: {(await idle.terminate())[1]:.2f})"
    measured = f"{status}, exit {code}, {alive} processes left"
    met = status == 200 and code in (0, -signal.SIGTERM) and not alive
    return [
        Row("SIGTERM while a request is computed", "200, 0 processes left", measured, met),
        Row("SIGTERM: seconds until the end", "≤ 2", f"{seconds:.2f}{beside}", None),
    ]
