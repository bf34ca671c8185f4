"""What leases are: the right to make outputs, held by one engine at a time.

An engine *joins* when it has work. While nobody else is there it holds everything, and claims nothing one by one.
Once another engine has come it keeps what it is at work on, and takes whatever else it starts output by output. It
*renews* all its leases together, by one sign of life.

Readers never ask. A lease keeps work from being done twice; that no result is published twice, or half, is the
storage's own promise (the first publisher wins), and holds without leases, too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

#: Outputs by task: a task is held as a whole, that is, all its outputs or none.
Wanted = Mapping[str, Sequence[str]]


class Leases(ABC):
    """One engine's leases on one storage. What is not ``async`` returns at once, and does not wait for anybody.

    Args:
        ttl: seconds after which an engine that holds leases and shows no sign of life is passed over.

    Attributes:
        everything: whether this engine holds everything, because it is the only one here.
        look_every: how often it is worthwhile to look what the others do, in seconds.
    """

    look_every = 0.1

    def __init__(self, ttl: float):
        self.ttl = ttl
        self.everything = False

    @abstractmethod
    async def join(self) -> None:
        """There is work: be known to the other engines, and hold everything if there are none.

        Raises:
            OSError: the storage gives no leases, for the reason that it names.
        """

    @abstractmethod
    def others_here(self) -> bool:
        """Whether other engines have joined."""

    @abstractmethod
    async def keep_only(self, keys: Iterable[str]) -> None:
        """Hold these instead of everything."""

    @abstractmethod
    async def take(self, wanted: Wanted) -> set[str]:
        """Take what no other engine holds; gives the tasks that were taken."""

    @abstractmethod
    async def held_elsewhere(self, wanted: Wanted) -> set[str]:
        """Those of these tasks that another engine holds, and has not let lapse."""

    @abstractmethod
    def release(self, keys: Iterable[str]) -> None:
        """Let go of outputs that were taken or kept."""

    @abstractmethod
    async def renew(self) -> bool:
        """Show that this engine goes on; to be called several times within ``ttl``.

        Returns:
            Whether that comes too late, so that others may have taken over what this engine holds.
        """

    @abstractmethod
    async def leave(self) -> None:
        """There is no work: let go of everything, and leave nothing behind, until the next :meth:`join`."""
