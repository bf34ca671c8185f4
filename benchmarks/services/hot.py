"""Values in memory: loads a second, and a hit through FastAPI beside plain JSON."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from alexflow import Engine, MemoryStorage
from alexflow.storage import MemoryCache
from benchmarks.ruler import of_encoding, scaled
from benchmarks.services.tasks import Stored

LOADS, ROUNDS = 20_000, 7

#: Loads a second on the machine on which the bars were set.
BARS = {"bytes": 150_000, "values": 300_000}

#: Requests of a round, and connections that stay open.
REQUESTS, CONNECTIONS = 4_000, 16


async def measure(directory: Path, scale: float) -> Iterator[str]:
    """Measure. Returns the lines of the table."""
    lines = [
        await _loads(directory / name, int(LOADS * scale), name, MemoryCache(values=name == "values")) for name in BARS
    ]
    return iter([*lines, await _shared_reads(), *_through_fastapi(directory / "http", int(REQUESTS * scale))])


async def _loads(directory: Path, count: int, name: str, cache: MemoryCache) -> str:
    async with Engine(directory, memory_cache=cache) as engine:
        output = Stored(1).output()
        await engine.load(output)
        rates, ruler = [], []
        for _ in range(ROUNDS):
            began = time.thread_time()
            for _ in range(count):
                await engine.load(output)
            rates.append(count / (time.thread_time() - began))
            ruler.append(of_encoding(20_000))
    here = 1e6 / (scaled(1e6 / BARS[name]) * median(ruler))
    return f"by {name}: {median(rates):,.0f} loads a second of CPU (bar: {BARS[name]:,}, by the ruler {here:,.0f} here)"


class Counting(MemoryStorage):
    """Counts what it is asked for, and takes its time, as a server does."""

    answers_at_once = False

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0

    async def aread(self, key: str) -> bytes:
        self.requests += 1
        await asyncio.sleep(0.01)
        return await super().aread(key)

    async def aexists_many(self, keys: Any) -> set[str]:
        self.requests += 1
        await asyncio.sleep(0.01)
        return await super().aexists_many(keys)


async def _shared_reads() -> str:
    storage, output = Counting(), Stored(1).output()
    async with Engine(storage) as engine:
        await engine.run(output)
    async with Engine(storage, memory_cache=MemoryCache()) as engine:
        await engine.run(Stored(2))  # the first request for a class looks at it
        storage.requests = 0
        await asyncio.gather(*(engine.load(output) for _ in range(50)))
        first, storage.requests = storage.requests, 0
        for _ in range(50):
            await engine.load(output)
    hot = storage.requests
    return f"50 equal loads at once of a server: {first} request (bar: 1); of a hot key afterwards: {hot} (bar: 0)"


def _through_fastapi(directory: Path, count: int) -> list[str]:
    """Ask a server for both in turn. Returns the line, or that it cannot be measured."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "benchmarks.services.hot_app:app", "--port", str(port)]
    server = subprocess.Popen([*command, "--log-level", "warning"], env=os.environ | {"HOT_RESULTS": str(directory)})
    try:
        connections = [_connected(port) for _ in range(CONNECTIONS)]
        took: dict[str, list[float]] = {"plain": [], "hit": [], "described": []}
        for _ in range(ROUNDS):
            for path, times in took.items():
                times.append(_ask(server.pid, connections, path, count))
        for connection in connections:
            connection.close()
    finally:
        server.terminate()
        server.wait()
    plain = median(took["plain"][1:])

    def beside(path: str) -> str:
        ratios = [one / other for one, other in zip(took[path][1:], took["plain"][1:], strict=True)]
        return f"{median(took[path][1:]):.0f}, x {median(ratios):.2f}"

    return [
        f"through FastAPI: plain JSON {plain:.0f} us of the server's CPU a request; a hit {beside('hit')} (bar: 1.2); "
        f"of an output that the handler describes {beside('described')}"
    ]


def _connected(port: int) -> socket.socket:
    until = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _ask(pid: int, connections: list[socket.socket], path: str, count: int) -> float:
    """Ask again and again on all connections. Returns the microseconds of the server's CPU of a request."""
    request = f"GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    before = _cpu_of(pid)
    for _ in range(count // len(connections)):
        for connection in connections:
            connection.sendall(request)
        for connection in connections:
            answer = b""
            while not answer.endswith(b'{"value":1}'):
                answer += connection.recv(65536)
    return (_cpu_of(pid) - before) / count * 1e6


def _cpu_of(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
