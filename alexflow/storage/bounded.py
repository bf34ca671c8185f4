"""Much to do at the same time, but so much at once and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

A = TypeVar("A")


async def for_each(items: Iterable[A], work: Callable[[A], Awaitable[None]], width: int) -> None:
    """``await work(item)`` for each item, ``width`` at once; the first failure cancels the others and is raised."""
    remaining = iter(items)

    async def go() -> None:
        for item in remaining:  # all of them take from one iterator
            await work(item)

    going = [asyncio.ensure_future(go()) for _ in range(width)]
    try:
        await asyncio.gather(*going)
    finally:
        for each in going:
            each.cancel()
