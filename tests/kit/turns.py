"""Turns of the event loop that a test shares with an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool]) -> None:
    """Give the engine turns until something is so."""
    while not condition():  # noqa: ASYNC110  # the engine is on this loop
        await asyncio.sleep(0)


async def some_turns() -> None:
    """Let the engine do what it can do now."""
    for _ in range(10):
        await asyncio.sleep(0)
