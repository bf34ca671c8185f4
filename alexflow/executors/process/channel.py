"""The engine's end of a socket to a worker: frames in and out, without blocking the event loop."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from collections.abc import Callable

import msgspec

from alexflow.executors.process.wire.messages import LENGTH, Message, ToEngine, frame
from alexflow.logs import logger

#: Bytes that are read in one turn of the event loop: reports of some hundred tasks, however many wait.
SOCKET_READ = 16 * 1024

_decode = msgspec.msgpack.Decoder(ToEngine).decode

#: No worker sends so much in one message.
MAX_FRAME = 64 * 2**20  # bytes


#: How long the channels of a pool are read before the loop gets a turn: as many may have something to say as it has
#: workers.
READING_SECONDS = 0.001


class ReadingSlice:
    """The part of turns of the event loop in which the channels of a pool are read.

    Once they have used up a slice, those that are left wait for the next turn: the loop says again that they have
    something to say. It goes on from one turn to the next, so that no turn has to begin it. What has been read already
    waits in :attr:`waiting`.

    Attributes:
        is_over: whether nothing more is read in this turn.
        waiting: what is called in turns to come, one after the other, while the slice lasts.
    """

    def __init__(self) -> None:
        self.is_over = False
        self.waiting: deque[Callable[[], None]] = deque()
        self._loop = asyncio.get_running_loop()
        self._used = 0.0

    def use(self, seconds: float) -> None:
        """Note that a channel has been read for so long."""
        self._used += seconds
        if self._used > READING_SECONDS:
            self.is_over = True
            self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._used, self.is_over = 0.0, False
        while self.waiting and not self.is_over:
            self.waiting.popleft()()


class Channel:
    """Sends and receives messages on a socket.

    Args:
        end: the engine's end; closed by :meth:`close`.
        on_messages: called with the messages that came in, all that came at once together.
        on_end: called once when the other end is closed.
        on_garbage: called once when what comes is no message; nothing is read any more.
        slice: of a turn, if it shares one with others.
    """

    def __init__(
        self,
        end: socket.socket,
        on_messages: Callable[[list[ToEngine]], None],
        on_end: Callable[[], None],
        on_garbage: Callable[[], None],
        slice: ReadingSlice | None = None,
    ):
        end.setblocking(False)
        self._socket = end
        self._slice = slice
        self._on_messages = on_messages
        self._on_end = on_end
        self._on_garbage = on_garbage
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []  # the beginning of a frame, the rest of which has not come
        self._missing = 0  # bytes until it is worth looking again
        self._outgoing = bytearray()
        self._open = True
        self._loop.add_reader(end.fileno(), self._receive if slice is None else self._read_in_slice)

    def send(self, message: Message) -> None:
        """Send a message; what the socket does not take now follows as it can."""
        self.write(frame(message))

    def write(self, data: bytes) -> None:
        """Send whole frames."""
        if not self._open:
            return
        if self._outgoing:
            self._outgoing += data
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:  # it has died; the reading side will see the end
            return
        if sent < len(data):
            self._outgoing += memoryview(data)[sent:]
            self._loop.add_writer(self._socket.fileno(), self._writable)

    def drain(self) -> None:
        """Handle what has come, without waiting for more."""
        while self._open and self._receive():
            pass

    def close(self) -> None:
        """Close the socket; the worker sees end-of-file."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._socket.fileno())
            if self._outgoing:
                self._loop.remove_writer(self._socket.fileno())
            self._socket.close()
            # the callbacks refer to the worker: a cycle would be left to the garbage collector
            self._on_messages = self._on_end = self._on_garbage = _ignore

    def _writable(self) -> None:
        try:
            sent = self._socket.send(self._outgoing)
        except BlockingIOError:
            return
        except OSError:
            sent = len(self._outgoing)
        del self._outgoing[:sent]
        if not self._outgoing:
            self._loop.remove_writer(self._socket.fileno())

    def _read_in_slice(self) -> None:
        slice = self._slice
        if slice is not None and not slice.is_over:
            began = time.monotonic()
            self._receive()
            slice.use(time.monotonic() - began)

    def _receive(self) -> bool:
        """Read some; False if there was nothing."""
        try:
            data = self._socket.recv(SOCKET_READ)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            on_end = self._on_end
            self.close()
            on_end()
            return False
        try:
            messages = self._split(data)
            if messages:
                self._on_messages(messages)
        except Exception:  # a task has written into the channel, or what it says makes no sense
            logger.exception("a worker process sent something that is not a message; it is killed")
            on_garbage = self._on_garbage
            self.close()
            on_garbage()
            return False
        return True

    def _split(self, data: bytes) -> list[ToEngine]:
        """Whole frames as messages; the rest waits."""
        if self._parts:
            self._parts.append(data)
            self._missing -= len(data)
            if self._missing > 0:
                return []
            data = b"".join(self._parts)
            self._parts = []
        messages: list[ToEngine] = []
        at, begin, whole = 0, LENGTH.size, len(data)
        end = begin
        view = memoryview(data)
        while begin <= whole:
            end = begin + LENGTH.unpack_from(data, at)[0]
            if end > whole:
                break
            messages.append(_decode(view[begin:end]))
            at = end
            end = begin = at + LENGTH.size
        if at < whole:
            if end - at > MAX_FRAME:
                raise ValueError(f"a message of {end - at:,} bytes is longer than any that is sent")
            self._parts = [data[at:]]
            self._missing = end - whole
        return messages


def _ignore(*_: object) -> None:
    """Do nothing."""
