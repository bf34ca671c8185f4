"""Two rows of the table in buckets of real servers: reads that are shared, and what another process has made."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alexflow import Engine, open_storage
from alexflow.storage import MemoryCache
from benchmarks.services.notice import noticed
from benchmarks.services.tasks import Stored
from tests.kit.servers.s3 import Server, moto, s3_options, seaweedfs

LOADS = 50

#: Keys that two processes want, and seconds between them.
KEYS, EVERY = 40, 1.0

_REQUEST = re.compile(rb"(GET|HEAD|PUT|POST|DELETE) /\S* HTTP/1\.1\r\n")


async def measure(directory: Path, scale: float) -> Iterator[str]:
    """Measure. Returns the lines of the table."""
    lines: list[str] = []
    for start in (seaweedfs, moto):
        path = directory / start.__name__
        path.mkdir()
        with start(path) as server:
            lines.append(f"{start.__name__}: {await _shared_reads(server)}")
            beside = [json.dumps(server.url()), json.dumps(server.options)]
            found = await noticed(beside, max(2, int(KEYS * scale)), EVERY)
            lines += [f"{start.__name__}: {line}" for line in found("bar: 300 at p50")]
    return iter(lines)


async def _shared_reads(server: Server) -> str:
    url, output = server.url(), Stored(1).output()
    async with Engine(open_storage(url, **server.options)) as engine:
        await engine.run(output)
    async with (
        _counted(server) as (options, requests),
        Engine(open_storage(url, **options), memory_cache=MemoryCache()) as engine,
    ):
        await engine.run(Stored(2))  # the first request for a class looks at it
        requests.clear()
        await asyncio.gather(*(engine.load(output) for _ in range(LOADS)))
        first = requests["GET"]
        requests.clear()
        for _ in range(LOADS):
            await engine.load(output)
        hot = requests["GET"] + requests["HEAD"]  # the engine's lease is renewed meanwhile
    return f"{LOADS} equal loads at once: {first} GET (bar: 1); of a hot key afterwards: {hot} (bar: 0)"


@asynccontextmanager
async def _counted(server: Server) -> AsyncIterator[tuple[dict[str, Any], Counter[str]]]:
    """Count the requests on the way to a server. Gives the options of a storage that takes that way."""
    requests: Counter[str] = Counter()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        its_reader, its_writer = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(_pass_on(reader, its_writer, requests), _pass_on(its_reader, writer))

    proxy = await asyncio.start_server(connect, "127.0.0.1", 0)
    async with proxy:
        yield s3_options(proxy.sockets[0].getsockname()[1]), requests


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, requests: Counter[str] | None = None
) -> None:
    while data := await reader.read(1 << 16):
        if requests is not None:
            requests.update(method.decode() for method in _REQUEST.findall(data))
        writer.write(data)
    writer.close()
