"""The line between an engine and an agent, over a socket of this machine."""

from __future__ import annotations

import asyncio
import time

import pytest

from alexflow.cluster.line import AgentLine
from alexflow.cluster.messages import Challenge

pytestmark = pytest.mark.anyio

SILENCE = 0.2


async def test_the_seconds_that_an_end_takes_itself_are_no_silence_of_the_other():
    """An agent opens the storage before it gives signs of life, which may take longer than a line may be silent."""
    news: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    def opens_the_storage(line: AgentLine, _: bytes) -> None:
        over = time.monotonic() + 2 * SILENCE
        while time.monotonic() < over:
            pass
        line.keep_alive(SILENCE)

    agent = AgentLine(opens_the_storage, lambda line, why: None)
    engine = AgentLine(
        lambda line, frame: news.set_result(frame), lambda line, why: news.done() or news.set_result(why)
    )
    server = await asyncio.get_running_loop().create_server(lambda: agent, "127.0.0.1", 0)
    async with server:
        await asyncio.get_running_loop().create_connection(lambda: engine, *server.sockets[0].getsockname())
        engine.send_first(Challenge(1, b""))
        assert isinstance(await news, bytes)  # a sign of life, and not the end
        engine.end()
