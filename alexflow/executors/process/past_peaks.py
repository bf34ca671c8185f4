"""``PastPeaks``: how much memory the last tasks of a class have needed, as the storage's record says.

It is read in a thread, for one engine at most once a class. A record that cannot be read says nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from itertools import islice

from alexflow.logs import logger
from alexflow.model import AbstractTask
from alexflow.storage import Storage

#: The newest tasks of a class, of which the largest counts.
NEWEST = 20

#: Seconds after which jobs wait no longer for the answer; it still counts when it comes.
LONGEST_WAIT = 1.0


class PastPeaks:
    """Looks up the peak memory of classes.

    Args:
        storage: has the record.
        learnt: called on the event loop with the name of a class and the bytes that its tasks have needed, 0 if that is
            not known; with 0 as well where the answer takes long, and once more when it has come.
    """

    def __init__(self, storage: Storage, learnt: Callable[[str, int], None]):
        self._storage = storage
        self._learnt = learnt
        self._asked: dict[str, type[AbstractTask]] = {}
        self._is_reading = False

    def look_up(self, name: str, task: AbstractTask) -> None:
        """Ask for the class of a task; its name is that with which ids of its tasks begin."""
        self._asked[name] = type(task)
        asyncio.get_running_loop().call_later(LONGEST_WAIT, self._learnt, name, 0)
        self._read()

    def _read(self) -> None:
        if self._asked and not self._is_reading:
            self._is_reading = True
            asked, self._asked = self._asked, {}
            loop = asyncio.get_running_loop()
            # not one of the loop's own threads, for which a program would wait when it ends
            threading.Thread(target=self._answer, args=(loop, asked), name="alexflow-peaks", daemon=True).start()

    def _answer(self, loop: asyncio.AbstractEventLoop, asked: dict[str, type[AbstractTask]]) -> None:
        try:
            found = peaks_of(self._storage, asked)
        except Exception:  # a record that is damaged, or of a later version; a storage that does not answer
            logger.debug("the memory that tasks have needed is not known", exc_info=True)
            found = {}
        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(self._has_read, {name: found.get(name, 0) for name in asked})

    def _has_read(self, found: dict[str, int]) -> None:
        self._is_reading = False
        for name, peak in found.items():
            self._learnt(name, peak)
        self._read()


def peaks_of(storage: Storage, asked: dict[str, type[AbstractTask]]) -> dict[str, int]:
    """Return the most memory that one of the newest tasks of each class has needed, in bytes, by the class's name."""
    from alexflow.record import open_record  # deferred: few engines share out memory

    record = open_record(storage)
    return {
        name: max((entry.peak_rss_bytes or 0 for entry in islice(record.entries(cls), NEWEST)), default=0)
        for name, cls in asked.items()
    }
