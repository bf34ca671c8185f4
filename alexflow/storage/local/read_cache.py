"""Bytes that a process has lately published or read, so that the next of its tasks need not read them again.

An output does not change while it exists, and whoever makes one is often the next to read it. That it still exists is
for the storage to see. That it has not been removed and made again is for the engine: it knows when that can be, and
then says so (:meth:`~alexflow.executors.interface.Executor.invalidate`), and all is forgotten.
"""

from __future__ import annotations

#: What is kept at most, twice: bytes, and for each output as many again as it takes to keep it.
GENERATION_BYTES = 4 * 1024 * 1024
ENTRY_OVERHEAD_BYTES = 256

#: Larger outputs are not kept: reading them costs little beside what is done with them.
MAX_CACHED_BYTES = 256 * 1024  # bytes


class ReadCache:
    """Bytes by key, the latest some megabytes of them.

    They are in two generations; when the younger is full it becomes the older one, and that one goes.
    """

    __slots__ = ("_older", "_room", "_younger")

    def __init__(self) -> None:
        self._younger: dict[str, bytes] = {}
        self._older: dict[str, bytes] = {}
        self._room = GENERATION_BYTES

    def __reduce__(self) -> tuple[type[ReadCache], tuple[()]]:
        return ReadCache, ()  # in another process, other outputs are recent

    def get(self, key: str) -> bytes | None:
        """What was stored under a key when it was last heard of; None if that was long ago."""
        data = self._younger.get(key)
        return self._older.get(key) if data is None else data

    def put(self, key: str, data: bytes) -> None:
        """This is stored under a key."""
        size = len(data) + ENTRY_OVERHEAD_BYTES
        if size > MAX_CACHED_BYTES:
            self.drop(key)
            return
        self._room -= size
        if self._room < 0:
            self._older, self._younger = self._younger, {}
            self._room = GENERATION_BYTES - size
        self._younger[key] = data

    def drop(self, key: str) -> None:
        """Something else may be stored under a key now."""
        self._younger.pop(key, None)
        self._older.pop(key, None)

    def clear(self) -> None:
        """Forget all."""
        self._younger = {}
        self._older = {}
        self._room = GENERATION_BYTES
