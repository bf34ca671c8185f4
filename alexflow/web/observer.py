"""The one reader behind all viewers: it folds what the record has gained, at most twice a second, and makes messages.

Viewers only wait. With none, nothing is read but when a page is asked for. Reading and folding happen in a thread, or,
of an engine in this process, in another process; the event loop passes on bytes that are made once, whatever the number
of viewers.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection
from operator import methodcaller
from typing import Any

from alexflow.logs import logger
from alexflow.record.lines import AttemptLine, RunBegunLine
from alexflow.storage import Storage
from alexflow.web.engine_questions import EngineQuestions
from alexflow.web.folding import Folding
from alexflow.web.folding_elsewhere import FoldingElsewhere, FoldingLost
from alexflow.web.messages import RunUnderWay

#: Seconds between two looks at the record.
INTERVAL = 0.5

#: Messages that a viewer may be behind; one that is slower is sent away, and comes again with a snapshot.
MOST_BEHIND = 8

_Viewer = asyncio.Queue[bytes | None]


class Observer:
    """Has a storage's record folded for all viewers.

    Args:
        storage: the storage.
        questions: asks an engine in this process, if the page is one's.
    """

    def __init__(self, storage: Storage, questions: EngineQuestions | None):
        self._storage = storage
        self._questions = questions
        self._elsewhere = None if questions is None else FoldingElsewhere(storage)
        self._here = Folding(storage)
        self._viewers: dict[str, set[_Viewer]] = {}
        self._looked = 0.0
        self._looking = asyncio.Lock()
        self._calling = threading.Lock()  # a caller that has left leaves its call behind
        self._telling: asyncio.Task[None] | None = None

    # -- pages; of the record as it is now, or was half a second ago

    async def has(self, run_id: str) -> bool:
        """Return whether there is such a run."""
        return bool(await self._asked(methodcaller("has", run_id)))

    async def runs_page(self, base: str) -> str:
        """Return the page of all runs."""
        return str(await self._asked(methodcaller("runs_page", base)))

    async def run_page(self, base: str, run_id: str) -> str | None:
        """Return the page of a run; None if there is no such run."""
        page: str | None = await self._asked(methodcaller("run_page", base, run_id))
        return page

    async def failed_attempts(self, key: str) -> tuple[RunBegunLine, list[AttemptLine]] | None:
        """Return the last run in which a task failed, as it began, and the task's failed attempts there."""
        found: tuple[RunBegunLine, list[AttemptLine]] | None = await self._asked(methodcaller("failed_attempts", key))
        return found

    async def _asked(self, call: Callable[[Folding], Any]) -> Any:
        async with self._looking:
            if time.monotonic() - self._looked >= INTERVAL:
                await asyncio.to_thread(self._call, methodcaller("look"))
                self._looked = time.monotonic()
            return await asyncio.to_thread(self._call, call)

    def _call(self, call: Callable[[Folding], Any]) -> Any:
        with self._calling:
            if self._elsewhere is not None:
                try:
                    return self._elsewhere.call(call)
                except FoldingLost as error:
                    logger.warning("the process that folds the record for the live page is lost: %s", error)
                    self._elsewhere = None
                    self._here.look()
            return call(self._here)

    # -- viewers

    async def stream(self, run_id: str) -> AsyncIterator[bytes]:
        """Yield the events for one viewer of a run: a snapshot, then changes, until it is too slow."""
        waiting = _Viewer(MOST_BEHIND)
        self._viewers.setdefault(run_id, set()).add(waiting)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._keep_telling())
        try:
            under_way = (await self._of_engine([run_id])).get(run_id)
            async with self._looking:
                begins = await asyncio.to_thread(self._call, methodcaller("beginning", run_id, under_way))
                while not waiting.empty():  # what came meanwhile is in it
                    waiting.get_nowait()
            for message in begins:
                yield message
            while (following := await waiting.get()) is not None:
                yield following
        finally:
            viewers = self._viewers.get(run_id, set())
            viewers.discard(waiting)
            if not viewers:
                self._viewers.pop(run_id, None)

    async def _of_engine(self, run_ids: Collection[str]) -> dict[str, RunUnderWay]:
        return {} if self._questions is None else await self._questions.of_runs(run_ids)

    async def _keep_telling(self) -> None:
        """Look and send while there are viewers."""
        while self._viewers:
            try:
                under_way = await self._of_engine(list(self._viewers))
                async with self._looking:
                    call = methodcaller("news", list(self._viewers), under_way)
                    was_elsewhere = self._elsewhere is not None
                    news = await asyncio.to_thread(self._call, call)
                    self._looked = time.monotonic()
                    if was_elsewhere and self._elsewhere is None:
                        self._send_away()
                    for run_id, message in news.items():
                        self._pass_on(self._viewers.get(run_id, set()), message)
            except Exception:  # the storage's: a page that stands still for a while is better than none
                logger.warning("the record could not be read for the live page", exc_info=True)
            await asyncio.sleep(max(INTERVAL, 0.0 if self._questions is None else self._questions.pause))

    def _pass_on(self, viewers: set[_Viewer], message: bytes) -> None:
        for waiting in list(viewers):
            if waiting.full():
                viewers.discard(waiting)
                _send_away(waiting)
            else:
                waiting.put_nowait(message)

    def _send_away(self) -> None:
        """Let all come again: what folds now has another count of messages."""
        for viewers in self._viewers.values():
            for waiting in viewers:
                _send_away(waiting)


def _send_away(waiting: _Viewer) -> None:
    while not waiting.empty():
        waiting.get_nowait()
    waiting.put_nowait(None)
