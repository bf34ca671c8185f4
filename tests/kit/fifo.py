"""A named pipe between a test and its tasks, in whatever process: test and task wait for each other without sleep."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

DEADLINE = 30.0  # seconds


class Fifo:
    """The test's end: it receives lines that tasks send, and opens the gate for tasks that wait."""

    def __init__(self, path: Path):
        self.path = str(path)
        os.mkfifo(self.path)
        # both ends, so that neither opening it nor a task's end is an event
        self._fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        os.close(self._fd)

    async def receive(self, count: int = 1) -> list[str]:
        """Wait for the next lines that tasks send."""
        import asyncio  # deferred: the tasks that use this module have no need of it

        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self._fd, readable.set)
        try:
            async with asyncio.timeout(DEADLINE):
                while self._unread.count(b"\n") < count:
                    await readable.wait()
                    readable.clear()
                    self._read()
        finally:
            loop.remove_reader(self._fd)
        *lines, rest = self._unread.split(b"\n", count)
        self._unread = rest
        return [line.decode() for line in lines]

    def received(self) -> list[str]:
        """Return what was sent so far."""
        self._read()
        lines, self._unread = self._unread.decode().splitlines(), b""
        return lines

    def open_gate(self, tasks: int = 1) -> None:
        """Let as many tasks go on."""
        os.write(self._fd, b"." * tasks)

    def _read(self) -> None:
        try:
            self._unread += os.read(self._fd, 1 << 20)
        except BlockingIOError:
            pass


def send_line(path: str, line: object) -> None:
    """Send the test a line; called by a task."""
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, f"{line}\n".encode())
    os.close(fd)


def send_line_and_wait(pipe: str, line: object, gate: str) -> None:
    """Send the test a line, then wait until it opens the gate, or ends; called by a task."""
    fd = os.open(gate, os.O_RDONLY)  # first: the test may end once it has the line, and opening would wait for ever
    send_line(pipe, line)
    os.read(fd, 1)
    os.close(fd)
