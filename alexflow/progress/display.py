"""Showing the progress of runs: live on a terminal, in occasional lines elsewhere, with a summary at the end.

Events are counted on the event loop. Drawing happens in a thread, from a copy, because a terminal can be slow, or
stopped.
"""

from __future__ import annotations

import asyncio
import copy
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TextIO

from anyio import to_thread

from alexflow.events.broadcast import Broadcast
from alexflow.model.options import in_notebook
from alexflow.progress.tally import Progress
from alexflow.progress.view import Lines, View


@asynccontextmanager
async def shown(broadcast: Broadcast, wanted: bool | None) -> AsyncIterator[None]:
    """Show the progress that an engine's events give, while the block runs.

    Args:
        broadcast: the engine's events.
        wanted: True: show it, in plain lines where standard error is no terminal; None: only on a terminal and in a
            notebook; False: not.
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
    """Return a view that shows progress in ``file``, or None if it is not to be shown."""
    if wanted is False or file is None or file.closed:
        return None
    if not file.isatty():
        if in_notebook():
            from alexflow.progress.cell import CellDisplay, has_cells  # deferred: notebooks only

            return CellDisplay() if has_cells() else Lines(file)
        return Lines(file) if wanted else None
    try:
        from alexflow.progress.live import Live  # rich is an extra, and takes a while to import
    except ImportError:
        return Lines(file)
    return Live(file)
