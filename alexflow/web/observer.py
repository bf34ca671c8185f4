"""The one reader behind all viewers: it folds what the record has gained, at most twice a second, and makes messages.

Viewers only wait. With none, nothing is read but when a page is asked for. Reading and folding happen in a thread; the
event loop passes on bytes that are made once, whatever the number of viewers.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator

from alexflow.logs import logger
from alexflow.storage import Storage
from alexflow.timeline.engine_liveness import engine_is_gone
from alexflow.timeline.run_fold import FoldedAttempt, RecordFold, RunFold
from alexflow.timeline.segments import RecordTail
from alexflow.web import messages
from alexflow.web.live_tasks import LiveTasks

#: Seconds between two looks at the record.
INTERVAL = 0.5

#: Messages that a viewer may be behind; one that is slower is sent away, and comes again with a snapshot.
MOST_BEHIND = 8

#: Messages that are kept for viewers that come after a snapshot was made.
KEPT = 120


class RunViewers:
    """The viewers of one run.

    Attributes:
        viewers: a queue for each; None ends its stream.
        fresh: attempts that ended since the last message.
        number: of the last message.
        sent: the last messages, with their numbers.
        snapshot: the last one, with the number of the message after which it was made.
        seen: what the run was like at the last message.
        passed: the number of the last message that was passed on.
    """

    def __init__(self) -> None:
        self.viewers: set[asyncio.Queue[bytes | None]] = set()
        self.fresh: list[messages.NewAttempt] = []
        self.number = 0
        self.sent: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self.snapshot: tuple[int, bytes] | None = None
        self.seen: tuple[int, int] = (-1, 0)
        self.passed = 0


class Observer:
    """Folds a storage's record for all viewers.

    Args:
        storage: the storage.
        live: of an engine in this process, if it is one's.
    """

    def __init__(self, storage: Storage, live: LiveTasks | None):
        self.live = live
        self._tail = RecordTail(storage)
        self._fold = RecordFold(self._take)
        self._channels: dict[str, RunViewers] = {}
        self._looked = 0.0
        self._looking = asyncio.Lock()
        self._telling: asyncio.Task[None] | None = None

    async def runs(self) -> dict[str, RunFold]:
        """Return all runs by id, as the record is now, or was half a second ago."""
        await self._look()
        return self._fold.runs

    async def _look(self) -> None:
        async with self._looking:
            if time.monotonic() - self._looked >= INTERVAL:
                await asyncio.to_thread(self._read)
                self._looked = time.monotonic()

    def _read(self) -> None:
        if self.live is not None:
            self.live.fold()
        for section, line in self._tail.new_lines():
            self._fold.add(section, line)

    def _take(self, run: RunFold, attempt: FoldedAttempt) -> None:
        channel = self._channels.get(run.begun.id)
        if channel is not None:
            cls = run.timeline.class_number(attempt.cls)
            took = attempt.end - attempt.start
            channel.fresh.append((attempt.lane.number, attempt.start, took, cls, attempt.state))

    # -- viewers

    async def stream(self, run_id: str) -> AsyncIterator[bytes]:
        """Yield the events for one viewer of a run: a snapshot, then changes, until it is too slow."""
        channel = self._channels.setdefault(run_id, RunViewers())
        waiting: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_BEHIND)
        channel.viewers.add(waiting)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._keep_telling())
        try:
            async with self._looking:
                begins = await self._beginning(channel, self._fold.runs[run_id])
                while not waiting.empty():  # what came meanwhile is in it
                    waiting.get_nowait()
            for message in begins:
                yield message
            while (following := await waiting.get()) is not None:
                yield following
        finally:
            channel.viewers.discard(waiting)
            if not channel.viewers:
                self._channels.pop(run_id, None)

    async def _beginning(self, channel: RunViewers, run: RunFold) -> list[bytes]:
        """Return the last snapshot and what came after it; a new one where that is not kept any more."""
        made = channel.snapshot
        if made is None or (channel.sent and channel.sent[0][0] > made[0] + 1) or channel.number - made[0] > KEPT // 2:
            await asyncio.to_thread(self._make_snapshot, channel, run)
            made = channel.snapshot
        assert made is not None
        return [made[1], *(message for number, message in channel.sent if number > made[0])]

    def _make_snapshot(self, channel: RunViewers, run: RunFold) -> None:
        channel.fresh.clear()  # they are in it
        content = messages.snapshot(run) | {"changes": messages.changes(run, (), self.live)}
        channel.number += 1
        channel.snapshot = channel.number, messages.event("snapshot", channel.number, content)
        channel.sent.clear()

    async def _keep_telling(self) -> None:
        """Look and send while there are viewers."""
        while self._channels:
            try:
                await self._look()
                async with self._looking:
                    if self.live is not None:
                        self.live.ask()
                    await asyncio.to_thread(self._make_messages)
                for run_id in list(self._channels):
                    self._pass_on(self._channels[run_id])
            except Exception:  # the storage's: a page that stands still for a while is better than none
                logger.warning("the record could not be read for the live page", exc_info=True)
            await asyncio.sleep(INTERVAL)

    def _make_messages(self) -> None:
        for run_id, channel in list(self._channels.items()):
            run = self._fold.runs.get(run_id)
            if run is None or channel.snapshot is None:
                continue
            running = 0 if self.live is None else len(self.live.running) + len(self.live.waiting)
            seen = (run.changes, running + engine_is_gone(run))
            if run.ended is not None and seen == channel.seen:
                continue
            channel.seen = seen
            attempts, channel.fresh = channel.fresh, []
            channel.number += 1
            content = messages.changes(run, attempts, self.live)
            channel.sent.append((channel.number, messages.event("changes", channel.number, content)))

    def _pass_on(self, channel: RunViewers) -> None:
        if not channel.sent:
            return
        number, message = channel.sent[-1]
        if number == channel.passed:
            return
        channel.passed = number
        for waiting in list(channel.viewers):
            if waiting.full():
                channel.viewers.discard(waiting)
                while not waiting.empty():
                    waiting.get_nowait()
                waiting.put_nowait(None)
            else:
                waiting.put_nowait(message)
