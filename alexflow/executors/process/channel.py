"""The engine's end of a socket to a worker: frames in and out, without blocking the event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from alexflow.executors.process.messages import LENGTH, Message, ToEngine, decode_for_engine, frame

READ_AT_ONCE = 64 * 1024  # bytes; larger ones would be mapped anew for every call


class Channel:
    """Sends and receives messages on a socket.

    Args:
        end: the engine's end; closed by :meth:`close`.
        on_messages: called with the messages that came in, all that came at once together.
        on_end: called once when the other end is closed.
    """

    def __init__(self, end: socket.socket, on_messages: Callable[[list[ToEngine]], None], on_end: Callable[[], None]):
        end.setblocking(False)
        self._socket = end
        self._on_messages = on_messages
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._open = True
        self._loop.add_reader(end.fileno(), self._receive)

    def send(self, message: Message) -> None:
        """Send a message; what the socket does not take now follows as it can."""
        if not self._open:
            return
        data = frame(message)
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
        """Take in what has come, without waiting for more."""
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
            # nobody is called any more; what is called knows the worker, and a circle would be left until Python looks
            self._on_messages = self._on_end = _nobody

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

    def _receive(self) -> bool:
        """Take in some; False if there was nothing."""
        try:
            data = self._socket.recv(READ_AT_ONCE)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            on_end = self._on_end
            self.close()
            on_end()
            return False
        messages = self._split(data)
        if messages:
            self._on_messages(messages)
        return True

    def _split(self, data: bytes) -> list[ToEngine]:
        """Whole frames as messages; the rest waits."""
        buffer: bytes | bytearray = data
        if self._incoming:
            self._incoming += data
            buffer = self._incoming
        messages: list[ToEngine] = []
        at = 0
        whole = len(buffer)
        view = memoryview(buffer)
        while whole - at >= LENGTH.size:
            begin = at + LENGTH.size
            end = begin + LENGTH.unpack_from(buffer, at)[0]
            if end > whole:
                break
            messages.append(decode_for_engine(view[begin:end]))
            at = end
        view.release()
        if at < whole or self._incoming:
            self._incoming = bytearray(buffer[at:])
        return messages


def _nobody(*_: object) -> None:
    """Hears nothing."""
