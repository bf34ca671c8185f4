"""``PrefixStorage``: a part of a storage, as a storage of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alexflow.storage.interface import Storage
from alexflow.storage.keys import check_key, is_key, only_keys
from alexflow.storage.layered.renaming import Renaming

if TYPE_CHECKING:
    from alexflow.storage.leases import Leases


@dataclass(frozen=True)
class PrefixStorage(Renaming):
    """What lies below a prefix of another storage. Keys are those without the prefix.

    Attributes:
        storage: the other storage.
        prefix: a name, or several with slashes in between, such as ``"team/experiment-3"``.
    """

    storage: Storage
    prefix: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", self.prefix.rstrip("/"))
        check_key(self.prefix)

    def _inside(self, key: str) -> str:
        return f"{self.prefix}/{key}"

    def _outside(self, key: str) -> str:
        return key[len(self.prefix) + 1 :]

    def leases(self, ttl: float) -> Leases | None:
        from alexflow.storage.layered.prefixed_leases import PrefixedLeases  # deferred: an engine's, not a worker's

        leases = self.storage.leases(ttl)
        return None if leases is None else PrefixedLeases(leases, self.prefix)

    def list(self, prefix: str = "") -> Iterator[str]:
        inside = (self._outside(key) for key in self.storage.list(prefix=self._inside(prefix)))
        return only_keys(inside)  # what has a reserved name at this root may have it further down

    async def alist(self, prefix: str = "") -> AsyncIterator[str]:
        async for key in self.storage.alist(self._inside(prefix)):
            if is_key(own := self._outside(key)):  # as above
                yield own
