"""Lines over a socket of this machine, one end of which is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from alexflow.cluster.line import MAX_LINE_FRAME, AgentLine

#: Makes a message of a frame.
Decode = Callable[[bytes], Any]


class TestEnd:
    """The test's end of a line.

    Attributes:
        line: the line.
        frames: what has come, frame by frame; nothing when the line has ended.
    """

    __test__ = False

    def __init__(self) -> None:
        self.frames: asyncio.Queue[bytes] = asyncio.Queue()
        self.line = AgentLine(
            lambda _, frame: self.frames.put_nowait(frame), lambda _, why: self.frames.put_nowait(b"")
        )
        self.line.max_frame = MAX_LINE_FRAME

    async def next(self, decode: Decode) -> Any:
        """Return the message, or messages, of the next frame."""
        return decode(await self.frames.get())


@asynccontextmanager
async def line_to(other: AgentLine) -> AsyncIterator[TestEnd]:
    """Connect a line with one whose end is the test's."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: other, "127.0.0.1", 0)
    async with server:
        end = TestEnd()
        await loop.create_connection(lambda: end.line, *server.sockets[0].getsockname())
        try:
            yield end
        finally:
            end.line.end()
            other.end()
