"""``PastUsage``: how much memory the last tasks of a class have needed, and how long they took, as the record says.

It is read in a thread, for one engine at most once a class. A record that cannot be read says nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from itertools import islice

from msgspec import Struct

from alexflow.logs import logger
from alexflow.model import AbstractTask
from alexflow.storage import Storage

#: The newest tasks of a class, of which the largest counts, and the one in the middle of their durations.
NEWEST = 20

#: Seconds after which jobs wait no longer for the answer; it still counts when it comes.
LONGEST_WAIT = 1.0


class ClassUsage(Struct, frozen=True):
    """The usage of a class's newest tasks: the most bytes that one has needed, and usual seconds; 0 if not known."""

    peak: int = 0
    seconds: float = 0.0


#: Of a class of which nothing is known.
NO_USAGE = ClassUsage()


class PastUsage:
    """Looks up the peak memory and the usual duration of classes.

    Args:
        storage: has the record.
        learnt: called on the event loop with the name of a class and the usage of its tasks; as one that is unknown
            where the answer takes long, and once more when it has come.
    """

    def __init__(self, storage: Storage, learnt: Callable[[str, ClassUsage], None]):
        self._storage = storage
        self._learnt = learnt
        self._asked: dict[str, type[AbstractTask]] = {}
        self._is_reading = False

    def look_up(self, name: str, task: AbstractTask) -> None:
        """Ask for the class of a task; its name is that with which ids of its tasks begin."""
        self._asked[name] = type(task)
        asyncio.get_running_loop().call_later(LONGEST_WAIT, self._learnt, name, NO_USAGE)
        self._read()

    def _read(self) -> None:
        if self._asked and not self._is_reading:
            self._is_reading = True
            asked, self._asked = self._asked, {}
            loop = asyncio.get_running_loop()
            # not one of the loop's own threads, for which a program would wait when it ends
            threading.Thread(target=self._answer, args=(loop, asked), name="alexflow-usage", daemon=True).start()

    def _answer(self, loop: asyncio.AbstractEventLoop, asked: dict[str, type[AbstractTask]]) -> None:
        try:
            found = usage_of(self._storage, asked)
        except Exception:  # a record that is damaged, or of a later version; a storage that does not answer
            logger.debug("the memory and time that tasks have needed are not known", exc_info=True)
            found = {}
        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(self._has_read, {name: found.get(name, NO_USAGE) for name in asked})

    def _has_read(self, found: dict[str, ClassUsage]) -> None:
        self._is_reading = False
        for name, usage in found.items():
            self._learnt(name, usage)
        self._read()


def usage_of(storage: Storage, asked: dict[str, type[AbstractTask]]) -> dict[str, ClassUsage]:
    """Return the usage of the newest tasks of each class, by the class's name."""
    from alexflow.record import open_record  # deferred: few engines share out memory

    record = open_record(storage)
    found: dict[str, ClassUsage] = {}
    for name, cls in asked.items():
        newest = list(islice(record.entries(cls), NEWEST))
        seconds = sorted(entry.seconds for entry in newest if entry.seconds is not None)
        peak = max((entry.peak_rss_bytes or 0 for entry in newest), default=0)
        found[name] = ClassUsage(peak, seconds[len(seconds) // 2] if seconds else 0.0)
    return found
