"""Spooled objects: large ones in unnamed files on a local disk, on their way to a remote storage.

A stream goes there first, and then to the storage. So it can be sought in; its digest is known before the first byte is
sent, and can be kept with the object; a part that was lost on its way is sent again; and of a task that fails nothing
was ever sent.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from alexflow.storage import streams
from alexflow.storage.background import in_thread
from alexflow.storage.digest import Recorder, record_of, record_of_parts
from alexflow.storage.files import above_standard, open_above, read_parts, storage_error, write_all
from alexflow.storage.local.new_file import UNNAMED_FILE, NewFile
from alexflow.storage.local.storage import BUFFER
from alexflow.storage.local.streams import LocalStaging
from alexflow.storage.remote import spool
from alexflow.storage.remote.multipart import MAX_BYTES_IN_MEMORY
from alexflow.storage.remote.ranges import Ranges
from alexflow.storage.staged import Staged

#: The directory for files that do not fit in memory: ``/tmp`` often is memory itself.
_FOR_LARGE_FILES = "/var/tmp"


def directory() -> str:
    """The directory of spooled files: TMPDIR, or else the system's for large temporary files."""
    if "TMPDIR" not in os.environ and os.access(_FOR_LARGE_FILES, os.W_OK | os.X_OK):
        return _FOR_LARGE_FILES
    return tempfile.gettempdir()


def new_file() -> NewFile:
    """A new, empty file.

    Raises:
        StorageError: the disk takes none.
    """
    where = directory()
    try:
        if UNNAMED_FILE is not None:
            try:
                return NewFile(open_above(where, os.O_RDWR | UNNAMED_FILE | os.O_CLOEXEC, 0o600), where, None)
            except OSError:  # not on this file system
                pass
        fd, name = tempfile.mkstemp(prefix="alexflow-", dir=where)
    except OSError as error:
        raise storage_error("write in", where, error) from error
    return NewFile(above_standard(fd), where, name)


def filled(data: bytes) -> NewFile:
    """A spooled file that holds ``data``, with its digest record."""
    new = new_file()
    try:
        write_all(new.fd, data)
        new.record = record_of(data)
    except OSError as error:
        new.close()
        raise storage_error("write in", new.base, error) from error
    return new


async def fetched_with_record(found: Ranges) -> tuple[NewFile, bytes]:
    """A spooled file that holds an object, and the object's digest record."""
    new, recorder = await in_thread(new_file), Recorder()

    def add(piece: bytes) -> None:
        write_all(new.fd, piece)
        recorder.add(piece)

    try:
        async for piece in found.pieces():
            await in_thread(add, piece)
    except OSError as error:
        new.close()
        raise storage_error("write in", new.base, error) from error
    except BaseException:
        new.close()
        raise
    new.record = recorder.record()
    return new, new.record


def taken(path: Path) -> NewFile:
    """A complete file that no caller uses by its name any more, with its digest record."""
    try:
        name = None if UNNAMED_FILE is not None else f"{path}.taken"
        if name is not None:
            os.rename(path, name)
        new = NewFile(os.open(name or path, os.O_RDONLY | os.O_CLOEXEC), str(path.parent), name)
        new.record = record_of_parts(read_parts(new.fd))
    except OSError as error:
        raise storage_error("read", str(path), error) from error
    return new


def scratch() -> AbstractContextManager[Path]:
    """A new directory there, removed in the end."""
    return streams.scratch(directory())


class RemoteStaging(LocalStaging):
    """A stream into a file without a name, which is uploaded in the end; or kept in memory, if it is small.

    Args:
        key: where it will be published.
        stage_file: takes a large file, with its digest record.
    """

    def __init__(self, key: str, stage_file: Callable[[str, NewFile], Staged]):
        new = spool.new_file()
        super().__init__(key, new, new.base, small=MAX_BYTES_IN_MEMORY, buffer=BUFFER)
        self._stage_file = stage_file

    def finish(self) -> Staged:
        staged = super().finish()
        return staged if staged.place is None else self._stage_file(staged.key, staged.place)
