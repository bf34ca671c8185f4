"""``ReadCache``: bytes that a process has published or read lately, so that its next tasks need not read them again.

Outputs are immutable, and the process that writes one is often the next to read it. The storage checks that the key
still exists; the engine invalidates the cache whenever a key may have been removed and made again
(:meth:`~alexflow.executors.interface.Executor.invalidate`).
"""

from __future__ import annotations

import os

from alexflow.blocks_briefly import blocks_briefly

#: The size of a generation, of which there are two at most, in bytes; each output counts with its overhead.
GENERATION_BYTES = 4 * 1024 * 1024
ENTRY_OVERHEAD_BYTES = 256

#: Larger outputs are not cached: reading them costs little beside what is done with them.
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
        return ReadCache, ()  # the cache of another process begins empty

    @blocks_briefly("a small file: it costs less than a thread would")
    def get(self, key: str, path: str) -> bytes | None:
        """The bytes of a key, as last read or published; None if they are not in the cache, or its file is gone."""
        data = self._younger.get(key)
        if data is None:
            data = self._older.get(key)
        if data is not None and not os.access(path, os.F_OK):  # a third of what reading costs
            self.drop(key)
            return None
        return data

    def put(self, key: str, data: bytes) -> None:
        """Cache the bytes of a key."""
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
        """Remove a key: its object may have been replaced."""
        self._younger.pop(key, None)
        self._older.pop(key, None)

    def clear(self) -> None:
        """Forget all."""
        self._younger = {}
        self._older = {}
        self._room = GENERATION_BYTES
