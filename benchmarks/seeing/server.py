"""The live page in a process of its own: ``python -m benchmarks.seeing.server STORAGE``; as ``alexflow serve`` does it.

It prints its port, and serves until its input ends; then it prints its figures, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.seeing.measured_loop import MeasuredLoop


class Served:
    """The page on a port of this machine, served by the running loop."""

    def __init__(self, app: Any):
        import uvicorn

        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._task = asyncio.ensure_future(self._server.serve(sockets=[self.listener]))

    async def end(self) -> None:
        """End all streams, and the server."""
        self._server.should_exit = True
        await self._task
        self.listener.close()


async def main(storage: str) -> None:
    """Serve until the input ends."""
    import alexflow.web

    loop = asyncio.get_running_loop()
    assert isinstance(loop, MeasuredLoop)
    served = Served(alexflow.web.app(storage))
    print(served.port, flush=True)
    await asyncio.to_thread(sys.stdin.readline)  # the viewers are there
    cpu, begun = time.process_time(), time.perf_counter()
    loop.begin()
    await asyncio.to_thread(sys.stdin.readline)  # the run is over
    used, took = time.process_time() - cpu, time.perf_counter() - begun
    print(json.dumps({"cpu": used, "took": took} | loop.found()), flush=True)
    await served.end()


def with_measured_loop(main: Callable[[], Any]) -> Any:
    """Run a coroutine function on a loop that measures its turns."""
    with asyncio.Runner(loop_factory=MeasuredLoop) as runner:
        return runner.run(main())


if __name__ == "__main__":
    with_measured_loop(lambda: main(sys.argv[1]))
