"""A named pipe between a test and the tasks that it runs, in whatever process: how they wait for each other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

DEADLINE = 30.0  # seconds


class Fifo:
    """The test's end: it hears lines that tasks tell, and opens the gate for tasks that wait."""

    def __init__(self, path: Path):
        self.path = str(path)
        os.mkfifo(self.path)
        # both ends, so that neither opening it nor a task's end is an event
        self._fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        self._heard = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        os.close(self._fd)

    async def hear(self, count: int = 1) -> list[str]:
        """The next lines that tasks tell."""
        import asyncio  # deferred: the tasks that use this module have no need of it

        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self._fd, readable.set)
        try:
            async with asyncio.timeout(DEADLINE):
                while self._heard.count(b"\n") < count:
                    await readable.wait()
                    readable.clear()
                    self._read()
        finally:
            loop.remove_reader(self._fd)
        *lines, rest = self._heard.split(b"\n", count)
        self._heard = rest
        return [line.decode() for line in lines]

    def heard(self) -> list[str]:
        """Whatever has been told so far."""
        self._read()
        lines, self._heard = self._heard.decode().splitlines(), b""
        return lines

    def open_gate(self, tasks: int = 1) -> None:
        """Let as many tasks go on."""
        os.write(self._fd, b"." * tasks)

    def _read(self) -> None:
        try:
            self._heard += os.read(self._fd, 1 << 20)
        except BlockingIOError:
            pass


def tell(path: str, line: object) -> None:
    """Called by a task: tell the test something."""
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, f"{line}\n".encode())
    os.close(fd)


def tell_and_wait(told: str, line: object, gate: str) -> None:
    """Called by a task: tell the test something, then wait until it opens the gate, or is gone."""
    fd = os.open(gate, os.O_RDONLY)  # first: once the test has heard of us it may end, and this would wait for ever
    tell(told, line)
    os.read(fd, 1)
    os.close(fd)
