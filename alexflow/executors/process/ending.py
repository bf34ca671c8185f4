"""Waiting, on the event loop, for the end of another process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess

from anyio import to_thread

#: Whether the system tells the end of a process that is not a child (Linux).
TOLD_OF_ANY = hasattr(os, "pidfd_open")


async def ended(pid: int, patience: float | None = None) -> None:
    """Wait until a process has ended, a zombie too, or until ``patience`` is at an end; where :data:`TOLD_OF_ANY`."""
    try:
        descriptor = os.pidfd_open(pid)  # readable once it has ended
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    loop.add_reader(descriptor, told.set)
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), patience)
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def child_ended(process: subprocess.Popen[bytes], patience: float | None = None) -> None:
    """:func:`ended`, for a child."""
    if TOLD_OF_ANY:
        await ended(process.pid, patience)
    else:
        with contextlib.suppress(subprocess.TimeoutExpired):
            await to_thread.run_sync(process.wait, patience)
