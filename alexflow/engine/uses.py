"""The uses of outputs that an engine sees, counted in memory and noted once a minute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextvars import Context

from alexflow.logs import logger
from alexflow.storage import Storage
from alexflow.storage.background import in_thread

#: Time between two notes.
SECONDS_BETWEEN_NOTES = 60.0

#: Outputs that wait for a note, and those whose note of this day is remembered; more are noted sooner, or once more.
MOST_REMEMBERED = 100_000


class Uses:
    """The outputs of a storage that were used: found by an inspection, or loaded. To be called on the engine's loop.

    Attributes:
        names: what waits for a note; while there is anything, more may be added without a call.
    """

    def __init__(self, storage: Storage):
        self.names: set[str] = set()
        self._storage = storage
        self._noted: set[str] = set()
        self._day = 0
        self._context = Context()  # nothing of the request that comes first is kept
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def add(self, names: Iterable[str]) -> None:
        """Count outputs, by their keys or by the ids of their tasks."""
        self.names.update(names)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(SECONDS_BETWEEN_NOTES, self._begin_note, context=self._context)
        elif len(self.names) > MOST_REMEMBERED and (self._writing is None or self._writing.done()):
            self._timer.cancel()
            self._begin_note()

    def _begin_note(self) -> None:
        self._timer = None
        self._writing = asyncio.get_running_loop().create_task(self._note(), context=self._context)

    async def _note(self) -> None:
        names = tuple(self.names)
        self.names.clear()
        await in_thread(self._write, names)

    def _write(self, names: Iterable[str]) -> None:
        from alexflow.record.uses import SECONDS_PER_DAY, short_names, write_note  # deferred: few engines live so long

        now = time.time()
        if self._day != now // SECONDS_PER_DAY or len(self._noted) > MOST_REMEMBERED:
            self._day, self._noted = int(now // SECONDS_PER_DAY), set()
        used = short_names(names) - self._noted
        try:
            space = self._storage.reserved("record") if used else None
            if space is not None and not space.is_read_only:
                write_note(space, used, now)
                self._noted |= used
        except Exception as error:  # the disk's, or the network's
            logger.debug("what was used is not noted: %s", error)

    async def aclose(self) -> None:
        """Note the rest."""
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await self._writing
        if self.names:
            await self._note()
