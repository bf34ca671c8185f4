"""Reports of many workers that come together are read in several turns of the event loop."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import ExitStack

import pytest

from alexflow.executors.process.channel import READING_SECONDS, Channel, ReadingSlice
from alexflow.executors.process.wire.messages import DefinitionsImported, ToEngine, frame

WORKERS = 20


@pytest.mark.anyio
async def test_one_turn_does_not_read_all_channels() -> None:
    read: list[list[ToEngine]] = []
    slice, by_turn = ReadingSlice(), []

    def takes_long(messages: list[ToEngine]) -> None:
        read.append(messages)
        end = time.monotonic() + 2 * READING_SECONDS
        while time.monotonic() < end:
            pass

    with ExitStack() as undo:
        pairs = [socket.socketpair() for _ in range(WORKERS)]
        for end, other in pairs:
            channel = Channel(end, takes_long, lambda: None, lambda: None, slice)
            undo.callback(channel.close)
            undo.enter_context(other).sendall(frame(DefinitionsImported(1)))
        while len(read) < WORKERS:
            before = len(read)
            await asyncio.sleep(0)
            by_turn.append(len(read) - before)
    assert max(by_turn) <= 2  # one that ends the slice, and one that begins the next
    assert all(len(messages) == 1 for messages in read)
