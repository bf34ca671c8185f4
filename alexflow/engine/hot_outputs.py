"""Outputs kept in memory: a storage as ``Engine.load`` reads it where the engine has a ``MemoryCache``.

Bytes are kept under their keys, or values under the output's class and key. A read that is under way is shared by all
callers that ask for the same key meanwhile. What was read before an output was made again is not kept: each drop of a
key begins a new epoch.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple

from alexflow.model import Output
from alexflow.storage import Storage
from alexflow.storage.layered.wrapper import StorageWrapper
from alexflow.storage.memory_cache import MemoryCache

#: Memory that the time of an output counts for.
TIME_BYTES = 64

#: Memory that keeping something takes, besides what is kept: a number of 20 bytes would not be bounded without it.
ENTRY_BYTES = 1_000


class _Kept(NamedTuple):
    thing: Any  # bytes, or a value
    until: float
    size: int


class HotOutputs(StorageWrapper, checks_keys=False):
    """Another storage, with what was read lately.

    Args:
        storage: the other one.
        limits: how much is kept, for how long, and in which form.
    """

    def __init__(self, storage: Storage, limits: MemoryCache):
        self.storage = storage
        self._limits = limits
        self.keeps_values = limits.values
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._size = 0
        self._names: dict[str, set[Hashable]] = {}  # under which something of a key is kept
        self._reading: dict[str, asyncio.Task[bytes]] = {}
        self._read: dict[str, int] = {}  # sizes of what was read and whose value is not there yet
        self._epoch = 0

    # -- bytes

    def bytes_of(self, key: str) -> bytes | None:
        """Return the bytes of an object, if they are kept."""
        data: bytes | None = self._find(key)
        return data

    async def aread(self, key: str) -> bytes:
        if not self.keeps_values:
            data = self.bytes_of(key)
            if data is not None:
                return data
        if self.storage.answers_at_once:
            return await self._fetch(key)
        reading = self._reading.get(key)
        if reading is None:
            reading = self._reading[key] = asyncio.ensure_future(self._fetch(key))
            reading.add_done_callback(lambda _: self._reading.pop(key, None))
        return await asyncio.shield(reading)  # a caller that leaves does not stop the read of others

    async def _fetch(self, key: str) -> bytes:
        epoch = self._epoch
        data = await self.storage.aread(key)
        if epoch == self._epoch:
            if self.keeps_values:
                self._read[key] = len(data)
            else:
                self._keep(key, key, data, len(data))
        return data

    async def amodified(self, key: str) -> float | None:
        name = "modified", key
        at: float | None = self._find(name)
        if at is None:
            epoch = self._epoch
            at = await self.storage.amodified(key)
            if at is not None and epoch == self._epoch:
                self._keep(name, key, at, TIME_BYTES)
        return at

    # -- values

    def value_of(self, output: Output[Any]) -> tuple[Any] | None:
        """Return the value of an output, in a tuple, if it is kept."""
        found = self._find((type(output), output.key))
        return None if found is None else (found,)

    def keep_value(self, output: Output[Any], value: Any) -> None:
        """Keep a value that has just been loaded, if its bytes were read here; None is not kept."""
        key = output.key
        size = self._read.pop(key, None)
        if size is not None and value is not None:
            self._keep((type(output), key), key, value, size)

    # -- both

    def _find(self, name: Hashable) -> Any:
        kept = self._kept.get(name)
        if kept is None or kept.until < time.monotonic():
            return None
        self._kept.move_to_end(name)
        return kept.thing

    def _keep(self, name: Hashable, key: str, thing: Any, size: int) -> None:
        self._forget(name)
        size += ENTRY_BYTES
        if size > self._limits.max_bytes:
            return
        self._kept[name] = _Kept(thing, time.monotonic() + self._limits.max_age, size)
        self._names.setdefault(key, set()).add(name)
        self._size += size
        while self._size > self._limits.max_bytes:
            self._forget(next(iter(self._kept)))

    def _forget(self, name: Hashable) -> None:
        kept = self._kept.pop(name, None)
        if kept is not None:
            self._size -= kept.size
            key = name if isinstance(name, str) else name[1]  # type: ignore[index]  # (class, key)
            names = self._names.get(key, set())
            names.discard(name)
            if not names:
                self._names.pop(key, None)

    def drop(self, keys: Iterable[str]) -> None:
        """Forget outputs: they are made again, or removed."""
        self._epoch += 1
        self._read.clear()
        for key in keys:
            self._reading.pop(key, None)
            for name in tuple(self._names.get(key, ())):
                self._forget(name)
