"""The worker's end of a socket from the engine: it waits for messages and returns them one by one."""

from __future__ import annotations

import socket

import msgspec

from alexflow.executors.process.wire.messages import LENGTH, ToWorker

_decode = msgspec.msgpack.Decoder(ToWorker).decode

#: Bytes read at least, if there are as many: mostly a whole message, often several.
MIN_READ = 64 * 1024  # bytes

#: Bytes read at most in one call.
MAX_READ = 1024 * 1024  # bytes


class Inbox:
    """Reads messages; whatever came with one waits here for the next call.

    A connection that is reset is at its end, too: the engine has closed its own with something of this worker unread.
    """

    def __init__(self, channel: socket.socket):
        self._channel = channel
        self._read = b""
        self._at = 0  # how much of that has been given

    def has_more(self) -> bool:
        """Return whether something has come, if only the end of file; do not wait."""
        if self._at == len(self._read):
            try:
                self._read = self._channel.recv(MIN_READ, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                self._read = b""
            self._at = 0
        return True

    def receive(self) -> ToWorker | None:
        """The next message; None at end-of-file."""
        head = self._take(LENGTH.size)
        if head is None:
            return None
        body = self._take(LENGTH.unpack(head)[0])
        return None if body is None else _decode(body)

    def _take(self, size: int) -> bytes | None:
        end = self._at + size
        if end > len(self._read):
            if not self._read_on(size):
                return None
            end = size
        taken = self._read[self._at : end]
        self._at = end
        if end == len(self._read):
            self._read, self._at = b"", 0  # it may have been large
        return taken

    def _read_on(self, size: int) -> bool:
        """Read until there is so much to be given; False at end-of-file."""
        parts = [self._read[self._at :]]
        missing = size - len(parts[0])
        while missing > 0:
            try:
                part = self._channel.recv(min(max(missing, MIN_READ), MAX_READ))
            except ConnectionResetError:
                part = b""
            if not part:
                return False
            parts.append(part)
            missing -= len(part)
        self._read = b"".join(parts)
        self._at = 0
        return True
