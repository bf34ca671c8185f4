"""The uses of outputs that an engine sees, counted in memory and noted once a minute."""

from __future__ import annotations

import asyncio
import mmap
import time
from collections.abc import Iterable
from contextvars import Context

from alexflow.logs import logger
from alexflow.storage import Storage
from alexflow.storage.background import in_thread

#: Time between two notes.
SECONDS_BETWEEN_NOTES = 60.0

#: Outputs that wait for a note, some 200 bytes each; if there are more, one is written sooner.
MOST_WAITING = 20_000

#: Outputs from which on a note is prepared while the engine waits for something else.
PREPARED_FROM = 1_000

#: Places for hashes of names that have been noted: 2 MiB. A set of 100,000 names takes 15, and grows for hours.
NOTED_PLACES = 2**18

#: Hashes that are moved at most to make a place for one more; the last one is forgotten.
MOST_MOVES = 20


class NotedNames:
    """The names that have been noted on a day, in memory of a fixed size: a table of their hashes.

    Each hash has two places, and makes room for another one by moving to its other place (cuckoo hashing, Pagh and
    Rodler 2004). So of 100,000 hardly any is forgotten, and noted once more; of many more than that some are.
    """

    def __init__(self, day: int):
        self.day = day
        # zeros, which take no memory until they are written
        self._hashes = memoryview(mmap.mmap(-1, NOTED_PLACES * 8)).cast("q")

    def without(self, names: Iterable[str]) -> set[str]:
        """Select the names that are not known to have been noted."""
        return {name for name in names if not self._has(hash(name))}

    def add(self, names: Iterable[str]) -> None:
        """Add names that were noted."""
        for name in names:
            self._add(hash(name))

    def _has(self, hashed: int) -> bool:
        first, second = _places(hashed)
        return hashed in (self._hashes[first], self._hashes[second])

    def _add(self, hashed: int) -> None:
        place = _places(hashed)[0]
        for _ in range(MOST_MOVES):
            hashed, self._hashes[place] = self._hashes[place], hashed
            if not hashed:
                return
            first, second = _places(hashed)
            place = second if place == first else first


def _places(hashed: int) -> tuple[int, int]:
    return hashed % NOTED_PLACES, hashed // NOTED_PLACES % NOTED_PLACES


class Uses:
    """The outputs of a storage that were used: found by an inspection, or loaded. To be called on the engine's loop.

    Attributes:
        names: what waits for a note; while there are some, fewer than ``MOST_WAITING``, others may be added without a
            call.
    """

    def __init__(self, storage: Storage):
        self.names: set[str] = set()
        self._storage = storage
        self._noted: NotedNames | None = None
        self._context = Context()  # nothing of the request that comes first is kept
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._prepared: tuple[int, asyncio.Task[bytes]] | None = None  # how many names, and the note of them

    def add(self, names: Iterable[str]) -> None:
        """Count outputs, by their keys or by the ids of their tasks."""
        self.names.update(names)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(SECONDS_BETWEEN_NOTES, self._begin_note, context=self._context)
        elif len(self.names) > MOST_WAITING and (self._writing is None or self._writing.done()):
            self._timer.cancel()
            self._begin_note()

    def prepare(self) -> None:
        """Prepare the note of many outputs, while the engine waits for a worker: else its end waits for that."""
        if len(self.names) >= PREPARED_FROM and self._prepared is None:
            work = in_thread(_content, tuple(self.names))
            self._prepared = len(self.names), asyncio.get_running_loop().create_task(work, context=self._context)

    def _begin_note(self) -> None:
        self._timer = None
        self._writing = asyncio.get_running_loop().create_task(self._note(), context=self._context)

    async def _note(self, *, is_last: bool = False) -> None:
        names = tuple(self.names)
        self.names.clear()
        prepared, self._prepared = self._prepared, None
        content = b"" if prepared is None else await prepared[1]
        if content and prepared is not None and prepared[0] == len(names) and is_last and self._noted is None:
            await in_thread(self._store, content, time.time())
        else:
            await in_thread(self._write, names, is_last)

    def _write(self, names: Iterable[str], is_last: bool) -> None:
        from alexflow.record.uses import SECONDS_PER_DAY, short_names  # deferred: few engines live so long

        now = time.time()
        day = int(now // SECONDS_PER_DAY)
        used = short_names(names)
        if self._noted is not None and self._noted.day == day:
            used = self._noted.without(used)
        elif not is_last:
            self._noted = NotedNames(day)
        is_stored = bool(used) and self._store(_lines(used), now)
        if is_stored and self._noted is not None and not is_last:
            self._noted.add(used)

    def _store(self, content: bytes, at: float) -> bool:
        from alexflow.record.uses import write_note  # deferred, as above

        try:
            space = self._storage.reserved("record") if content else None
            if space is None or space.is_read_only:
                return False
            write_note(space, content, at)
        except Exception as error:  # the disk's, or the network's
            logger.debug("what was used is not noted: %s", error)
            return False
        return True

    async def aclose(self) -> None:
        """Note the rest."""
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await self._writing
        if self.names:
            await self._note(is_last=True)


def _content(names: Iterable[str]) -> bytes:
    from alexflow.record.uses import short_names  # deferred, as above

    return _lines(short_names(names))


def _lines(used: Iterable[str]) -> bytes:
    """Return the content of a note; empty if there can be none."""
    from alexflow.record.uses import lines_of  # deferred, as above

    try:
        return lines_of(used)
    except UnicodeError as error:
        logger.debug("what was used is not noted: %s", error)
        return b""
