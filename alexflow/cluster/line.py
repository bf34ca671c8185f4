"""A line between an engine and an agent: frames over TCP, with a sign of life every few seconds.

Each frame begins with its length, four bytes, little-endian. Messages to send gather for the rest of the event loop's
turn. While the line is busy they gather for longer, the more the last frame had, so that many workers' reports travel
as one; a request and its answer do not wait for each other.

A connection that is cut without a word, as by a switch, shows no end. So each side sends signs of life, and gives the
other up after :data:`SILENT_FOR` seconds without any byte. The engine says how long that is.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from alexflow.cluster.messages import ClusterMessage, Ping, encode
from alexflow.executors.process.channel import ReadingSlice
from alexflow.executors.process.wire.messages import LENGTH

#: Seconds between two frames, for each message that was in the first; and at most. A frame costs 20 to 30 µs at either
#: end, whatever is in it: with 5,000 messages in a second frames begin to grow until they are 2 ms apart.
SECONDS_PER_MESSAGE, MOST_SECONDS = 0.0002, 0.002

#: Seconds without any byte after which a side gives the other up, which sends three pings meanwhile.
SILENT_FOR = 15.0

#: The longest frame before the other side has proved itself, and after.
MAX_FIRST_FRAME, MAX_LINE_FRAME = 64 * 1024, 2**30  # bytes


class AgentLine(asyncio.Protocol):
    """One end.

    Args:
        on_frame: called with each frame; may be replaced.
        on_lost: called once when the line has ended, with the reason.
        on_made: called when it is there, if set.

    Attributes:
        max_frame: the longest frame that is taken.
        is_full: whether the other end takes less than is sent.
        on_room: called when it takes more again, if set.
        slice: of a turn of the event loop, in which this line's frames are handled, if it shares one with others.
    """

    def __init__(
        self,
        on_frame: Callable[[AgentLine, bytes], None],
        on_lost: Callable[[AgentLine, str], None],
        on_made: Callable[[AgentLine], None] | None = None,
    ):
        self.on_frame = on_frame
        self._on_lost = on_lost
        self._on_made = on_made
        self._received = bytearray()
        self._loop = asyncio.get_running_loop()
        self._outgoing: list[ClusterMessage] = []
        self._flushing: asyncio.Handle | None = None
        self._free_at = 0.0  # when the next frame may be sent
        self._heard_at = time.monotonic()
        self._beat: asyncio.TimerHandle | None = None
        self._why = ""
        self.max_frame = MAX_FIRST_FRAME
        self.is_full = False
        self.on_room: Callable[[], None] | None = None
        self.slice: ReadingSlice | None = None

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        end = transport.get_extra_info("socket")
        if end is not None:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._on_made is not None:
            self._on_made(self)

    def data_received(self, data: bytes) -> None:
        self._heard_at = time.monotonic()
        self._received += data
        if self.slice is None:
            self._handle_frames()
        elif self.slice.is_over:
            self._transport.pause_reading()
            self.slice.waiting.append(partial(self._go_on, self.slice))
        else:
            self._handle_in(self.slice)

    def _go_on(self, slice: ReadingSlice) -> None:
        """Handle what was received when the slice was over."""
        if not self._transport.is_closing():
            self._heard_at = time.monotonic()  # nothing was read meanwhile
            self._handle_in(slice)
            self._transport.resume_reading()

    def _handle_in(self, slice: ReadingSlice) -> None:
        began = time.monotonic()
        self._handle_frames()
        slice.use(time.monotonic() - began)

    def _handle_frames(self) -> None:
        received = self._received
        at = 0
        while len(received) - at >= LENGTH.size:
            (size,) = LENGTH.unpack_from(received, at)
            if size > self.max_frame:
                self.end(f"it sent a frame of {size:,} bytes")
                return
            begin = at + LENGTH.size
            if len(received) - begin < size:
                break
            self.on_frame(self, bytes(memoryview(received)[begin : begin + size]))
            at = begin + size
            if self._transport.is_closing():
                return
        if at:
            del received[:at]

    def connection_lost(self, exc: Exception | None) -> None:
        if self._beat is not None:
            self._beat.cancel()
        if self._flushing is not None:
            self._flushing.cancel()
        self._on_lost(self, self._why or (f"its connection failed: {exc}" if exc else "it closed its connection"))

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False
        if self.on_room is not None:
            self.on_room()

    # -- our side

    @property
    def peer(self) -> str:
        """The address of the other end."""
        return str((self._transport.get_extra_info("peername") or ["?"])[0])

    def send_first(self, message: ClusterMessage) -> None:
        """Send a message of the introduction at once, alone in its frame."""
        self._write(encode(message))

    def send(self, message: ClusterMessage) -> None:
        """Send a message with what else is sent within the next moment."""
        self._outgoing.append(message)
        if self._flushing is None:
            wait = self._free_at - self._loop.time()
            later = self._loop.call_later(wait, self.flush) if wait > 0 else self._loop.call_soon(self.flush)
            self._flushing = later

    def flush(self) -> None:
        """Send now what has gathered."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        messages, self._outgoing = self._outgoing, []
        if messages:
            self._free_at = self._loop.time() + min(MOST_SECONDS, SECONDS_PER_MESSAGE * len(messages))
            self._write(encode(cast(Sequence[ClusterMessage], messages)))

    def keep_alive(self, silent_for: float) -> None:
        """Send signs of life from now on, and end the line when for so many seconds none has come."""
        self._heard_at = time.monotonic()  # the other side was not to send any while this one opened the storage
        self._go_on_beating(silent_for)

    def _go_on_beating(self, silent_for: float) -> None:
        silent = time.monotonic() - self._heard_at
        if silent > silent_for:
            self.end(f"nothing came from it for {silent:.0f} s")
            return
        self.send(Ping())
        self._beat = self._loop.call_later(silent_for / 3, self._go_on_beating, silent_for)

    def end(self, why: str = "") -> None:
        """Cut the line; what has been sent and not taken is lost."""
        self._why = self._why or why
        self._transport.abort()

    def close(self) -> None:
        """Close the line once all has been sent."""
        self.flush()
        self._transport.close()

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(LENGTH.pack(len(data)) + data)
