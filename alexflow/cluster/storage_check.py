"""The check that agents see an engine's storage: a small file, which they must find there."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress

from alexflow.storage import Storage

#: Seconds after which another engine removes the file of one that was killed. An engine that is open for longer has
#: written another file by then.
CHECK_IS_OLD = 24 * 3600.0


class StorageCheck:
    """A file of an engine, with random content, so that a copy of the storage does not have it.

    Args:
        storage: the engine's.
    """

    def __init__(self, storage: Storage):
        self._storage = storage
        self._written: tuple[str, bytes] | None = None
        self._at = 0.0
        self._lock = asyncio.Lock()  # agents that come together get one file

    async def written(self) -> tuple[str, bytes] | None:
        """Return the file's name and content; write it first, if need be. None if nothing can be written there."""
        async with self._lock:
            if self._written is None or time.time() - self._at > CHECK_IS_OLD / 2:
                self._written, self._at = await asyncio.to_thread(self._write), time.time()
            return self._written

    async def remove(self) -> None:
        """Remove the file."""
        if self._written is not None:
            await asyncio.to_thread(self._remove, self._written[0])

    def _write(self) -> tuple[str, bytes] | None:
        space = self._storage.reserved("agents")
        if space is None or space.is_read_only:
            return None
        now = time.time()
        for name in space.names():
            begun, _, _ = name.partition("-")
            if begun.isdigit() and int(begun) < now - CHECK_IS_OLD:
                self._remove(name)
        name, content = f"{int(now)}-{secrets.token_hex(8)}.check", secrets.token_bytes(16)
        space.write(name, content)
        return name, content

    def _remove(self, name: str) -> None:
        space = self._storage.reserved("agents")
        if space is not None:
            with suppress(OSError):
                space.remove(name)
