"""``Connection``: one event loop's way to a storage.

A client belongs to the event loop that it was opened in, so each loop has its own. It is closed when its loop shuts
down its asynchronous generators, which ``asyncio.run`` and its like do at their end, or when nobody has the storage any
more.
"""

from __future__ import annotations

import asyncio
import random
import uuid
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from itertools import islice
from typing import TypeVar

from alexflow.errors import UnknownStorage
from alexflow.storage.bounded import for_each
from alexflow.storage.keys import RESERVED
from alexflow.storage.remote.address import Address
from alexflow.storage.remote.backend_errors import meaning_of
from alexflow.storage.remote.backends.base import Backend, Pages
from alexflow.storage.remote.existence import Existence
from alexflow.storage.remote.retry import Attempt, Patience

T = TypeVar("T")

#: Parts of large objects on their way at once: what of them is in memory.
PARTS_AT_ONCE = 3


class Connection:
    """A back end, with patience and a bound on what is under way.

    Args:
        backend: gives it; the first request waits for it.
        address: where it is.
        deadline: seconds for one request.
        concurrency: requests at once.

    Attributes:
        probing: held by who tries what the back end keeps to.
        parts: bounds how many parts of large objects are on their way.
    """

    def __init__(self, backend: Callable[[], Awaitable[Backend]], address: Address, deadline: float, concurrency: int):
        self._make = backend
        self._where = address.shown
        self._backend: Backend | None = None
        self._opening = asyncio.Lock()
        self._end: AsyncGenerator[None] | None = None
        self._finalizer: weakref.finalize[[asyncio.AbstractEventLoop, AsyncGenerator[None]], Connection] | None = None
        self._concurrency = concurrency
        slots = asyncio.Semaphore(concurrency)
        self._patience = Patience(address.shown, address.redact, deadline, slots, random.Random())
        self._existence: Existence | None = None
        self.probing = asyncio.Lock()
        self.parts = asyncio.Semaphore(PARTS_AT_ONCE)

    async def request(self, operation: str, key: str, call: Callable[[Backend, Attempt], Awaitable[T]]) -> T:
        """One request, tried as :class:`Patience` does."""

        async def attempt(attempt: Attempt) -> T:
            return await call(self._backend or await self._open(), attempt)

        return await self._patience.request(operation, key, attempt)

    async def backend(self) -> Backend:
        """The back end, opened."""
        if self._backend is None:
            await self._patience.request("open", "", lambda attempt: self._open())
        assert self._backend is not None
        return self._backend

    async def _open(self) -> Backend:
        async with self._opening:
            if self._backend is None:
                backend = await self._make()
                await self._try_out(backend)
                end = _until_the_end(backend)
                await anext(end)
                self._end = end
                self._finalizer = weakref.finalize(self, _close_soon, asyncio.get_running_loop(), end)
                self._finalizer.atexit = False
                self._backend = backend
        return self._backend

    async def _try_out(self, backend: Backend) -> None:
        """See that a key under which nothing can be is not there: a login page answers 200 to whatever it is asked.

        Raises:
            UnknownStorage: it is said to be there.
        """
        key = f"{RESERVED}/probe/{uuid.uuid4().hex}"
        try:
            is_there = await backend.exists(key)
        except (
            Exception
        ) as error:  # of back ends, by its meaning; all but what passes is for the request itself to tell
            if meaning_of(error) != "passing":
                return
            await backend.aclose()
            raise
        except BaseException:
            await backend.aclose()
            raise
        if is_there:
            await backend.aclose()
            raise UnknownStorage(
                f"{self._where} answers that {key!r} is stored there, where nothing can be: a server that says so of "
                f"everything, such as a login page or a console, is no storage; correct the address"
            )

    async def aclose(self) -> None:
        """Close the back end; it is opened anew at the next request."""
        if self._end is not None and self._finalizer is not None:
            end, self._end, self._backend = self._end, None, None
            self._finalizer.detach()
            await end.aclose()

    async def exists(self, key: str) -> bool:
        """Whether one key is stored."""
        return await self.request("look for", key, lambda backend, _: backend.exists(key))

    async def exists_many(self, keys: Sequence[str]) -> set[str]:
        """Those that are stored."""
        if len(keys) == 1:
            return set(keys) if await self.exists(keys[0]) else set()
        backend = await self.backend()
        if self._existence is None:
            self._existence = Existence(
                self.exists, self._pages, self.next_page, in_pages=backend.lists_in_pages, width=self._concurrency
            )
        return await self._existence.among(keys)

    def _pages(self, prefix: str) -> Pages:
        assert self._backend is not None  # exists_many has opened it
        return self._backend.pages(prefix)

    async def next_page(self, prefix: str, pages: Pages) -> list[str] | None:
        """A listing's next page, or None."""
        return await self.request("list", prefix, lambda _, __: pages.next())

    async def remove_many(self, keys: Iterable[str]) -> None:
        """Remove what is stored under them, in bulk where the back end can."""
        remaining = iter(keys)
        at_once = (await self.backend()).removes_at_once

        batches = iter(lambda: list(islice(remaining, at_once)), [])

        async def remove(batch: list[str]) -> None:
            try:
                await self.request("remove", batch[0], lambda backend, _: backend.remove(batch))
            except FileNotFoundError:  # none of it is there
                pass

        await for_each(batches, remove, self._concurrency)


async def _until_the_end(backend: Backend) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await backend.aclose()


def _close_soon(loop: asyncio.AbstractEventLoop, end: AsyncGenerator[None]) -> None:
    try:
        loop.call_soon_threadsafe(lambda: loop.create_task(_close(end)))
    except RuntimeError:  # the loop has ended, and the back end with it
        pass


async def _close(end: AsyncGenerator[None]) -> None:
    await end.aclose()
