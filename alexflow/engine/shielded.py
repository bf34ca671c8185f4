"""Work that is awaited to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def shielded(work: Coroutine[Any, Any, None]) -> None:
    """Await ``work`` to its end although the caller is cancelled, even if at every turn, as cancel scopes do."""
    task = asyncio.ensure_future(work)
    cancellation: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancellation = error
    task.result()
    if cancellation is not None:
        raise cancellation
