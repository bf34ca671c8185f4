"""The check that agents see an engine's storage: a small file, which they must find there."""

from __future__ import annotations

import asyncio
import pickle
import secrets
import socket
import time
from contextlib import suppress

from alexflow.hooks import is_ctrl_c, text_of
from alexflow.storage import Storage
from alexflow.storage.reserved import ReservedSpace

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
            is_old = time.monotonic() - self._at > CHECK_IS_OLD / 2
            if self._written is None or is_old or not await asyncio.to_thread(self._is_there, *self._written):
                self._written, self._at = await asyncio.to_thread(self._write), time.monotonic()
            return self._written

    async def remove(self) -> None:
        """Remove the file."""
        if self._written is not None:
            await asyncio.to_thread(self._remove, self._written[0])

    def _is_there(self, name: str, content: bytes) -> bool:
        """Return whether the file was not removed, as by an engine with a clock that is days ahead."""
        space = self._storage.reserved("agents")
        return space is not None and _read(space, name) == content

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


def storage_trouble(pickled: bytes, check: tuple[str, bytes] | None) -> str:
    """Return the reason why this machine cannot work on the engine's storage; empty if it can.

    Args:
        pickled: the storage.
        check: the name and the content of the engine's file there, if it has one.
    """
    host = socket.gethostname()
    name, content = check or ("", b"")
    try:
        storage = pickle.loads(pickled)
        space = storage.reserved("agents") if name else None
        found = b"" if space is None else _read(space, name)
    except BaseException as error:  # its class is not here, or it does not answer
        if is_ctrl_c(error):
            raise
        return f"the storage cannot be opened on {host}: {type(error).__name__}: {text_of(error)}"
    if found == content:
        return ""
    return (
        f"{storage!r} on {host} is not the engine's storage: what the engine has written there is not there; "
        f"use a directory that all machines share, or a bucket"
    )


def _read(space: ReservedSpace, name: str) -> bytes:
    try:
        return space.read(name)
    except FileNotFoundError:
        return b""
