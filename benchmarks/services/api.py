"""An API in a process of its own: ``python -m benchmarks.services.api QUOTA SECONDS [STORM]``.

It answers with 200 so often in any window, and with 429 more often; from the first request on for ``STORM`` seconds
with 429 alone. It prints its port, and what it has seen when its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque


class Api:
    """The API."""

    def __init__(self, quota: int, seconds: float, storm: float = 0.0) -> None:
        self._quota = quota
        self._seconds = seconds
        self._storm = storm
        self._first: float | None = None
        self._window: deque[float] = deque()
        self.answered: list[float] = []
        self.refused: list[float] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        now = time.perf_counter()
        await reader.readuntil(b"\r\n\r\n")
        while self._window and self._window[0] <= now - self._seconds:
            self._window.popleft()
        if self._first is None:
            self._first = now
        if now >= self._first + self._storm and len(self._window) < self._quota:
            self._window.append(now)
            self.answered.append(now)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        else:
            self.refused.append(now)
            writer.write(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
        writer.close()


async def serve(api: Api) -> None:
    """Serve until standard input ends."""
    server = await asyncio.start_server(api.answer, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps({"answered": api.answered, "refused": api.refused}), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(Api(int(sys.argv[1]), *map(float, sys.argv[2:]))))
