"""Writes down what an engine tells, while it is at work.

The engine's loop only puts events in a list. A few times a second a thread writes what has come together, as one record
of a journal: with a record for each event, most of the time would go into framing and system calls. A journal that
cannot be written is warned of once and given up: no run fails because of it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import time
from collections.abc import Sequence
from typing import Any, BinaryIO

import msgspec
from anyio import to_thread

from alexflow.logs import logger
from alexflow.record.broadcast import Broadcast
from alexflow.record.events import EngineEvent, EventsDropped
from alexflow.record.journal import MAGIC, SUFFIX, Header, framed, journals
from alexflow.storage.newfile import open_above

#: Between two writes; what a crash can cost.
SECONDS_BETWEEN_WRITES = 0.2

#: No journal grows beyond; how many events are missing is then its last word.
MAX_BYTES = 256 * 2**20

#: Events that wait for a disk that is slow; further ones are dropped.
MAX_WAITING = 200_000

#: How many journals are kept in a directory; older ones are removed when another is begun.
MAX_JOURNALS = 100

_numbers = itertools.count()


class JournalWriter:
    """Writes down what an engine tells, while it is open.

    Args:
        directory: where; the journal is a new file in it. It is made if it is missing.
        storage: the engine's storage, as text.
    """

    def __init__(self, directory: str | os.PathLike[str], storage: str):
        self._directory = os.fspath(directory)
        self._storage = storage
        self._waiting: list[EngineEvent] = []
        self._dropped = 0  # because too many were waiting
        self._left_out = 0  # because the journal is full
        self._given_up = False
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._file: BinaryIO | None = None
        self._size = 0
        self._encoder = msgspec.msgpack.Encoder()

    def open(self, broadcast: Broadcast) -> None:
        """Begin; called on the engine's loop."""
        self._loop = asyncio.get_running_loop()
        self._stop_listening = broadcast.listen(self._take)

    async def aclose(self) -> None:
        """Write what is left, and end."""
        self._stop_listening()
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await self._writing
        await to_thread.run_sync(self._close, self._waiting)

    # -- on the loop

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
        await to_thread.run_sync(self._write, batch)
        self._writing = None
        if self._given_up:
            self._stop_listening()
        elif self._waiting:
            self._timer = self._loop.call_later(SECONDS_BETWEEN_WRITES, self._begin_to_write)

    # -- in a thread, one call after the other

    def _write(self, batch: Sequence[EngineEvent]) -> None:
        if self._given_up or not batch:
            return
        try:
            if self._file is None:
                self._file = self._new_file()
            self._append(self._encoded((time.time(), batch)), len(batch))
        except Exception as error:  # the disk's mostly; no run fails because of its journal
            self._given_up = True
            logger.warning("the journal in %s is given up; the work goes on: %s", self._directory, error)

    def _close(self, batch: Sequence[EngineEvent]) -> None:
        self._write(batch)
        missing = self._dropped + self._left_out
        if missing:
            self._size = 0  # there is always room for this
            self._write([EventsDropped(missing)])
        if self._file is not None:
            self._file.close()

    def _new_file(self) -> BinaryIO:
        os.makedirs(self._directory, exist_ok=True)
        for name in journals(self._directory)[: -MAX_JOURNALS + 1]:
            os.unlink(name)
        now = time.time()
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}"
        name = f"{stamp}Z-{os.getpid()}-{next(_numbers)}{SUFFIX}"
        file = open(f"{self._directory}/{name}", "xb", buffering=0, opener=open_above)  # noqa: SIM115  # closed with the journal
        file.write(MAGIC)
        header = self._encoded(Header(now, socket.gethostname(), os.getpid(), self._storage))
        file.write(framed(header))
        return file

    def _encoded(self, record: object) -> bytes:
        try:
            return self._encoder.encode(record)
        except UnicodeEncodeError:  # a name or text with half of a surrogate pair in it
            return self._encoder.encode(_plain(msgspec.to_builtins(record)))

    def _append(self, payload: bytes, events: int) -> None:
        assert self._file is not None
        if self._size + len(payload) > MAX_BYTES:
            self._left_out += events
            return
        self._size += len(payload)
        record = memoryview(framed(payload))
        while record:  # a disk that is nearly full takes a part, and then refuses
            record = record[self._file.write(record) :]


def _plain(value: Any) -> Any:
    """Plain data whose texts can be encoded."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return {name: _plain(part) for name, part in value.items()} if isinstance(value, dict) else value
