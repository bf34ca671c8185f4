"""Writing a segment: what an engine appends to the record of its storage while it works.

What tasks are made from is in the system's hands when :meth:`SegmentWriter.flush` returns, and outlives the process;
everything else may wait for the next flush. Where files are only written whole, a segment is stored in parts, each a
file of its own, by a thread: there what :meth:`SegmentWriter.send` returns says when they are stored. If the record
cannot be written, a warning says so once, and no more of it is written: no run fails because of it.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from alexflow.blocks_briefly import blocks_briefly
from alexflow.hooks import plain_text
from alexflow.logs import logger
from alexflow.record.frames import frame_of
from alexflow.record.lines import (
    RECORD_MAGIC,
    SEGMENT_SUFFIX,
    ClosedLine,
    EnvironmentLine,
    SegmentHeader,
    SegmentLine,
)
from alexflow.record.segment_parts import part_name
from alexflow.storage.reserved import ReservedSpace
from alexflow.version import __version__

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

#: A segment that has grown so large is closed, and another is begun.
MAX_SEGMENT_BYTES = 64 * 2**20

#: The removal of an open file, alone or with its storage, is seen within this time.
REMOVAL_SEEN_WITHIN = 1.0  # seconds

_encode = msgspec.msgpack.Encoder().encode


class SegmentWriter:
    """Writes lines to a segment, a new file of the space; begun with the first line.

    Its methods block, and are called one after the other.

    Args:
        space: where segments are.
        user: the user that runs the engine.
    """

    def __init__(self, space: ReservedSpace, user: str = ""):
        self.failed = False  #: Whether the record was given up.
        self._space = space
        #: Whether lines can be handed over one by one; else a file is written whole.
        self.appends = space.appends
        self._user = user
        self._file: BinaryIO | None = None
        self._rests = False  # the file is closed, and there is more to come
        self._looked = 0.0  # when it was last seen not to be removed, by the monotonic clock
        self._waiting: list[bytes] = []
        self._size = 0
        self._name = ""
        self._part = 0
        self._thread: ThreadPoolExecutor | None = None  # stores parts, one after the other
        self._environment: Future[EnvironmentLine] | None = None
        self.started = 0.0  #: Of the current segment, in seconds since 1970.

    @property
    def is_open(self) -> bool:
        """Whether a segment has been begun."""
        return self._name != ""

    def goes_on(self) -> bool:
        """Open the file again after a rest. Returns whether there is a segment that is neither full nor removed."""
        if self._name == "" or self._size > MAX_SEGMENT_BYTES:
            return False
        if self._rests:
            return self._resume()
        now = time.monotonic()
        if now - self._looked < REMOVAL_SEEN_WITHIN:
            return True
        self._looked = now
        if self._is_removed():
            self._end()
            return False
        return True

    @blocks_briefly("once a second: a single call of the system")
    def _is_removed(self) -> bool:
        """Whether the open file was removed, or moved away with its storage, which is logged."""
        directory = self._space.directory
        if self._file is None or directory is None or os.path.exists(f"{directory}/{self._name}"):
            return False
        logger.warning(
            "the record %s/%s was removed while it was written: what ran since is in none", directory, self._name
        )
        return True

    def micros(self, at: float) -> int:
        """Return a time, in seconds since 1970, as the microseconds since the segment's start."""
        return int((at - self.started) * 1e6)

    @property
    def is_in_outage(self) -> bool:
        """Whether the storage has not answered lately; to be asked on the engine's loop."""
        return self._space.is_in_outage

    def add_environment(self) -> None:
        """Append what the engine runs in to a part that is sent once it is known."""
        from alexflow.record.surroundings import environment  # deferred: it is read after the first tasks have begun

        if not self.failed:
            self._environment = self._storing().submit(environment, self._space)

    def add(self, line: SegmentLine | tuple[Any, ...]) -> None:
        """Append a line, as its class has it or as a tuple; it waits for :meth:`flush`."""
        framed = frame_of(packed(line))
        self._waiting.append(framed)
        self._size += len(framed)

    def begin(self) -> None:
        """Begin a segment."""
        self.started = time.time()
        self._name = new_segment_name(self.started)
        host = socket.gethostname()
        self._size = self._part = 0
        self._waiting = [RECORD_MAGIC]
        self.add(SegmentHeader(self.started, host, os.getpid(), self._user, __version__, self._space.prefix))

    @blocks_briefly("one write for a batch of tasks: it costs less than a thread would")
    def flush(self) -> None:
        """Hand all lines to the system; where a segment has parts, store them, and wait for it."""
        if not self.appends:
            self.send().result()
            return
        if not self._waiting or self.failed:
            self._waiting.clear()
            return
        data = b"".join(self._waiting)
        self._waiting.clear()
        try:
            if self._file is None:
                self._file = self._space.open_for_appending(self._name, new=not self._rests)
                self._rests = False
            rest = memoryview(data)
            while rest:  # a disk that is nearly full takes a part, and then refuses
                rest = rest[self._file.write(rest) :]
        except Exception as error:  # the disk's
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self.failed = True
        level = logging.INFO if self._space.is_read_only else logging.WARNING  # then nothing can be published, either
        logger.log(
            level, "no longer writing the record of what is made, segment %s; the work goes on: %s", self._name, error
        )

    @blocks_briefly("once a fifth of a second, when nothing is to be done")
    def rest(self) -> None:
        """Close the file until there is more to write: an idle engine keeps no disk from being unmounted."""
        file, self._file = self._file, None
        if file is not None:
            self._rests = True
            file.close()

    @blocks_briefly("once for each time that an engine was idle")
    def _resume(self) -> bool:
        """Open the file again after a rest. Returns whether it is still there."""
        try:
            self._file = self._space.open_for_appending(self._name, new=False)
        except FileNotFoundError:  # the record may have been removed meanwhile
            self._end()
            return False
        except Exception as error:  # the disk's
            self._give_up(error)
        self._rests = False
        return True

    # -- parts

    def send(self) -> Future[None]:
        """Have all lines stored as the next part.

        Returns:
            The moment at which they are stored, and all parts before them; or the record was given up.
        """
        if self._environment is not None and self._environment.done():
            if self._environment.exception() is None:
                self.add(self._environment.result())
            self._environment = None
        waiting, self._waiting = self._waiting, [RECORD_MAGIC]
        if len(waiting) <= 1:
            return self._storing().submit(_nothing)  # it comes after the parts that are on their way
        self._part += 1
        return self._storing().submit(self._store, part_name(self._name, self._part - 1), b"".join(waiting))

    def _storing(self) -> ThreadPoolExecutor:
        if self._thread is None:
            from concurrent.futures import ThreadPoolExecutor  # deferred: for segments in parts only

            self._thread = ThreadPoolExecutor(1, "alexflow-record")
        return self._thread

    def _store(self, name: str, data: bytes) -> None:
        if not self.failed:  # a part after one that is missing could not be read
            try:
                self._space.write(name, data)
            except Exception as error:  # the network's
                self._give_up(error)

    def roll(self) -> None:
        """End the segment because another follows."""
        self.flush()
        self._end()

    @blocks_briefly("once an engine: a line, and the end of the file")
    def close(self) -> None:
        """Close the segment: nothing that ran is missing from it."""
        if self.is_open:
            if self._environment is not None:
                self._environment.exception()  # waits for it
            self.add(ClosedLine(self.micros(time.time())))
            self.flush()
            self._is_removed()
            self._end()
            if self._thread is not None:
                self._thread.shutdown()

    def _end(self) -> None:
        file, self._file = self._file, None
        self._name, self._rests = "", False
        if file is not None:
            file.close()


def new_segment_name(started: float | None = None) -> str:
    """Return a name for a segment that no other has; names sort by when they were begun, which is now by default."""
    at = time.time() if started is None else started
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(at)) + f".{int(at % 1 * 1e3):03d}"
    host = "".join(c if c.isalnum() or c in "-." else "_" for c in socket.gethostname())[:64]
    return f"{stamp}-{host}-{os.getpid()}-{os.urandom(3).hex()}{SEGMENT_SUFFIX}"


def _nothing() -> None:
    return


def packed(data: Any) -> bytes:
    """Return plain data, or a line, in MessagePack."""
    try:
        return _encode(data)
    except (UnicodeEncodeError, ValueError, OverflowError, TypeError):  # half of a surrogate pair, a huge number
        return _encode(_plain(data))


def _plain(value: Any) -> Any:
    """Return plain data with its texts escaped where UTF-8 cannot encode them, and what else has no form as text."""
    if value is None or isinstance(value, bool | float | bytes | msgspec.Raw):
        return value
    if isinstance(value, msgspec.Struct):
        return _plain(msgspec.to_builtins(value))
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else f"{value:#x}"
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {_plain(name): _plain(part) for name, part in value.items()}
    return f"<{type(value).__qualname__}>"
