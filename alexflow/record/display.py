"""Progress where people see it: live on a terminal, as a line now and then elsewhere, and a summary at the end.

The fold happens on the event loop; drawing happens in a thread, from a copy, because a
terminal can be slow, or stopped.
"""

from __future__ import annotations

import asyncio
import copy
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TextIO

from anyio import to_thread

from alexflow.record import wording
from alexflow.record.broadcast import Broadcast
from alexflow.record.echo import show_in
from alexflow.record.progress import Progress

#: Between two lines where there is no terminal.
SECONDS_BETWEEN_LINES = 5.0


class View(ABC):
    """Shows progress somewhere. Called from one thread at a time."""

    #: Seconds between two calls of :meth:`show`.
    interval: float

    @abstractmethod
    def show(self, progress: Progress, now: float) -> None:
        """Show where it is."""

    @abstractmethod
    def close(self, progress: Progress, now: float) -> None:
        """Show how it ended."""


class Lines(View):
    """A line when something has changed, at most every few seconds; a run that is quicker gets its summary only."""

    interval = SECONDS_BETWEEN_LINES

    def __init__(self, file: TextIO):
        self._file = file
        self._last = ""
        self._failures = 0

    def show(self, progress: Progress, now: float) -> None:
        if progress.started is None or progress.finished is not None:
            return
        self._show_failures(progress)
        state = wording.counts(progress.total(), progress.cached)
        if state != self._last:
            self._last = state
            self._print(wording.line(progress, now))

    def close(self, progress: Progress, now: float) -> None:
        self._show_failures(progress)
        for line in closing_lines(progress, now):
            self._print(line)

    def _show_failures(self, progress: Progress) -> None:
        for failed in progress.failures[self._failures :]:
            self._print(wording.failure(failed))
        self._failures = len(progress.failures)

    def _print(self, line: str) -> None:
        show_in(self._file, f"alexflow: {line}\n" if not line.startswith(" ") else f"{line}\n")


def closing_lines(progress: Progress, now: float) -> list[str]:
    """The summary, if there is anything to say: a graph that was refused has its exception."""
    return wording.summary(progress, now) if progress.finished is not None or progress.classes else []


@asynccontextmanager
async def shown(broadcast: Broadcast, wanted: bool | None) -> AsyncIterator[None]:
    """Show what is told by ``broadcast`` while the block runs.

    Args:
        broadcast: of an engine.
        wanted: True: show it, in plain lines where standard error is no terminal; None: only on a terminal; False: not.
    """
    view = None
    if wanted is not False:
        view = await to_thread.run_sync(view_for, sys.stderr, wanted)  # imports rich
    if view is None:
        yield
        return
    progress = Progress()
    stop_listening = broadcast.listen(lambda event: progress.add(event, time.monotonic()))
    over = asyncio.Event()
    showing = asyncio.create_task(_keep_showing(view, progress, over))
    try:
        yield
    finally:
        stop_listening()
        over.set()
        await showing


async def _keep_showing(view: View, progress: Progress, over: asyncio.Event) -> None:
    while not over.is_set():
        try:
            async with asyncio.timeout(view.interval):
                await over.wait()
        except TimeoutError:
            await to_thread.run_sync(view.show, copy.deepcopy(progress), time.monotonic())
    await to_thread.run_sync(view.close, progress, time.monotonic())


def view_for(file: TextIO | None, wanted: bool | None) -> View | None:
    """How to show progress in ``file``; None: not at all."""
    if wanted is False or file is None or file.closed:
        return None
    if not file.isatty():
        return Lines(file) if wanted else None
    try:
        from alexflow.record.live import Live  # rich is an extra, and takes a while to import
    except ImportError:
        return Lines(file)
    return Live(file)
