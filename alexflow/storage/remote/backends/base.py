"""``Backend``: the few requests that a remote storage makes, on the event loop.

Each method is one request (or few), tried once: attempts, deadline and bounds belong to the connection. Errors are
raised as the back end raises them, but for an absent object, which is a ``FileNotFoundError``.

A small object is created from memory. A large one is in a local file; it is uploaded in parts, which are not visible
until they are completed, where the back end has such a thing (:attr:`Backend.parts`), and else sent from the file at
once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple

from alexflow.errors import StorageError
from alexflow.storage.digest import is_record
from alexflow.storage.remote.retry import RequestAttempt


class ObjectStatus(NamedTuple):
    """The attributes of an object.

    Attributes:
        size: bytes.
        version: another one when the object is replaced.
        record: what was recorded of it when it was published (:mod:`alexflow.storage.digest`); empty if nothing was.
        modified: when it was stored, in seconds since 1970, by the server's clock; None if the server does not say.
    """

    size: int
    version: str
    record: bytes = b""
    modified: float | None = None


#: Under this name the record is among what a back end keeps with an object.
METADATA_NAME = "alexflow"

#: A copy gets the time of a transfer of this size, since the server makes it out of sight.
COPY_ALLOWANCE_BYTES = 256 * 1024 * 1024


def metadata_of(record: bytes) -> dict[str, str]:
    """The metadata of an object with this digest record."""
    return {METADATA_NAME: record.hex()} if record else {}


def record_in(metadata: Mapping[str, str] | None) -> bytes:
    """The digest record in an object's metadata; empty if there is none."""
    try:
        record = bytes.fromhex((metadata or {}).get(METADATA_NAME) or "")
    except ValueError:  # another program's
        return b""
    return record if is_record(record) else b""


class UploadLost(StorageError):
    """The upload is gone: completed already, or swept as stale."""


class Backend(ABC):
    """One event loop's client of a server."""

    #: Keys that one request removes.
    removes_at_once: ClassVar[int] = 1

    #: Whether a listing comes in pages, each a request that the caller may do without.
    lists_in_pages: ClassVar[bool] = False

    #: Uploads in parts, where it has them.
    parts: Parts | None = None

    #: The name of the condition for create-if-absent, for the warning where it is not enforced.
    condition: ClassVar[str] = "create-if-absent"

    @abstractmethod
    async def exists(self, key: str) -> bool:
        """Whether an object is stored there."""

    @abstractmethod
    async def read(self, key: str, attempt: RequestAttempt) -> bytes:
        """The object's bytes."""

    @abstractmethod
    async def read_range(self, key: str, start: int, stop: int, attempt: RequestAttempt) -> tuple[bytes, str]:
        """The bytes from ``start`` to before ``stop``, which is no further than its end; and the object's version, as
        :meth:`status` reports it, or nothing where a back end does not report it with a read.
        """

    @abstractmethod
    async def status(self, key: str) -> ObjectStatus:
        """The attributes of the object, without reading it."""

    @abstractmethod
    async def create(self, key: str, data: bytes, record: bytes = b"") -> bool:
        """Store an object, complete, at once; False if there is one already. ``record`` is kept with it."""

    @abstractmethod
    async def replace(self, key: str, data: bytes, record: bytes = b"") -> None:
        """Store an object, complete, at once, in place of an older one."""

    async def put_file(self, key: str, path: str, record: bytes, *, replace: bool) -> bool:
        """:meth:`create` or :meth:`replace` from a local file; only asked for where there are no :attr:`parts`."""
        raise NotImplementedError

    @abstractmethod
    async def remove(self, keys: Sequence[str]) -> None:
        """Remove at most :attr:`removes_at_once` objects; those that do not exist are passed over."""

    @abstractmethod
    def pages(self, prefix: str) -> Pages:
        """The keys that begin with ``prefix``, page after page."""

    def status_of(self, found: Mapping[str, Any]) -> ObjectStatus:
        """The attributes of a file, from fsspec's dictionary of it."""
        versions = [str(found[name]) for name in _VERSIONED if found.get(name) is not None]
        record = record_in(found.get("metadata"))
        return ObjectStatus(int(found["size"]), " ".join(versions), record, stored_at(found))

    async def copy(
        self, source: Backend, of: str, key: str, attempt: RequestAttempt, record: bytes = b""
    ) -> bool | None:
        """Store a copy of another's object, or of one of its own, without its bytes coming by here.

        Args:
            source: the other.
            of: the object's key there.
            key: the copy's.
            attempt: this one.
            record: what is kept with the copy, if not what is kept with the object.

        Returns:
            False if there is one under ``key`` already; None if this cannot be done.
        """
        return None

    async def remove_if(self, key: str, version: str) -> None:
        """Remove an object that is still of this version; without the condition where a back end has none."""
        if (await self.status(key)).version == version:
            await self.remove([key])

    async def sweep(self, before: float) -> int:
        """Remove uploads begun before ``before`` (seconds since 1970) and never completed; returns their number."""
        return 0

    async def aclose(self) -> None:  # noqa: B027  # many have nothing to close
        """Close its connections."""


#: Attributes of a file that change with its content.
_VERSIONED = ("generation", "etag", "version_id", "mtime", "modified", "last_modified", "size")

#: Where file systems have the time of writing, in the dictionary of a file.
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified")


def stored_at(found: Mapping[str, Any]) -> float | None:
    """The time when a file was written, in seconds since 1970; None if the server does not report it."""
    when = next((found[name] for name in _TIMES if found.get(name) is not None), None)
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when)
        except ValueError:
            return None
    if isinstance(when, datetime):
        return when.timestamp() if when.tzinfo is not None else when.replace(tzinfo=UTC).timestamp()
    return float(when) if isinstance(when, int | float) else None


class Parts(ABC):
    """Objects that are uploaded in parts. They are visible only once they are completed."""

    #: The largest number of parts.
    most: ClassVar[int] = 10_000

    @abstractmethod
    async def begin(self, key: str, record: bytes) -> str:
        """Begin an upload; gives its name. ``record`` is kept with the object."""

    @abstractmethod
    async def send(self, key: str, upload: str, number: int, data: bytes) -> str:
        """Upload the part of this number, from 1 on; returns the part's entry for :meth:`complete`.

        Raises:
            UploadLost: there is no such upload any more.
        """

    @abstractmethod
    async def complete(self, key: str, upload: str, parts: Sequence[str], record: bytes, *, replace: bool) -> bool:
        """Make the object of these parts, complete, at once; False if there is one already and it is to stay.

        Raises:
            UploadLost: there is no such upload any more.
        """

    @abstractmethod
    async def abort(self, key: str, upload: str) -> None:
        """Abort an upload."""


class Pages(ABC):
    """A listing under way."""

    @abstractmethod
    async def next(self) -> list[str] | None:
        """The next page, or None after the last. May be called again after it has failed."""


def check_odd(key: str, refused: str) -> None:
    """Check that the client brings a key to the server as it is.

    Raises:
        StorageError: it has one of the characters ``refused``.
    """
    if not set(refused).isdisjoint(key):
        odd = " ".join(map(repr, refused))
        raise StorageError(f"the key {key!r} has one of {odd}, which this storage would not keep; rename it", path=key)


class OnePage(Pages):
    """A listing that comes in one piece.

    Args:
        fetch: gives all keys.
    """

    def __init__(self, fetch: Callable[[], Awaitable[list[str]]]):
        self._fetch = fetch
        self._done = False

    async def next(self) -> list[str] | None:
        if self._done:
            return None
        keys = await self._fetch()
        self._done = True
        return keys
