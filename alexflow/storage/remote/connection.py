"""``Connection``: one event loop's way to a storage.

A client belongs to the event loop that it was opened in, so each loop has its own. It is closed when its loop shuts
down its asynchronous generators, which ``asyncio.run`` and its like do at their end, or when the storage is
garbage-collected.
"""

from __future__ import annotations

import asyncio
import random
import re
import uuid
import weakref
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from itertools import islice

from alexflow.errors import UnknownStorage
from alexflow.storage.background import for_each
from alexflow.storage.keys import RESERVED
from alexflow.storage.remote.address import Address
from alexflow.storage.remote.backend_errors import meaning_of
from alexflow.storage.remote.backends.base import Backend, Pages
from alexflow.storage.remote.retry import RequestAttempt, RetryPolicy
from alexflow.type_vars import T

#: Up to here keys are asked for one by one.
MAX_SINGLE_QUESTIONS = 16  # keys

#: Single questions that take as long as one page of a listing.
QUESTIONS_PER_PAGE = 32

#: Groups of keys that are looked for at once.
KEY_GROUPS_AT_ONCE = 16

_DIGEST = re.compile(r"[0-9a-f]{16,}")


class Existence:
    """Answers for one event loop's back end.

    Args:
        ask: whether one key exists.
        list_pages: begins a listing of what begins so.
        next_page: its next page.
        in_pages: whether a listing can be given up half way.
        width: questions at once.
    """

    def __init__(
        self,
        ask: Callable[[str], Awaitable[bool]],
        list_pages: Callable[[str], Pages],
        next_page: Callable[[str, Pages], Awaitable[list[str] | None]],
        *,
        in_pages: bool,
        width: int,
    ):
        self._ask = ask
        self._list_pages = list_pages
        self._next_page = next_page
        self._in_pages = in_pages
        self._width = width
        self._sizes: dict[str, int] = {}  # of listings that came in one piece

    async def existing(self, keys: Iterable[str]) -> set[str]:
        """The subset of ``keys`` that is stored."""
        groups = group_by_prefix(keys)
        if len(groups) == 1:
            [(prefix, wanted)] = groups.items()
            return await self._among_alike(prefix, wanted)
        found: set[str] = set()

        async def look(alike: tuple[str, set[str]]) -> None:
            found.update(await self._among_alike(*alike))

        await for_each(groups.items(), look, min(len(groups), KEY_GROUPS_AT_ONCE))
        return found

    async def _among_alike(self, prefix: str, wanted: set[str]) -> set[str]:
        if len(wanted) <= MAX_SINGLE_QUESTIONS or self._is_large(prefix, len(wanted)):
            return await self._ask_each(wanted)
        found: set[str] = set()
        pages = self._list_pages(prefix)
        for _ in range(-(-len(wanted) // QUESTIONS_PER_PAGE)):
            page = await self._next_page(prefix, pages)
            if page is None:
                return found
            found |= wanted.intersection(page)
            if not self._in_pages:
                self._sizes[prefix] = len(page)
                return found
            if len(found) == len(wanted):
                return found
        return found | await self._ask_each(wanted - found)

    def _is_large(self, prefix: str, wanted: int) -> bool:
        """Whether a listing that comes in one piece is known to hold too many other keys."""
        return self._sizes.get(prefix, 0) > wanted * QUESTIONS_PER_PAGE

    async def _ask_each(self, keys: set[str]) -> set[str]:
        found: set[str] = set()

        async def ask(key: str) -> None:
            if await self._ask(key):
                found.add(key)

        await for_each(keys, ask, min(len(keys), self._width))
        return found


def group_by_prefix(keys: Iterable[str]) -> dict[str, set[str]]:
    """Keys grouped by the part before the first digest in them, or else by their directory."""
    groups: dict[str, set[str]] = defaultdict(set)
    search = _DIGEST.search
    for key in keys:
        digest = search(key)
        groups[key[: digest.start()] if digest else key[: key.rfind("/") + 1]].add(key)
    return groups


#: Parts of large objects on their way at once: what of them is in memory.
UPLOADED_PARTS_AT_ONCE = 3


class Connection:
    """A back end, with retries and a bound on requests under way.

    Args:
        backend: gives it; the first request waits for it.
        address: where it is.
        deadline: seconds for one request.
        concurrency: requests at once.

    Attributes:
        probing: held while a caller probes the conditions that the back end enforces.
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
        self._retries = RetryPolicy(address.shown, address.redact, deadline, slots, random.Random())
        self._existence: Existence | None = None
        self.probing = asyncio.Lock()
        self.parts = asyncio.Semaphore(UPLOADED_PARTS_AT_ONCE)

    @property
    def is_in_outage(self) -> bool:
        """Whether the storage has not answered lately."""
        return self._retries.is_in_outage

    async def request(self, operation: str, key: str, call: Callable[[Backend, RequestAttempt], Awaitable[T]]) -> T:
        """One request, tried as :class:`RetryPolicy` does."""

        async def attempt(attempt: RequestAttempt) -> T:
            return await call(self._backend or await self._open(), attempt)

        return await self._retries.request(operation, key, attempt)

    async def backend(self) -> Backend:
        """The back end, opened."""
        if self._backend is None:
            await self._retries.request("open", "", lambda attempt: self._open())
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
        """Check that a key that cannot exist does not: a login page answers 200 to every request.

        Raises:
            UnknownStorage: it is said to be there.
        """
        key = f"{RESERVED}/probe/{uuid.uuid4().hex}"
        try:
            is_there = await backend.exists(key)
        except (
            Exception
        ) as error:  # of back ends, by its meaning; all but transient ones are reported by the request itself
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
                f"everything, such as a login page or a console, is not a storage; correct the address"
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
        """The subset of ``keys`` that is stored."""
        if len(keys) == 1:
            return set(keys) if await self.exists(keys[0]) else set()
        backend = await self.backend()
        if self._existence is None:
            self._existence = Existence(
                self.exists, self._pages, self.next_page, in_pages=backend.lists_in_pages, width=self._concurrency
            )
        return await self._existence.existing(keys)

    def _pages(self, prefix: str) -> Pages:
        assert self._backend is not None  # exists_many has opened it
        return self._backend.pages(prefix)

    async def next_page(self, prefix: str, pages: Pages) -> list[str] | None:
        """A listing's next page, or None."""
        return await self.request("list", prefix, lambda _, __: pages.next())

    async def remove_many(self, keys: Iterable[str]) -> None:
        """Remove the objects under ``keys``, in bulk where the back end can."""
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
