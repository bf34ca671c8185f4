"""One object held against what was recorded of it; moved aside if it is damaged."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from alexflow.errors import OutputNotFound, StorageError
from alexflow.storage.keys import RESERVED
from alexflow.storage.remote.backends.base import Status
from alexflow.storage.remote.ranges import Ranges, Replaced
from alexflow.storage.verification import Examined, examined

T = TypeVar("T")

logger = logging.getLogger("alexflow.storage")

QUARANTINE = f"{RESERVED}/quarantine"

#: How often an object may be replaced while somebody tries to read it.
_TRIES = 5

#: ``move(key, to, version)``: have an object under another key, if it is still of this version.
Move = Callable[[str, str, str], Awaitable[None]]


class Examination:
    """Looks at the objects of one storage.

    Args:
        look: gives an object, opened for reading.
        move: gives one another key.
        where: the storage, as it may be shown.
    """

    def __init__(self, look: Callable[[str], Awaitable[Ranges]], move: Move, where: str):
        self._look = look
        self._move = move
        self._where = where

    async def read(self, key: str, read: Callable[[Ranges], Awaitable[tuple[T, bytes]]]) -> tuple[T, Status, bytes]:
        """What ``read(object)`` gives, and the record of what it read; of one object, even if another takes its place.

        Raises:
            OutputNotFound: nothing is stored under ``key``.
        """
        for tries_left in reversed(range(_TRIES)):
            found = await self._look(key)
            try:
                value, actual = await read(found)
            except Replaced:
                if not tries_left:
                    raise
            else:
                return value, found.status, actual
        raise AssertionError("unreachable")

    async def examine(self, key: str, *, quarantine: bool) -> Examined:
        """What an object is; memory is needed for a piece of it."""

        async def read(found: Ranges) -> tuple[None, bytes]:
            return None, await found.record()

        _, status, actual = await self.read(key, read)
        found = examined(key, actual, [status.record] if status.record else [], lambda: "")
        if quarantine and found.verdict in ("damaged", "misplaced"):
            return replace(found, moved_to=await self.set_aside(key, status))
        return found

    async def set_aside(self, key: str, status: Status) -> str:
        """Move a damaged object into the quarantine.

        Returns:
            Where it is there; empty if it could not be moved, because it is gone, or the storage is read-only.
        """
        when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        to = f"{QUARANTINE}/{when}-{os.urandom(4).hex()}/{key}"
        try:
            await self._move(key, to, status.version)
        except OutputNotFound:
            return ""
        except StorageError as error:
            logger.warning("%s: %r is damaged and cannot be moved away: %s", self._where, key, error)
            return ""
        return f"{self._where}/{to}"
