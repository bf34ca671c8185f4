"""File work that takes too long for the event loop: streaming large files, long lists of keys."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from alexflow.storage.files import CHUNK_BYTES
from alexflow.type_vars import T


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call a blocking function in a thread."""
    return await asyncio.to_thread(function, *arguments)


async def fill_file(fd: int, data: bytes) -> None:
    """Write ``data`` to a descriptor, in chunks."""
    import aiofiles.threadpool  # deferred: it takes longer than most of what is done here

    # a descriptor of its own: when this is cancelled, the thread that is writing outlives the call
    stream = aiofiles.threadpool.wrap(open(os.dup(fd), "wb"))  # noqa: ASYNC230, SIM115  # is open already
    try:
        view = memoryview(data)
        for start in range(0, len(data), CHUNK_BYTES):
            await stream.write(view[start : start + CHUNK_BYTES])
    finally:
        await stream.close()


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
