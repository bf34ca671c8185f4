"""A line that takes time: bytes are held back on their way. Kernels of virtual machines often lack netem."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: Seconds that bytes take, each way.
LATENCY = 0.0005


@asynccontextmanager
async def slow_way_to(address: str) -> AsyncIterator[int]:
    """Give a port behind which is an address of this machine, a millisecond there and back."""
    host, _, port = address.rpartition(":")
    way: set[asyncio.Task[None]] = set()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1" if host == "0.0.0.0" else host, int(port))
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(carry(source, sink))
            way.add(task)
            task.add_done_callback(way.discard)

    server = await asyncio.start_server(accepted, "0.0.0.0", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in [*way]:
            task.cancel()
        await asyncio.gather(*way, return_exceptions=True)


async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            asyncio.get_running_loop().call_later(LATENCY, sink.write, data)
        await asyncio.sleep(2 * LATENCY)
    finally:
        sink.close()
