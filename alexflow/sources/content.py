"""The content of a source as a read-only storage of one object, which refuses to read changed data."""

from __future__ import annotations

import hashlib
import io
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from alexflow.errors import ReadOnlyAccess, SourceChanged
from alexflow.sources.location import Location, location_of
from alexflow.storage import Staged, Storage
from alexflow.storage.background import in_thread

if TYPE_CHECKING:
    from alexflow.storage.async_streams import AsyncReader
    from alexflow.storage.staged import Mode


class Content(Storage):
    """The data at a location, under any key.

    Args:
        url: the location.
        options: options of the file system behind the URL.
        digest: the digest that the data must have.
        stamp: the location's stamp when they had it.
    """

    def __init__(self, url: str, options: Mapping[str, Any], digest: str, stamp: str):
        self._url = url
        self._options = options
        self._digest = digest
        self._stamp = stamp

    @cached_property
    def _location(self) -> Location:
        return location_of(self._url, self._options)  # made at the first read: it may ask a server

    def __repr__(self) -> str:
        return f"Content({self._url!r})"

    def check(self, *, at_the_end: bool = False) -> None:
        """Check that the data have not changed.

        Args:
            at_the_end: whether they have been read; then a change that may have kept the stamp counts as well.

        Raises:
            SourceChanged: they have.
        """
        stamp = self._location.stamp()
        if stamp != self._stamp or (at_the_end and not self._location.is_settled()):
            if self._location.read_digest().digest != self._digest:
                raise SourceChanged(self._url)
            self._stamp = stamp  # only the time has changed

    def exists_many(self, keys: Sequence[str]) -> set[str]:
        return set(keys)

    def read(self, key: str) -> bytes:
        with self._location.open() as file:
            data = file.read()
        if hashlib.blake2b(data, digest_size=20).hexdigest() != self._digest:
            raise SourceChanged(self._url)
        return data

    def reader(self, key: str) -> BinaryIO:
        self.check()
        return io.BufferedReader(_CheckedStream(self._location.open(), self))

    def size(self, key: str) -> int:
        with self.reader(key) as reader:
            return reader.seek(0, io.SEEK_END)

    def version(self, key: str) -> str:
        return self._digest

    @contextmanager
    def path(self, key: str, mode: Mode = "r") -> Iterator[Path]:
        if mode != "r":
            self._refuse()
        if self._location.path is None:
            with super().path(key) as copy:  # the reader has checked the data
                yield copy
            return
        self.check()
        try:
            yield Path(self._location.path)
        except Exception as error:  # the data may have changed while they were read
            self._check_after(error)
            raise
        self.check(at_the_end=True)

    def _check_after(self, error: Exception) -> None:
        try:
            self.check(at_the_end=True)
        except SourceChanged as changed:
            raise changed from error

    def list(self, prefix: str = "") -> Iterator[str]:
        return iter(())

    def stage(self, key: str, data: bytes) -> Staged:
        self._refuse()

    def read_staged(self, staged: Staged) -> bytes:
        self._refuse()

    def publish(self, staged: Staged, *, replace: bool = False) -> bool:
        self._refuse()

    def discard(self, staged: Staged) -> None:
        self._refuse()

    def remove_many(self, keys: Iterable[str]) -> None:
        self._refuse()

    async def aexists_many(self, keys: Sequence[str]) -> set[str]:
        return self.exists_many(keys)

    async def aread(self, key: str) -> bytes:
        return await in_thread(self.read, key)

    async def asize(self, key: str) -> int:
        return await in_thread(self.size, key)

    async def aversion(self, key: str) -> str:
        return self.version(key)

    def areader(self, key: str) -> AbstractAsyncContextManager[AsyncReader]:
        from alexflow.storage.async_streams import opened_in_threads  # deferred: few tasks need it

        return opened_in_threads(lambda: self.reader(key))

    async def alist(self, prefix: str = "") -> AsyncIterator[str]:
        for key in self.list(prefix):
            yield key

    async def astage(self, key: str, data: bytes) -> Staged:
        self._refuse()

    async def apublish(self, staged: Staged, *, replace: bool = False) -> bool:
        self._refuse()

    async def adiscard(self, staged: Staged) -> None:
        self._refuse()

    async def aremove_many(self, keys: Iterable[str]) -> None:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise ReadOnlyAccess([self._url], "a source")


class _CheckedStream(io.RawIOBase):
    """A stream that checks its source when it is closed: the data may have changed while they were read."""

    def __init__(self, stream: BinaryIO, content: Content):
        self._stream = stream
        self._content = content

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._stream.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._stream.close()
            self._content.check(at_the_end=True)
