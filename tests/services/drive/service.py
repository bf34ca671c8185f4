"""The example of a service as processes: started by uvicorn, asked through sockets, ended by signals."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

from tests.kit.processes import descendants_of
from tests.services.kit import get

EXAMPLE = Path(__file__).parents[3] / "examples" / "service"

#: Worker processes of the example's engine.
WORKERS = 2

#: Seconds after which something has gone wrong, and the deadline of requests: this machine may be slow.
START_SECONDS = DEADLINE = 60


class Server:
    """An ASGI application of the example in a process of its own; used as an async context manager.

    Args:
        app: its name, such as ``app:app``.
        log: the file that gets what it prints.
        environment: variables for it.
    """

    def __init__(self, app: str, log: Path, **environment: str):
        self._app = app
        self.log = log
        self._environment = environment
        self.port = 0

    async def __aenter__(self) -> Server:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        command = [sys.executable, "-m", "uvicorn", self._app, "--port", str(self.port), "--no-access-log"]
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, cwd=EXAMPLE, env=os.environ | self._environment, stdout=log, stderr=log
            )
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                await get(self.port, "/")
                return self
            except OSError:
                if self._process.returncode is not None or time.monotonic() > until:
                    raise RuntimeError(f"{self._app} has not started:\n{self.log.read_text()}") from None
                await asyncio.sleep(0.05)

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def workers(self) -> set[int]:
        """The processes below it."""
        return descendants_of(self._process.pid)

    async def terminate(self) -> tuple[int, float]:
        """Send it SIGTERM. Returns its exit code, and the seconds until it has ended."""
        started = time.perf_counter()
        self._process.send_signal(signal.SIGTERM)
        code = await self._process.wait()
        return code, time.perf_counter() - started

    def simulated(self) -> list[str]:
        """The customers whose simulation has begun, in that order, by its log."""
        return re.findall(r"simulating (\S+)", self.log.read_text())

    async def has_begun(self, count: int) -> list[str]:
        """Wait until so many simulations have begun in all."""
        async with asyncio.timeout(START_SECONDS):
            while len(begun := self.simulated()) < count:  # noqa: ASYNC110  # in another process
                await asyncio.sleep(0.002)
        return begun

    async def holds(self, least: int, most: int | None = None) -> None:
        """Wait until its engine has so many requests."""
        numbers, held = range(least, (least if most is None else most) + 1), -1.0
        try:
            async with asyncio.timeout(START_SECONDS):
                while (held := await self.metric("alexflow_requests")) not in numbers:  # noqa: ASYNC110  # in another process
                    await asyncio.sleep(0.002)
        except TimeoutError:
            raise RuntimeError(f"the engine has {held:.0f} requests, not {least}:\n{self.log.read_text()}") from None

    async def metric(self, name: str) -> float:
        """The value of one of its metrics; 0 if it is not there."""
        _, body = await get(self.port, "/metrics")
        found = re.search(rf"^{re.escape(name)} (\S+)$", body.decode(), re.MULTILINE)
        return float(found[1]) if found else 0.0


class Services:
    """The API and services on one directory; used as an async context manager.

    Args:
        directory: for the storage and for logs.
    """

    def __init__(self, directory: Path):
        self._directory = directory
        self._stack = AsyncExitStack()
        self._count: Counter[str] = Counter()

    async def __aenter__(self) -> Services:
        self.api = await self._enter("credit_api:app")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def start(self) -> Server:
        """Start one service more."""
        features = str(self._directory / "features")
        return await self._enter("app:app", FEATURES=features, CREDIT_API=self.api.url, DEADLINE=str(DEADLINE))

    async def _enter(self, app: str, **environment: str) -> Server:
        name = app.partition(":")[0]
        self._count[name] += 1
        log = self._directory / f"{name}-{self._count[name]}.log"
        return await self._stack.enter_async_context(Server(app, log, **environment))
