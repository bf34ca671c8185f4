"""Opening an index: brought up to date, and made again where it is damaged."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress

from alexflow.record.index.tables import connected
from alexflow.record.index.update import bring_up_to_date
from alexflow.storage.reserved import ReservedSpace


def opened(path: str, spaces: Sequence[ReservedSpace]) -> sqlite3.Connection:
    """Open the index of some spaces.

    Raises:
        StorageError: a segment is of a later version, or cannot be read.
        sqlite3.Error: there cannot be an index, or another process is at work on it for long.
    """
    try:
        return _up_to_date(path, spaces)
    except sqlite3.OperationalError:  # locked, or the disk's
        raise
    except sqlite3.DatabaseError:  # damaged
        remove_index(path)
        return _up_to_date(path, spaces)


def _up_to_date(path: str, spaces: Sequence[ReservedSpace]) -> sqlite3.Connection:
    connection = connected(path)
    try:
        bring_up_to_date(connection, spaces)
    except BaseException:
        connection.close()
        raise
    return connection


def remove_index(path: str) -> None:
    """Remove an index with its journal."""
    for name in (path, f"{path}-journal"):
        with suppress(FileNotFoundError):
            os.unlink(name)
