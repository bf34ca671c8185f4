"""The output of tasks, on the engine's side: two pipes from each worker, read as they fill and split by job.

The event loop reads one piece of one pipe at a time. Of a job that has ended everything is in the pipe before the
worker says so, with a boundary behind it, so that it can be taken at once, without waiting.
"""

from __future__ import annotations

import asyncio
import codecs
import os
from typing import Protocol

from alexflow.executors.interface import Printed
from alexflow.executors.process.excerpt import Excerpt
from alexflow.executors.process.wire.boundary import BOUNDARY, STREAMS
from alexflow.executors.process.wire.status_page import StatusPage

PIPE_READ = 64 * 1024  # bytes: what a pipe holds

#: Reads after which a pipe that does not end is closed: a process holds it that is no child of the worker any more.
READS_OF_THE_REST = 64


class Pausable(Protocol):
    """Reads what tasks print."""

    def resume_reading(self) -> None:
        """Read what comes, after a pause."""


class Echo(Protocol):
    """Shows what tasks print, as it comes."""

    def show(self, stream: int, text: str) -> None:
        """Show this, which was printed on standard output (1) or standard error (2)."""

    def should_pause(self, reader: Pausable) -> bool:
        """Return whether the backlog is full. If so, ``reader.resume_reading()`` is called later."""
        ...


class OutputReader:
    """Reads the output of one worker's tasks.

    Args:
        reading: the ends of the two pipes; closed by :meth:`close`.
        token: what boundaries begin with.
        page: shared with the worker.
        echo: shows everything at once, if that was asked for.
    """

    def __init__(self, reading: tuple[int, int], token: bytes, page: StatusPage, echo: Echo | None):
        self._streams = tuple(_Stream(fd, token) for fd in reading)
        self._page = page
        self._echo = echo
        self._decoders = [codecs.getincrementaldecoder("utf-8")("replace") for _ in STREAMS]
        self._loop = asyncio.get_running_loop()
        self._open = True
        for fd in reading:
            os.set_blocking(fd, False)
        self.resume_reading()

    def resume_reading(self) -> None:
        """Read what comes, as asyncio's transports do after a pause."""
        if self._open:
            for number, stream in enumerate(self._streams):
                if not stream.over:
                    self._loop.add_reader(stream.fd, self._readable, number)

    def take_output(self, number: int) -> Printed | None:
        """Return the output of a job that has ended and may have printed something."""
        for at, stream in enumerate(self._streams):
            while stream.ended_to < number and self._read(at):
                pass
        return _printed([stream.ended.pop(number, None) for stream in self._streams])

    def take_partial(self, number: int) -> Printed | None:
        """Return the output of the job that was running when the worker died, or that had just ended."""
        return self.take_output(number) or _printed([stream.current for stream in self._streams])

    def close(self) -> None:
        """Read what is in the pipes now, and close them."""
        if self._open:
            for at in range(len(self._streams)):
                for _ in range(READS_OF_THE_REST):
                    if not self._read(at):
                        break
            self._open = False
            for stream in self._streams:
                self._loop.remove_reader(stream.fd)
                os.close(stream.fd)

    def _readable(self, at: int) -> None:
        if not self._read(at) and self._streams[at].over:
            self._loop.remove_reader(self._streams[at].fd)
        if self._echo is not None and self._echo.should_pause(self):
            for stream in self._streams:
                self._loop.remove_reader(stream.fd)

    def _read(self, at: int) -> bool:
        """Read a piece; False if there is nothing now."""
        if not self._open:
            return False
        stream = self._streams[at]
        self._page.settle(False)  # before it is out of the pipe, where the worker sees it
        printed = stream.read()
        self._page.settle(not any(stream.is_within for stream in self._streams))
        if printed is None:
            return False
        if printed and self._echo is not None:
            text = self._decoders[at].decode(printed)
            if text:
                self._echo.show(STREAMS[at], text)
        return True


class _Stream:
    """One pipe.

    Attributes:
        ended: output of jobs whose boundary has been read, until it is taken.
        heard_to: the number on the last boundary.
        current: what came after the last boundary.
        over: whether the pipe has ended.
    """

    def __init__(self, fd: int, token: bytes):
        self.fd = fd
        self.ended: dict[int, Excerpt] = {}
        self.current = Excerpt()
        self.ended_to = 0
        self.over = False
        self._boundary_head = b"\0" + token
        self._cut = b""  # the beginning of a boundary, perhaps, the rest of which has not been read

    @property
    def is_within(self) -> bool:
        """Whether something has come after the last boundary."""
        return bool(self.current.size or self._cut)

    def read(self) -> bytes | None:
        """Read a piece of what has been printed, without boundaries; None if there is nothing now."""
        try:
            data = os.read(self.fd, PIPE_READ)
        except BlockingIOError:
            return None
        if not data:
            self.over = True
            return None
        data = self._cut + data
        if b"\0" not in data:  # no boundary, nor a part of one
            self._cut = b""
            self.current.add(data)
            return data
        return self._split(data)

    def _split(self, data: bytes) -> bytes:
        pieces: list[bytes] = []
        at = 0
        while True:
            found = data.find(self._boundary_head, at)
            if found < 0 or found + BOUNDARY.size > len(data):
                break
            pieces.append(data[at:found])
            self.current.add(pieces[-1])
            _, self.ended_to = BOUNDARY.unpack_from(data, found)
            if self.current.size:
                self.ended[self.ended_to] = self.current
                self.current = Excerpt()
            at = found + BOUNDARY.size
        end = found if found >= 0 else self._partial_boundary_at(data, at)
        pieces.append(data[at:end])
        self.current.add(pieces[-1])
        self._cut = data[end:]
        return b"".join(pieces)

    def _partial_boundary_at(self, data: bytes, at: int) -> int:
        """Return the place at the end of what has been read where a boundary may begin."""
        for size in range(min(len(self._boundary_head) - 1, len(data) - at), 0, -1):
            if data.endswith(self._boundary_head[:size]):
                return len(data) - size
        return len(data)


def _printed(excerpts: list[Excerpt | None]) -> Printed | None:
    out, err = (excerpt.text() if excerpt is not None else "" for excerpt in excerpts)
    return Printed(out, err) if out or err else None
