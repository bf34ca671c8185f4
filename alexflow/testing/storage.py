"""Simulated storages: in memory, with faults."""

from __future__ import annotations

import asyncio
import errno
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import ClassVar

from alexflow.storage import MemoryStorage, Staged
from alexflow.testing.faults import FailedAnswer, FailedStore, Faults, SlowAnswer, VanishedOutput
from alexflow.testing.history import SimulationHistory


class SimulatedStorage(MemoryStorage):
    """Keeps bytes in memory, and fails, loses outputs and is slow as its faults say. Simulated workers reach it, too.

    Args:
        faults: the faults of the simulation.
        history: where they are recorded.
    """

    process_local: ClassVar[bool] = False
    answers_at_once: ClassVar[bool] = False

    def __init__(self, faults: Faults | None = None, history: SimulationHistory | None = None):
        super().__init__()
        self._faults = faults or Faults()
        self._history = history or SimulationHistory()
        self._published: Counter[str] = Counter()  # how often it was tried
        self._asked: Counter[str] = Counter()

    def begin(self, faults: Faults, history: SimulationHistory) -> None:
        """Begin a simulation, perhaps not the first with what is stored; called on its loop."""
        self._faults = faults
        self._history = history
        for key in sorted(self.list()):
            self._vanish_later(key, 0)

    def publish(self, staged: Staged, *, replace: bool = False) -> bool:
        """Publish an output, unless there is a fault.

        Raises:
            OSError: the fault.
        """
        name = self._history.names(staged.key)
        self._published[name] += 1
        nth = self._published[name]
        fault = self._faults.find(FailedStore, name, nth)
        if fault is not None and not fault.stored:
            self._history.add("not stored", name, nth)
            raise OSError(errno.EIO, "simulated: the output could not be stored", staged.key)
        first = super().publish(staged, replace=replace)
        self._history.add("published" if first else "there already", name, nth)
        self._vanish_later(staged.key, nth)
        if fault is not None:
            self._history.add("not confirmed", name, nth)
            raise OSError(errno.EIO, "simulated: the reply to a publication was lost", staged.key)
        return first

    def remove_many(self, keys: Iterable[str]) -> None:
        keys = tuple(keys)
        for key in keys:
            self._history.add("removed", self._history.names(key))
        super().remove_many(keys)

    def _vanish_later(self, key: str, nth: int) -> None:
        fault = self._faults.find(VanishedOutput, self._history.names(key), nth)
        if fault is not None:
            asyncio.get_running_loop().call_later(fault.seconds, self.vanish, key)

    def vanish(self, key: str) -> None:
        """Lose the output that is stored under ``key``, if any."""
        if self.exists_many([key]):
            self._history.add("vanished", self._history.names(key))
            super().remove_many([key])

    # -- on the event loop, where an answer takes its time

    async def _answer(self, question: str) -> None:
        self._asked[question] += 1
        nth = self._asked[question]
        slow = self._faults.find(SlowAnswer, question, nth)
        if slow is not None:
            await asyncio.sleep(slow.seconds)
        if self._faults.find(FailedAnswer, question, nth) is not None:
            self._history.add("no answer", question, nth)
            raise OSError(errno.EIO, f"simulated: the storage fails to answer ({question})")

    async def aexists_many(self, keys: Sequence[str]) -> set[str]:
        found = self.exists_many(keys)  # an answer may be old when it arrives
        await self._answer("exists")
        return found

    async def aread(self, key: str) -> bytes:
        await self._answer("read")
        return self.read(key)

    async def apublish(self, staged: Staged, *, replace: bool = False) -> bool:
        await self._answer("publish")
        return self.publish(staged, replace=replace)

    async def aremove_many(self, keys: Iterable[str]) -> None:
        await self._answer("remove")
        self.remove_many(keys)


class QuickStorage(SimulatedStorage):
    """A :class:`SimulatedStorage` that answers a few questions at once, as a local disk does."""

    answers_at_once: ClassVar[bool] = True
