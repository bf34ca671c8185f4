"""``PrefixStorage``: a part of a storage, as a storage of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alexflow.arguments import check_argument
from alexflow.errors import UnknownStorage
from alexflow.storage.interface import Storage
from alexflow.storage.keys import check_key, is_key, only_keys
from alexflow.storage.layered.renaming import RenamingStorage
from alexflow.storage.leases import Holder, Leases, Wanted
from alexflow.storage.storage_checks import check_storage

if TYPE_CHECKING:
    from alexflow.storage.leases import Leases
    from alexflow.storage.reserved import ReservedSpace, Space


class PrefixedLeases(Leases):
    """Leases whose keys lack the prefix that they have in the storage itself.

    Args:
        leases: those of the storage.
        prefix: without its last slash.
    """

    def __init__(self, leases: Leases, prefix: str):
        self._leases = leases
        self._prefix = prefix
        super().__init__(leases.ttl)
        self.look_every = leases.look_every
        self.rests_at_once = leases.rests_at_once

    @property
    def everything(self) -> bool:
        return self._leases.everything

    @everything.setter
    def everything(self, value: bool) -> None:
        self._leases.everything = value

    async def join(self) -> None:
        await self._leases.join()

    def has_peers(self) -> bool:
        return self._leases.has_peers()

    def parts(self) -> int:
        return self._leases.parts()

    async def keep_only(self, keys: Iterable[str]) -> None:
        await self._leases.keep_only(self._inside(keys))

    async def take(self, wanted: Wanted) -> set[str]:
        return await self._leases.take(self._all_inside(wanted))

    async def held_by_peers(self, wanted: Wanted) -> set[str]:
        return await self._leases.held_by_peers(self._all_inside(wanted))

    async def holders(self, wanted: Wanted) -> list[Holder]:
        return await self._leases.holders(self._all_inside(wanted))

    def known_holders(self, wanted: Wanted) -> list[Holder]:
        return self._leases.known_holders(self._all_inside(wanted))

    def release(self, keys: Iterable[str]) -> None:
        self._leases.release(self._inside(keys))

    async def renew(self) -> bool:
        return await self._leases.renew()

    def rest(self) -> None:
        self._leases.rest()

    async def leave(self) -> None:
        await self._leases.leave()

    def _all_inside(self, wanted: Wanted) -> dict[str, list[str]]:
        return {task_id: self._inside(keys) for task_id, keys in wanted.items()}

    def _inside(self, keys: Iterable[str]) -> list[str]:
        return [f"{self._prefix}/{key}" for key in keys]


@dataclass(frozen=True)
class PrefixStorage(RenamingStorage):
    """The part of another storage below a prefix; keys lack the prefix.

    Attributes:
        storage: the other storage.
        prefix: a name, or several with slashes in between, such as ``"team/experiment-3"``.
    """

    storage: Storage
    prefix: str

    def __post_init__(self) -> None:
        check_storage(self.storage, "PrefixStorage")
        check_argument("PrefixStorage.prefix", self.prefix, str, "a text, such as 'team/experiment-3'", UnknownStorage)
        object.__setattr__(self, "prefix", self.prefix.rstrip("/"))
        check_key(self.prefix)

    def _inside(self, key: str) -> str:
        return f"{self.prefix}/{key}"

    def _outside(self, key: str) -> str:
        return key[len(self.prefix) + 1 :]

    def leases(self, ttl: float) -> Leases | None:
        from alexflow.storage.layered.prefix import PrefixedLeases  # deferred: an engine's, not a worker's

        leases = self.storage.leases(ttl)
        return None if leases is None else PrefixedLeases(leases, self.prefix)

    def quarantined(self) -> Iterator[str]:
        start = self._inside("")
        return (self._outside(key) for key in self.storage.quarantined() if key.startswith(start))

    def reserved(self, space: Space) -> ReservedSpace | None:
        whole = self.storage.reserved(space)
        return None if whole is None else self._part_of(whole)

    def reserved_below(self, space: Space) -> Iterator[ReservedSpace]:
        return map(self._part_of, self.storage.reserved_below(space))

    def _part_of(self, whole: ReservedSpace) -> ReservedSpace:
        from alexflow.storage.reserved import PrefixedSpace  # deferred: a worker process has no use for it

        return PrefixedSpace(whole, f"{self.prefix}/")

    def list(self, prefix: str = "") -> Iterator[str]:
        inside = (self._outside(key) for key in self.storage.list(prefix=self._inside(prefix)))
        return only_keys(inside)  # a name that is reserved at this root may be a key further down

    async def alist(self, prefix: str = "") -> AsyncIterator[str]:
        async for key in self.storage.alist(self._inside(prefix)):
            if is_key(own := self._outside(key)):  # as above
                yield own
