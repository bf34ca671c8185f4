"""``MemoryStorage``: a dictionary, for tests and for results that need not outlive the process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, NoReturn

from alexflow.errors import OutputNotFound, ShippingError
from alexflow.storage.digest import record_of
from alexflow.storage.interface import Storage
from alexflow.storage.key_checks import checks_its_keys
from alexflow.storage.keys import check_key
from alexflow.storage.staged import Staged

if TYPE_CHECKING:
    from alexflow.storage.appended_place import AppendedPlace
    from alexflow.storage.reserved import ReservedSpace, Space
    from alexflow.storage.staged import Staging


class MemoryStorage(Storage):
    """Keeps bytes in this process. Safe for threads and event loops; out of reach for worker processes."""

    process_local: ClassVar[bool] = True
    answers_at_once: ClassVar[bool] = True

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._modified: dict[str, float] = {}
        self._lock = threading.Lock()
        self._spaces: dict[Space, ReservedSpace] = {}

    def __repr__(self) -> str:
        return f"MemoryStorage({len(self._objects)} keys)"

    def __reduce__(self) -> NoReturn:
        raise ShippingError("a MemoryStorage cannot leave its process; use LocalStorage")

    def reserved(self, space: Space) -> ReservedSpace:
        from alexflow.storage.reserved import MemorySpace  # deferred: most never ask

        return self._spaces.setdefault(space, MemorySpace())

    def exists_many(self, keys: Sequence[str]) -> set[str]:
        objects = self._objects
        return {key for key in keys if key in objects}

    def read(self, key: str) -> bytes:
        try:
            return self._objects[key]
        except KeyError:
            raise OutputNotFound(key, "memory") from None

    @checks_its_keys
    def stage(self, key: str, data: bytes) -> Staged:
        check_key(key)
        return Staged(key, len(data), data)

    def read_staged(self, staged: Staged) -> bytes:
        return staged.data or b""

    @checks_its_keys
    def publish(self, staged: Staged, *, replace: bool = False) -> bool:
        check_key(staged.key)
        with self._lock:
            if not replace and staged.key in self._objects:
                return False
            self._objects[staged.key] = staged.data or b""
            self._modified[staged.key] = time.time()
            staged.record = record_of(staged.data or b"")
            return True

    def discard(self, staged: Staged) -> None:
        staged.data = None

    def remove_many(self, keys: Iterable[str]) -> None:
        with self._lock:
            for key in keys:
                self._objects.pop(key, None)
                self._modified.pop(key, None)

    def list(self, prefix: str = "") -> Iterator[str]:
        with self._lock:
            keys = [key for key in self._objects if key.startswith(prefix)]
        yield from keys

    def size(self, key: str) -> int:
        return len(self.read(key))

    def open_staging(self, key: str) -> Staging:
        from alexflow.storage.streams import InMemory  # deferred: few tasks need it

        return InMemory(self, key)

    def appended_place(self, key: str) -> AppendedPlace:
        from alexflow.storage.appended_place import temporary_place  # deferred, as above

        return temporary_place(f"memory {os.getpid()} {id(self)}", key)

    def version(self, key: str) -> bytes | None:
        return self._objects.get(key)

    def modified(self, key: str) -> float | None:
        return self._modified.get(key)

    @checks_its_keys  # the blocking form does
    async def aexists_many(self, keys: Sequence[str]) -> set[str]:
        return self.exists_many(keys)

    @checks_its_keys  # the blocking form does
    async def aread(self, key: str) -> bytes:
        return self.read(key)

    @checks_its_keys  # the blocking form does
    async def astage(self, key: str, data: bytes) -> Staged:
        return self.stage(key, data)

    @checks_its_keys  # the blocking form does
    async def apublish(self, staged: Staged, *, replace: bool = False) -> bool:
        return self.publish(staged, replace=replace)

    async def adiscard(self, staged: Staged) -> None:
        self.discard(staged)

    async def aremove_many(self, keys: Iterable[str]) -> None:
        self.remove_many(keys)

    async def alist(self, prefix: str = "") -> AsyncIterator[str]:
        for key in self.list(prefix):
            yield key

    async def asize(self, key: str) -> int:
        return self.size(key)

    async def aversion(self, key: str) -> bytes | None:
        return self.version(key)

    async def amodified(self, key: str) -> float | None:
        return self.modified(key)
