"""Descriptors 0, 1 and 2 of a worker, and Python's streams on them, as every task is to find them.

A task may close or replace them; the next one must not notice. The files at 1 and 2 are held a second time, under other
numbers, so that they can be put back. After short tasks of Python code one look suffices (:data:`SUSPICIOUS`).
Certainty costs a system call each: a file is registered with ``epoll`` under its number, and is found there only if it
is still the same one.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from collections.abc import Callable
from typing import IO, Any

from alexflow.executors.process.wire.boundary import STREAMS

#: Events that are never reported of descriptors 1 and 2 as they should be, the ends of pipes for writing; closed ones
#: are reported in any case. Files are always ready to be read, sockets for urgent data, or hang up. What takes their
#: place without notice is a pipe or a connection after a file object has closed them; or is put there by a call that is
#: noted (`process/worker/noted_calls.py`).
SUSPICIOUS = select.POLLIN | select.POLLPRI | getattr(select, "POLLWRBAND", 0)


class StandardStreams:
    """The standard streams of tasks.

    Args:
        writing: descriptors for standard output and standard error; held here.

    Raises:
        OSError: from any method: they cannot be put back, as a task has closed what is held here.
    """

    def __init__(self, writing: tuple[int, int]):
        self._writing = writing
        self._is_lost = False
        #: Whether Python's streams were as they should be when last flushed; descriptors may not be.
        self.are_in_place = True
        self._held = tuple(_identity(fd) for fd in writing)
        self._null = os.open(os.devnull, os.O_RDONLY | os.O_NONBLOCK)  # by which it is known: others block
        self._watched = WatchedDescriptors(*writing)
        self._fill()
        self._watched.add(*STREAMS)
        self._open()

    def flush(self) -> None:
        """Flush what Python buffers."""
        try:
            out, err = self._buffers
            _flush(out)
            _flush(err)
            own = sys.stdout is self.out and sys.stderr is self.err and sys.stdin is self._in
        except OSError:
            raise
        except BaseException:  # a task has closed them, or deleted their names; the next one has its own
            own = False
            if not self._watched.are(*STREAMS):
                self._fill()
            self._open_output()
        if not own:
            for name in ("stdout", "stderr"):  # that tasks have put in their place
                with contextlib.suppress(BaseException):
                    stream = getattr(sys, name)
                    if stream is not self.out and stream is not self.err:
                        stream.flush()
        self.are_in_place = own and not any(self._attributes) and not self._raw_in.closed

    def put_back(self) -> None:
        """Restore all but standard input after a task, once flushed (:meth:`flush`)."""
        if not self.are_in_place:
            self._drop(getattr(sys, "stdout", None), self.out)
            self._drop(getattr(sys, "stderr", None), self.err)
        if self._is_lost or not self._watched.are(*STREAMS):
            self._fill()
        if not self.are_in_place:
            self._open()  # on descriptors that may just have been closed with a task's stream

    def look_closer(self) -> None:
        """Restore the descriptors, standard input's too, when the worker reports."""
        try:
            as_it_was = not os.get_blocking(0)
        except OSError:  # closed
            as_it_was = False
        if not as_it_was or not self._watched.are(*STREAMS):
            self._fill()

    def write(self, record: bytes) -> None:
        """Write a record to both pipes, past whatever a task has put in their place."""
        descriptors = self._writing
        if not self._watched.are(*descriptors):
            self._is_lost, self.are_in_place = True, False  # but for what is at 1 and 2, mostly
            descriptors = STREAMS
            if not self._watched.are(*descriptors):
                raise OSError("a task has closed the descriptors of its worker's pipes")
        for fd in descriptors:
            os.set_blocking(fd, True)  # a child may have changed that for all writers
            os.write(fd, record)

    def let_go(self, others: tuple[int, ...]) -> None:
        """In a fork: hold nothing but what it prints to."""
        for fd in (*others, *self._writing, self._null):
            with contextlib.suppress(OSError):  # the task has closed it
                os.close(fd)

    def _fill(self) -> None:
        if self._is_lost or self._held != tuple(_identity(fd) for fd in self._writing):
            raise OSError("a task has replaced the descriptors of its worker's pipes")
        os.dup2(self._null, 0)
        for fd, stream in zip(self._writing, STREAMS, strict=True):
            os.set_blocking(fd, True)
            os.dup2(fd, stream)

    def _open(self) -> None:
        self._in = _stream(0, "r")
        self._raw_in: io.FileIO = self._in.buffer.raw  # type: ignore[attr-defined]  # a BufferedReader has it
        sys.stdin = sys.__stdin__ = self._in  # type: ignore[misc]
        self._open_output()

    def _open_output(self) -> None:
        self.out, self.err = (_stream(number, "w") for number in STREAMS)
        sys.stdout = sys.__stdout__ = self.out  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = self.err  # type: ignore[misc]
        self._buffers: tuple[Any, Any] = self.out.buffer, self.err.buffer
        streams = (self._in, self.out, self.err)
        self._attributes = [vars(part) for stream in streams for part in (stream, stream.buffer)]  # empty as made

    def _drop(self, stream: IO[str] | None, own: io.TextIOWrapper) -> None:
        """Be rid of a stream of a task's now: Python's collector would close it, and what is under it, at any time."""
        with contextlib.suppress(OSError, ValueError, TypeError):  # the last: a task has detached the buffer
            _flush(own.buffer)  # type: ignore[arg-type]  # past what a task has set on it
        with contextlib.suppress(BaseException):  # whatever a task has put there
            if stream is own or not isinstance(stream, io.TextIOWrapper):
                return
            stream.flush()
            if stream.buffer is own.buffer:
                stream.detach()
            elif stream.fileno() in STREAMS:
                stream.close()


class StandardStream(io.TextIOWrapper):
    """A text stream that has attributes of its own only once a task has changed it."""

    def reconfigure(self, **options: Any) -> None:
        """Change the encoding and the like, for this task."""
        self.is_changed = True
        super().reconfigure(**options)

    def detach(self) -> Any:
        """Separate the buffer from the stream, for this task."""
        self.is_changed = True
        return super().detach()


_flush = io.BufferedWriter.flush  # whatever a task has set on a stream


def _stream(number: int, mode: str) -> io.TextIOWrapper:
    """Text as it comes, in whole lines, so that what children print comes in between where it should."""
    raw = io.FileIO(number, mode, closefd=False)
    buffer: Any = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    # write_through: what is written is in the buffer, which is flushed in half the time that it takes for the stream
    return StandardStream(
        buffer, encoding="utf-8", errors="backslashreplace", line_buffering=True, write_through=mode == "w"
    )


def _identity(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


class WatchedDescriptors:
    """Descriptors of pipes, each known as the open file that it was."""

    def __init__(self, *descriptors: int):
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        self._identities: dict[int, tuple[int, int]] = {}
        #: Raises OSError if a descriptor is not what it was; the other argument is 0.
        self.see: Callable[[int, int], None] = self._compare if self._epoll is None else self._epoll.modify
        self.add(*descriptors)

    def add(self, *descriptors: int) -> None:
        """From now on these are known."""
        for fd in descriptors:
            if self._epoll is not None:
                self._epoll.register(fd, 0)
            else:
                self._identities[fd] = _identity(fd)

    def are(self, first: int, second: int) -> bool:
        """Whether two descriptors are what they were."""
        try:
            self.see(first, 0)
            self.see(second, 0)
        except OSError:  # closed, or another file's by now
            return False
        return True

    def _compare(self, fd: int, _: int) -> None:
        if _identity(fd) != self._identities[fd]:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
