"""The journal of an engine's events: recording them while it works, and reading them afterwards.

The engine's loop only appends events to a list. A few times a second a thread writes the list, as one record of a
journal: with a record for each event, most of the time would go into framing and system calls.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any, Union

import msgspec
from anyio import to_thread

from alexflow.events import engine_events
from alexflow.events.broadcast import Broadcast
from alexflow.events.engine_events import EngineEvent, EventsDropped
from alexflow.record import reader
from alexflow.record.reader import Recorded
from alexflow.record.writer import JournalWriter

#: Time between two writes: what a crash can cost.
SECONDS_BETWEEN_WRITES = 0.2

#: Events that wait for a slow disk; further ones are dropped.
MAX_WAITING = 200_000


class JournalRecorder:
    """Records the events of a broadcast in a journal, while it is open.

    Args:
        directory: where the journal is made, a new file; it is made if it is missing.
        storage: the engine's storage, as text.
    """

    def __init__(self, directory: str | os.PathLike[str], storage: str):
        self._writer = JournalWriter(directory, storage)
        self._waiting: list[EngineEvent] = []
        self._dropped = 0  # because too many were waiting
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def open(self, broadcast: Broadcast) -> None:
        """Start recording; called on the engine's loop."""
        self._loop = asyncio.get_running_loop()
        self._stop_listening = broadcast.listen(self._take)

    async def aclose(self) -> None:
        """Write the rest, and close the journal."""
        self._stop_listening()
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await self._writing
        await to_thread.run_sync(self._close, self._waiting)

    def _take(self, event: EngineEvent) -> None:
        if not self._waiting:
            if self._timer is None and self._writing is None:
                self._timer = self._loop.call_later(SECONDS_BETWEEN_WRITES, self._begin_to_write)
        elif len(self._waiting) >= MAX_WAITING:
            self._dropped += 1
            return
        self._waiting.append(event)

    def _begin_to_write(self) -> None:
        self._timer = None
        self._writing = self._loop.create_task(self._write_in_thread())

    async def _write_in_thread(self) -> None:
        batch, self._waiting = self._waiting, []
        await to_thread.run_sync(self._writer.write, batch)
        self._writing = None
        if self._writer.failed:
            self._stop_listening()
        elif self._waiting:
            self._timer = self._loop.call_later(SECONDS_BETWEEN_WRITES, self._begin_to_write)

    def _close(self, batch: Sequence[EngineEvent]) -> None:
        """Write the last batch; called in a thread."""
        self._writer.write(batch)
        missing = self._dropped + self._writer.left_out
        if missing:
            self._writer.write_last(EventsDropped(missing))
        self._writer.close()


def read(path: str | os.PathLike[str]) -> Recorded[EngineEvent]:
    """Read an engine's journal. A torn record is dropped, with everything behind it.

    Events that this version does not know are passed over.

    Raises:
        ValueError: the file is not a journal, or is one of another version.
        OSError: the file cannot be read.
    """
    kinds = [kind for kind in vars(engine_events).values() if isinstance(kind, type) and issubclass(kind, EngineEvent)]
    decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(
        Union[tuple(kind for kind in kinds if kind is not EngineEvent)]  # noqa: UP007
    )
    return reader.read(path, decoder)
