"""Writing a journal.

If a journal cannot be written, a warning says so once, and no more of it is written. No run fails because of it.
"""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Sequence
from typing import Any, BinaryIO

import msgspec

from alexflow.logs import logger
from alexflow.record.format import MAGIC, SUFFIX, Header, frame
from alexflow.record.reader import journals
from alexflow.storage.files import open_above

#: No journal grows beyond this. Its last record then says how many events are missing.
MAX_BYTES = 256 * 2**20

#: Journals kept in a directory; older ones are removed when another is begun.
MAX_JOURNALS = 100

_numbers = itertools.count()


class JournalWriter:
    """Appends batches of events to a new file, made with the first batch.

    Its methods block, and are called one after the other, from any thread.

    Args:
        directory: where the file is made; it is made if it is missing.
        storage: the engine's storage, as text.
    """

    def __init__(self, directory: str | os.PathLike[str], storage: str):
        self.failed = False  #: Whether the journal was given up.
        self._directory = os.fspath(directory)
        self._storage = storage
        self._left_out = 0  # because the journal is full
        self._file: BinaryIO | None = None
        self._size = 0
        self._encoder = msgspec.msgpack.Encoder()

    def write(self, batch: Sequence[msgspec.Struct]) -> None:
        """Append events as one record."""
        if self.failed or not batch:
            return
        try:
            if self._file is None:
                self._file = self._new_file()
            self._append(self._encoded((time.time(), batch)), len(batch))
        except Exception as error:  # the disk's mostly; no run fails because of its journal
            self.failed = True
            logger.warning("no longer writing the journal in %s; the work goes on: %s", self._directory, error)

    @property
    def left_out(self) -> int:
        """Events for which the journal had no room."""
        return self._left_out

    def write_last(self, event: msgspec.Struct) -> None:
        """Append an event even if the journal is full."""
        self._size = 0
        self.write([event])

    def close(self) -> None:
        """Close the file."""
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
        file.write(frame(header))
        return file

    def _encoded(self, record: object) -> bytes:
        try:
            return self._encoder.encode(record)
        except UnicodeEncodeError:  # a name or text with half of a surrogate pair in it
            return self._encoder.encode(_encodable(msgspec.to_builtins(record)))

    def _append(self, payload: bytes, events: int) -> None:
        assert self._file is not None
        if self._size + len(payload) > MAX_BYTES:
            self._left_out += events
            return
        self._size += len(payload)
        record = memoryview(frame(payload))
        while record:  # a disk that is nearly full takes a part, and then refuses
            record = record[self._file.write(record) :]


def _encodable(value: Any) -> Any:
    """Return plain data with its texts escaped where UTF-8 cannot encode them."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list | tuple):
        return [_encodable(part) for part in value]
    return {name: _encodable(part) for name, part in value.items()} if isinstance(value, dict) else value
