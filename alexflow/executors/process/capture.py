"""The worker's side of what tasks print: descriptors 1 and 2 lead to the engine, through a pipe each.

Children and C code write there as they would anywhere, and nothing in this process has to pass it on; so a task may
hold the interpreter lock while it writes. What belongs to which task is told by a *boundary*: a record that this
process writes into the same pipe, after the task, if something may have been written. A task that prints nothing costs
one look at the pipes (docs/design/workers.md).
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import struct
import sys

from alexflow.executors.process.marker import Marker

TOKEN_SIZE = 16  # bytes

#: Where a task's output ends: zero, the worker's token, the job's number. Small enough that a pipe takes it as a whole.
BOUNDARY = struct.Struct(f"<x{TOKEN_SIZE}sQ")

STREAMS = (1, 2)  # standard output, standard error


class Capture:
    """Standard output and standard error of a worker.

    Args:
        reading: the engine's ends of the two pipes, here only to see whether they are empty.
        writing: this process's ends; from now on descriptors 1 and 2 are those, too.
        token: what no task prints.
        page: where the engine says whether it has read anything that no boundary follows yet.
    """

    def __init__(self, reading: tuple[int, int], writing: tuple[int, int], token: bytes, page: Marker):
        poll = select.epoll() if hasattr(select, "epoll") else select.poll()  # the quicker of the two
        for fd in reading:
            poll.register(fd, select.POLLIN)
        for fd, stream in zip(writing, STREAMS, strict=True):
            os.dup2(fd, stream)
        self._poll = poll.poll
        self._reading = reading
        self._writing = writing
        self._token = token
        self._page = page
        self._open()

    def _open(self) -> None:
        """Text streams that write whole lines, so that what children print comes in between where it should."""
        self._out, self._err = (
            io.TextIOWrapper(
                io.BufferedWriter(io.FileIO(stream, "w", closefd=False)),
                encoding="utf-8",
                errors="backslashreplace",
                line_buffering=True,
            )
            for stream in STREAMS
        )
        sys.stdout = sys.__stdout__ = self._out  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = self._err  # type: ignore[misc]

    def flush(self) -> None:
        """Let go of what Python holds back."""
        try:
            self._out.flush()
            self._err.flush()
        except ValueError:  # a task has closed them; the next one has its own
            self._open()
        if sys.stdout is not self._out or sys.stderr is not self._err:
            for stream in (sys.stdout, sys.stderr):  # that tasks have put in their place
                with contextlib.suppress(Exception):
                    stream.flush()

    def let_go(self) -> None:
        """In a fork of the worker: keep what a process prints to, and nothing else."""
        for fd in (*self._reading, *self._writing):
            with contextlib.suppress(OSError):  # the task has closed it
                os.close(fd)

    def end(self, number: int) -> bool:
        """A job has ended. Gives whether it, or what went before it, has printed anything."""
        self.flush()
        if not self._poll(0) and not self._page.unsettled():  # in this order: the engine may read at any time
            return False
        boundary = BOUNDARY.pack(self._token, number)
        for fd in self._writing:
            os.write(fd, boundary)
        return True
