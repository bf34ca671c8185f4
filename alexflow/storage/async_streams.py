"""Streams and paths (:mod:`alexflow.storage.streams`) for the event loop: a thread for each piece."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any, BinaryIO, Protocol, cast

import aiofiles.threadpool

from alexflow.storage.background import in_thread
from alexflow.storage.permits import under_permit
from alexflow.type_vars import T


class AsyncReader(Protocol):
    """A stored object, read piece by piece on the event loop."""

    async def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most ``size`` of them if it is not negative; none at the end."""
        ...

    async def readline(self, size: int = -1, /) -> bytes:
        """The next bytes up to a line's end, and with it."""
        ...

    async def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go on elsewhere; as :meth:`io.IOBase.seek`."""
        ...

    async def tell(self) -> int:
        """The position of the next byte to be read."""
        ...


class AsyncWriter(Protocol):
    """An object on its way to a storage, written piece by piece on the event loop."""

    async def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Write all of ``data``."""
        ...

    async def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go on elsewhere; as :meth:`io.IOBase.seek`."""
        ...

    async def tell(self) -> int:
        """The position of the next byte to be written."""
        ...


@asynccontextmanager
async def areader(read: Callable[[], Awaitable[bytes]]) -> AsyncIterator[AsyncReader]:
    """Bytes in memory, read as a stream; ``read`` gets them."""
    yield asynchronous(io.BytesIO(await read()))


@asynccontextmanager
async def opened_in_threads(opened: Callable[[], BinaryIO]) -> AsyncIterator[AsyncReader]:
    """A file that blocks, for the event loop."""
    async with in_threads(lambda: _opening(opened)) as file:
        yield asynchronous(file)


@contextmanager
def _opening(opened: Callable[[], BinaryIO]) -> Iterator[BinaryIO]:
    with opened() as file:
        yield file


@asynccontextmanager
async def awriter(writer: Callable[[], AbstractContextManager[BinaryIO]]) -> AsyncIterator[AsyncWriter]:
    """A stream that blocks, made by ``writer``, for the event loop."""
    async with in_threads(writer) as file:
        yield asynchronous(file)


@asynccontextmanager
async def in_threads(make: Callable[[], AbstractContextManager[T]]) -> AsyncIterator[T]:
    """A context that blocks and holds a file open, entered and left in threads."""

    async def enter() -> tuple[AbstractContextManager[T], T]:
        context = make()
        return context, await in_thread(context.__enter__)

    permit, (context, value) = await under_permit(enter)
    try:
        try:
            yield value
        except BaseException as error:
            # in a thread, too, since it may have to wait for one that a cancelled call has left behind in the same file
            if not await in_thread(context.__exit__, type(error), error, error.__traceback__):
                raise
        else:
            await in_thread(context.__exit__, None, None, None)
    finally:
        permit.release()


class _AtOnce:
    """A file in memory, as if it were asynchronous."""

    def __init__(self, file: io.BytesIO):
        self._file = file

    async def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size)

    async def readline(self, size: int = -1, /) -> bytes:
        return self._file.readline(size)

    async def write(self, data: bytes | bytearray | memoryview, /) -> int:
        return self._file.write(data)

    async def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    async def tell(self) -> int:
        return self._file.tell()


def asynchronous(file: BinaryIO) -> Any:
    """An open file for the event loop: both an AsyncReader and an AsyncWriter, as far as ``file`` is one."""
    return _AtOnce(file) if isinstance(file, io.BytesIO) else aiofiles.threadpool.wrap(cast(Any, file))
