"""The tables of an index.

* ``segment``: each segment, how far it was read, and the section that its next line belongs to.
* ``superseded``: the names of segments that a merged one stands for.
* ``section``: the header of each section.
* ``line``: the lines of a section that are not about single tasks, as they are in the segment.
* ``class``: the classes of tasks by the names in their ids, with the paths that have columns.
* ``ending``: what follows the ids in the keys of a class's outputs.
* ``task``: what a task was made from and what came of it, as in the segment, by the digest of its id. The number of a
  row is that of its section times 2^32 and its own in there; a task that has run again has further rows, below 0.
* ``other_key``: keys that do not begin with the id of the task that makes them, or are seen through a prefix.
* ``class_N``: what is searched of the tasks of a class: a column for each path. ``old`` is 1 if there is a newer row.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from typing import Any

#: Seconds that are waited for another process that brings the index up to date.
PATIENCE = 120.0

#: KiB of the database that are kept in memory.
_CACHE_KIB = 64 * 1024

#: The states of a row in ``class_N``.
HAS_RUN, MAY_HAVE_RUN, IS_NAMED = 0, 1, 2

_TABLES = """
CREATE TABLE segment (space INTEGER, name TEXT, size INTEGER, read INTEGER, section INTEGER, PRIMARY KEY (space, name));
CREATE TABLE superseded (space INTEGER, name TEXT, merged TEXT, PRIMARY KEY (space, name, merged)) WITHOUT ROWID;
CREATE TABLE section (number INTEGER PRIMARY KEY, space INTEGER, name TEXT, header BLOB);
CREATE TABLE line (section INTEGER, kind INTEGER, data BLOB);
CREATE INDEX line_of_section ON line (section, kind);
CREATE TABLE class (number INTEGER PRIMARY KEY, name TEXT, cls TEXT, paths TEXT, fields TEXT, UNIQUE (name, cls));
CREATE TABLE ending (class INTEGER, text TEXT, PRIMARY KEY (class, text)) WITHOUT ROWID;
CREATE TABLE task (number INTEGER PRIMARY KEY, digest BLOB, class INTEGER, made BLOB, completion BLOB);
CREATE INDEX task_by_digest ON task (digest);
CREATE TABLE other_key (key TEXT, task INTEGER, PRIMARY KEY (key, task)) WITHOUT ROWID;
CREATE INDEX other_key_of_task ON other_key (task);
"""


def connected(path: str) -> sqlite3.Connection:
    """Open an index; one that is new has its tables.

    Raises:
        sqlite3.Error: it is damaged, or cannot be made.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.create_function("matches", 2, _matches, deterministic=True)
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'segment'").fetchone():
            _make_tables(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_tables(connection: sqlite3.Connection, path: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'segment'").fetchone():
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        _let_others_write(path)
    connection.execute("COMMIT")


def _let_others_write(path: str) -> None:
    """Give the file the rights of its directory: a user with write access to one has it to the other."""
    os.chmod(path, stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) & 0o666)


def _matches(pattern: str, value: Any) -> bool:
    return isinstance(value, str) and re.search(pattern, value) is not None


def class_table(number: int, columns: int) -> str:
    """Return the SQL that makes the table of a class."""
    fields = "".join(f", c{column}" for column in range(columns))
    return f"CREATE TABLE class_{number} (task INTEGER PRIMARY KEY, state, old, finished, stored{fields})"
