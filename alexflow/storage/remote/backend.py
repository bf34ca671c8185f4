"""``Backend``: the few requests that a back end is asked for, on the event loop.

Each method is one request (or few), tried once: attempts, deadline and bounds are others' business. What goes wrong is
raised as the back end raises it, but for an absent object, which is a ``FileNotFoundError``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from alexflow.errors import StorageError
from alexflow.storage.remote.patience import Attempt


class Status(NamedTuple):
    """What is known of an object.

    Attributes:
        size: bytes.
        version: another one when the object is replaced.
    """

    size: int
    version: str


class Backend(ABC):
    """What one event loop talks to."""

    #: Keys that one request removes.
    removes_at_once: ClassVar[int] = 1

    #: Whether a listing comes in pages, each a request that the caller may do without.
    lists_in_pages: ClassVar[bool] = False

    #: What "create if absent" is asked with, for the warning where it is not kept.
    condition: ClassVar[str] = "create-if-absent"

    @abstractmethod
    async def exists(self, key: str) -> bool:
        """Whether an object is stored there."""

    @abstractmethod
    async def read(self, key: str, attempt: Attempt) -> bytes:
        """The object's bytes."""

    @abstractmethod
    async def status(self, key: str) -> Status:
        """What is known of the object without reading it."""

    @abstractmethod
    async def create(self, key: str, data: bytes) -> bool:
        """Store an object, complete, at once; False if there is one already."""

    @abstractmethod
    async def replace(self, key: str, data: bytes) -> None:
        """Store an object, complete, at once, in place of what is there."""

    @abstractmethod
    async def remove(self, keys: Sequence[str]) -> None:
        """Remove at most :attr:`removes_at_once` objects; those that do not exist are passed over."""

    @abstractmethod
    def pages(self, prefix: str) -> Pages:
        """The keys that begin with ``prefix``, page after page."""

    def status_of(self, found: Mapping[str, Any]) -> Status:
        """From what fsspec tells of a file."""
        told = [str(found[name]) for name in _VERSIONED if found.get(name) is not None]
        return Status(int(found["size"]), " ".join(told))

    async def aclose(self) -> None:  # noqa: B027  # many have nothing to close
        """Close its connections."""


#: What back ends tell of a file that changes with its content.
_VERSIONED = ("generation", "etag", "version_id", "mtime", "modified", "last_modified", "size")


class Pages(ABC):
    """A listing under way."""

    @abstractmethod
    async def next(self) -> list[str] | None:
        """The next page, or None after the last. May be called again after it has failed."""


def check_odd(key: str, refused: str) -> None:
    """See that the client brings a key to the server as it is.

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
