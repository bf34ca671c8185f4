"""The rows of a storage's record: by its index where there is much, else by a scan."""

from __future__ import annotations

from collections.abc import Sequence

from alexflow.record.lines import SEGMENT_SUFFIX
from alexflow.record.row_source import RowSource
from alexflow.storage import Storage
from alexflow.storage.reserved import ReservedSpace

#: A record of fewer bytes is scanned: that takes less time than it takes to load SQLite and to make an index.
LEAST_INDEXED = 128 * 1024

#: The same in files, where a listing has no sizes: each is a request.
LEAST_FILES_INDEXED = 4


def rows_of(storage: Storage) -> RowSource:
    """Open the record of a storage."""
    spaces = tuple(storage.reserved_below("record"))
    if _is_much(spaces):
        indexed = _indexed(spaces)
        if indexed is not None:
            return indexed
    from alexflow.record.scan import ScannedRows  # deferred: of no use with an index

    return ScannedRows(spaces)


def _is_much(spaces: Sequence[ReservedSpace]) -> bool:
    sizes = [size for space in spaces for name, size in space.sizes().items() if name.endswith(SEGMENT_SUFFIX)]
    return sum(sizes) >= LEAST_INDEXED or sum(size < 0 for size in sizes) >= LEAST_FILES_INDEXED


def _indexed(spaces: Sequence[ReservedSpace]) -> RowSource | None:
    """Open the index; None if there cannot be one."""
    from alexflow.record.index.place import index_path  # deferred: small records need none

    path = index_path(spaces)
    if path is None:
        return None
    try:
        import sqlite3  # deferred: some builds of Python lack it
    except ImportError:
        return None
    from alexflow.record.index.rows import IndexedRows

    try:
        return IndexedRows(path, spaces)
    except (OSError, sqlite3.Error) as error:  # a full disk, or another process that makes it for minutes
        from alexflow.logs import logger  # deferred: it takes a while

        logger.debug("the record is read without its index %s: %s", path, error)
        return None


def make_index_again(storage: Storage) -> str | None:
    """Make the index of a record from nothing, however small the record is. Returns its path; None if it has no place.

    Raises:
        OSError: it cannot be written.
        sqlite3.Error: another process is at work on it for long.
    """
    from alexflow.record.index.opening import opened, remove_index  # deferred, as above
    from alexflow.record.index.place import index_path

    spaces = tuple(storage.reserved_below("record"))
    path = index_path(spaces)
    if path is not None:
        remove_index(path)
        opened(path, spaces).close()
    return path
