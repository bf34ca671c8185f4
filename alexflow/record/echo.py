"""What tasks print in worker processes, shown as if this process printed it, through ``sys.stdout`` and ``sys.stderr``.

So it appears where the process's own prints do: above the progress on a terminal, in a notebook's cell, in the file to
which output goes. It is written in a thread, as a terminal can be slow, or stopped; then the workers have to wait.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from itertools import groupby
from operator import itemgetter
from typing import TextIO

from anyio import to_thread

from alexflow.executors.process.listening import Listening
from alexflow.logs import logger

#: Characters waiting to be shown, from which on workers are not listened to.
ENOUGH = 1_000_000

#: Characters waiting to be shown, from which on further ones are left out: what is known of a task that has ended is
#: taken in at once, however much there is.
TOO_MUCH = 16_000_000


class Echo:
    """Shows what tasks print, as it comes."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[int, str]] = deque()
        self._size = 0
        self._left_out = 0
        self._waiting: set[Listening] = set()
        self._writing: asyncio.Task[None] | None = None

    def show(self, stream: int, text: str) -> None:
        """Show this, which was printed on standard output (1) or standard error (2)."""
        if self._size > TOO_MUCH:
            self._left_out += len(text)
            return
        self._pieces.append((stream, text))
        self._size += len(text)
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())

    def wait(self, listening: Listening) -> bool:
        """Whether there is too much already. If so, ``listening`` is told when to go on."""
        if self._size < ENOUGH:
            return False
        self._waiting.add(listening)
        return True

    async def drain(self) -> None:
        """Wait until everything is shown that has come so far."""
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def _write(self) -> None:
        while self._pieces:
            pieces, self._pieces = self._pieces, deque()
            if self._left_out:
                pieces.append((2, f"\n… {self._left_out:,} characters of what tasks printed left out …\n"))
                self._left_out = 0
            await to_thread.run_sync(_write_all, pieces)
            self._size = sum(len(text) for _, text in self._pieces)
            waiting, self._waiting = self._waiting, set()
            for listening in waiting:
                listening.go_on()
        self._writing = None


def _write_all(pieces: deque[tuple[int, str]]) -> None:
    for stream, group in groupby(pieces, key=itemgetter(0)):
        file = sys.stdout if stream == 1 else sys.stderr
        if file is not None:
            show_in(file, "".join(text for _, text in group))


def show_in(file: TextIO, text: str) -> None:
    """Write a text, with backslashes where the file's encoding has no such characters."""
    encoding = getattr(file, "encoding", None) or "utf-8"
    try:
        file.write(text.encode(encoding, "backslashreplace").decode(encoding))
        file.flush()
    except Exception as error:  # whoever read it has gone, it was closed, it is an object of the user's: work goes on
        logger.debug("what an engine shows cannot be written: %s", error)
