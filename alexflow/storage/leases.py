"""Leases: the right to make outputs, held by one engine at a time.

An engine *joins* when it has work. While it is alone it holds everything, and claims no single output. Once another
engine has joined, it keeps the outputs it is working on, and takes whatever else it starts output by output. It
*renews* all its leases together, by one heartbeat.

Readers never ask. A lease keeps work from being done twice; that no result is published twice, or half, is the
storage's own promise (the first publisher wins), and holds without leases, too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

#: Outputs by task: a task is held as a whole, that is, all its outputs or none.
Wanted = Mapping[str, Sequence[str]]


class NoLeases(OSError):
    """The storage can be written, and gives no leases all the same; the message says what can be done about it."""


class Holder(NamedTuple):
    """An engine that holds something.

    Attributes:
        host: the machine that it runs on.
        pid: its process.
        since: when it began to hold anything, in seconds since 1970, by its own clock.
    """

    host: str
    pid: int
    since: float


class Leases(ABC):
    """One engine's leases on one storage. Methods that are not ``async`` return at once.

    Args:
        ttl: seconds without a heartbeat after which an engine's leases lapse.

    Attributes:
        everything: whether this engine holds everything, because it is the only one here.
        look_every: seconds between two looks at peers that are worthwhile.
        rests_at_once: whether :meth:`rest` releases everything.
    """

    look_every = 0.1
    rests_at_once = False

    def __init__(self, ttl: float):
        self.ttl = ttl
        self.everything = False

    @abstractmethod
    async def join(self) -> None:
        """Announce work to the other engines, and hold everything if there are none.

        Raises:
            NoLeases: the storage can be written, but gives no leases.
            OSError: it gives none because it cannot be written.
            StorageUnavailable: it did not answer before its deadline was over.
        """

    def join_now(self) -> bool:
        """:meth:`join`, if that needs no waiting. Returns whether it has joined.

        Raises:
            OSError: as :meth:`join`.
        """
        return False

    @abstractmethod
    def has_peers(self) -> bool:
        """Whether other engines have joined."""

    def parts(self) -> int:
        """Into how many equal parts engines that have joined share what is limited for all; one is this engine's."""
        return 2 if self.has_peers() else 1

    @abstractmethod
    async def keep_only(self, keys: Iterable[str]) -> None:
        """Hold these instead of everything."""

    @abstractmethod
    async def take(self, wanted: Wanted) -> set[str]:
        """Take what no other engine holds; gives the tasks that were taken."""

    @abstractmethod
    async def held_by_peers(self, wanted: Wanted) -> set[str]:
        """The subset of these tasks that another engine holds and has not let lapse."""

    @abstractmethod
    async def holders(self, wanted: Wanted) -> list[Holder]:
        """Other engines that hold any of these tasks, as far as they can be found out."""

    def known_holders(self, wanted: Wanted) -> list[Holder]:
        """:meth:`holders`, as far as that needs no waiting; where it is a request, what was found the last time."""
        return []

    @abstractmethod
    def release(self, keys: Iterable[str]) -> None:
        """Release outputs that were taken or kept."""

    @abstractmethod
    async def renew(self) -> bool:
        """Write a heartbeat; to be called several times within ``ttl``.

        Returns:
            Whether that comes too late, so that others may have taken over what this engine holds.
        """

    def rest(self) -> None:  # noqa: B027  # most cannot without waiting
        """Release everything until the next :meth:`join`, if that takes no time."""

    @abstractmethod
    async def leave(self) -> None:
        """Release everything, and leave nothing behind, until the next :meth:`join`."""
