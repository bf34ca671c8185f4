"""Real servers in the test's own event loop, and clients that hang up."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[int]:
    """Serve an ASGI application by uvicorn; gives the port."""
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="on", timeout_graceful_shutdown=30))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # of older versions
    serving = asyncio.create_task(server._serve([listener]))
    while not server.started:  # noqa: ASYNC110  # the server is on this loop
        await asyncio.sleep(0.005)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def request(port: int, path: str, tenant: str = "") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a GET request, and do not wait for its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    of_tenant = f"X-Tenant: {tenant}\r\n" if tenant else ""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: test\r\n{of_tenant}Connection: close\r\n\r\n".encode())
    await writer.drain()
    return reader, writer


async def get(port: int, path: str, tenant: str = "") -> tuple[int, bytes]:
    """Send a GET request; returns the status and the body."""
    reader, writer = await request(port, path, tenant)
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection as the system does when a program is killed."""
    writer.transport.abort()
