"""The leases of a storage, for what lies below a prefix of it."""

from __future__ import annotations

from collections.abc import Iterable

from alexflow.storage.leases import Holder, Leases, Wanted


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

    def others_here(self) -> bool:
        return self._leases.others_here()

    async def keep_only(self, keys: Iterable[str]) -> None:
        await self._leases.keep_only(self._inside(keys))

    async def take(self, wanted: Wanted) -> set[str]:
        return await self._leases.take(self._all_inside(wanted))

    async def held_elsewhere(self, wanted: Wanted) -> set[str]:
        return await self._leases.held_elsewhere(self._all_inside(wanted))

    async def holders(self, wanted: Wanted) -> list[Holder]:
        return await self._leases.holders(self._all_inside(wanted))

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
