"""Output of tasks in worker processes, repeated through this process's ``sys.stdout`` and ``sys.stderr``.

So it appears where the process's own prints do: above the progress on a terminal, in a notebook's cell, in the file to
which output is redirected. A thread writes it, because a terminal can be slow, or stopped; the workers wait then.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from alexflow.progress.writing import write_text

if TYPE_CHECKING:
    from alexflow.executors.process.output_capture import Pausable

#: Characters waiting to be written, beyond which no further output is read from workers.
MAX_BACKLOG = 1_000_000

#: Characters waiting to be written, beyond which further ones are left out. The rest of an ended task's output is read
#: at once, whatever its size, so that the backlog alone does not bound memory.
MAX_KEPT = 16_000_000


class OutputEcho:
    """Repeats the output of tasks, as it arrives."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[int, str]] = deque()
        self._size = 0
        self._left_out = 0
        self._paused: set[Pausable] = set()
        self._writing: asyncio.Task[None] | None = None

    def show(self, stream: int, text: str) -> None:
        """Write text that was printed on standard output (1) or standard error (2)."""
        if self._size > MAX_KEPT:
            self._left_out += len(text)
            return
        self._pieces.append((stream, text))
        self._size += len(text)
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())

    def should_pause(self, reader: Pausable) -> bool:
        """Return whether the backlog is full. If so, ``resume_reading()`` is called once it has been written."""
        if self._size < MAX_BACKLOG:
            return False
        self._paused.add(reader)
        return True

    async def drain(self) -> None:
        """Wait until the backlog is written."""
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def _write(self) -> None:
        from anyio import to_thread  # deferred: most tasks print nothing

        while self._pieces:
            pieces, self._pieces = self._pieces, deque()
            if self._left_out:
                pieces.append((2, f"\n… {self._left_out:,} characters printed by tasks left out …\n"))
                self._left_out = 0
            await to_thread.run_sync(_write_all, pieces)
            self._size = sum(len(text) for _, text in self._pieces)
            paused, self._paused = self._paused, set()
            for reader in paused:
                reader.resume_reading()
        self._writing = None


def _write_all(pieces: deque[tuple[int, str]]) -> None:
    for stream, group in groupby(pieces, key=itemgetter(0)):
        file = sys.stdout if stream == 1 else sys.stderr
        if file is not None:
            write_text(file, "".join(text for _, text in group))
