"""Writing the rows of an index: what a section says of tasks, collected and inserted many at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import msgspec

from alexflow.identity.blake2 import blake2b
from alexflow.record.index.columns import FieldColumns
from alexflow.record.index.sections import SECTION_SHIFT, IndexedSections, kind_of
from alexflow.record.index.tables import HAS_RUN, IS_NAMED, MAY_HAVE_RUN, class_table
from alexflow.record.lines import AnyLine, Completion, CompletionLine, MadeFrom, MadeFromLine, MergedLine, ReportLine
from alexflow.record.rows import Row, newest_first, row_of
from alexflow.record.segment import Section

#: Rows that are collected before they are inserted.
_INSERTED_TOGETHER = 20_000

#: Ids that are asked for in one statement.
ASKED_TOGETHER = 500

_DIGITS = 40  # of the digest in an id

_encode = msgspec.msgpack.Encoder().encode
_decode_made = msgspec.msgpack.Decoder(MadeFrom).decode


class TaskClass:
    """A class of tasks, as the index has it.

    Attributes:
        number: of its table.
        name: in the ids of its tasks.
        cls: ``module:qualname``.
        columns: of its fields.
        rows: those that wait to be inserted.
        endings: what follows the ids in the keys of its outputs.
    """

    def __init__(self, number: int, name: str, cls: str, paths: str, fields: str):
        self.number = number
        self.name = name
        self.cls = cls
        self.columns = FieldColumns(msgspec.json.decode(paths), msgspec.json.decode(fields))
        self.rows: list[list[Any]] = []
        self.endings: set[str] = set()
        self.inserted = len(self.columns.numbers), len(self.columns.names)


def task_classes(rows: Iterable[tuple[Any, ...]]) -> list[TaskClass]:
    """Return the classes of the rows of the table ``class``."""
    return [TaskClass(*row) for row in rows]


class TaskRows:
    """Writes rows, within a transaction.

    Args:
        connection: of the index.
        sections: those of the index, and those that are being read.
    """

    def __init__(self, connection: sqlite3.Connection, sections: IndexedSections):
        self._connection = connection
        self._sections = sections
        known = task_classes(connection.execute("SELECT number, name, cls, paths, fields FROM class").fetchall())
        self._classes = {(each.name, each.cls): each for each in known}
        self._tasks: list[tuple[Any, ...]] = []
        self._keys: list[tuple[str, int]] = []
        self._lines: list[tuple[int, int, bytes]] = []
        self._touched: dict[bytes, None] = {}  # digests of tasks whose newest row may be another now
        self._alone = 1  # rows of a task of which none has to be marked
        self._number = 0
        self._section: Section | None = None
        self._prefix = ""
        self._undone: dict[int, MadeFrom] = {}

    # -- lines

    def enter(self, section: int) -> None:
        """Take the next lines as those of a section; 0 stands for none."""
        self._number = section
        if section:
            self._section, self._prefix = self._sections.get(section)

    def take(self, line: AnyLine, payload: bytes | memoryview) -> None:
        """Take a line of the section."""
        assert self._section is not None
        if isinstance(line, MadeFromLine):
            self._undone.update(line.numbered(self._section.shapes))
        elif isinstance(line, CompletionLine):
            for completion in line.tasks:
                made = self._undone.pop(completion.task, None)
                if made is not None:
                    self._insert(completion.task, made, completion)
                else:
                    self._complete(completion)
        elif not isinstance(line, MergedLine | ReportLine):  # which are read from segments
            self._section.add(line)
            self._lines.append((self._number, kind_of(type(line)), bytes(payload)))

    def leave(self) -> None:
        """End the section, for now: what was made from something and is not done may be under way."""
        for number, made in self._undone.items():
            self._insert(number, made, None)
        self._undone = {}
        self._flush()

    # -- rows

    def _insert(self, number: int, made: MadeFrom, completion: Completion | None) -> None:
        assert self._section is not None
        row = row_of(self._section, made, completion, self._prefix)
        if row is not None:
            self._add(self._number << SECTION_SHIFT | number, row, _encode(made), completion)

    def _add(self, number: int, row: Row, made: bytes, completion: Completion | None) -> None:
        cls, digest = self._class_of(row), digest_in(row.task_id)
        self._tasks.append((number, digest, cls.number, made, None if completion is None else _encode(completion)))
        self._touched[digest] = None
        _, _, fields = row.canonical()
        further = row.further_fields()
        values = cls.columns.values(fields | further if further else fields)
        cls.rows.append([number, *_state(row), *values])
        for key in row.keys:
            if key.startswith(row.task_id) and _has_digest(row.task_id):
                cls.endings.add(key[len(row.task_id) :])
            else:
                self._keys.append((key, number))
        if len(self._tasks) >= _INSERTED_TOGETHER:
            self._flush()

    def _class_of(self, row: Row) -> TaskClass:
        key = name_in(row.task_id), row.cls
        found = self._classes.get(key)
        if found is None:
            found = self._classes[key] = TaskClass(len(self._classes) + 1, *key, "[]", "[]")
            self._connection.execute(class_table(found.number, 0))
            self._connection.execute("INSERT INTO class VALUES (?, ?, ?, '[]', '[]')", (found.number, *key))
        return found

    def _complete(self, completion: Completion) -> None:
        """Note that a task has run whose row is there; one that had run already gets another row."""
        self._flush()
        assert self._section is not None
        number = self._number << SECTION_SHIFT | completion.task
        found = self._connection.execute("SELECT made, completion FROM task WHERE number = ?", (number,)).fetchone()
        if found is None:  # nothing of it is seen through the prefix
            return
        row = row_of(self._section, _decode_made(found[0]), completion, self._prefix)
        assert row is not None
        if found[1] is not None:
            self._add(self._further_number(), row, found[0], completion)
            return
        cls, (state, old, finished, stored) = self._class_of(row), _state(row)
        self._connection.execute("UPDATE task SET completion = ? WHERE number = ?", (_encode(completion), number))
        sql = f"UPDATE class_{cls.number} SET state = ?, old = ?, finished = ?, stored = ? WHERE task = ?"
        self._connection.execute(sql, (state, old, finished, stored, number))
        self._touched[digest_in(row.task_id)] = None

    def _further_number(self) -> int:
        """A number below 0 for a task of the section that has run again."""
        first = self._number << SECTION_SHIFT
        span = (-first - (1 << SECTION_SHIFT) + 1, -first)
        [(last,)] = self._connection.execute("SELECT MIN(number) FROM task WHERE number BETWEEN ? AND ?", span)
        return int((last if last is not None else -first) - 1)

    # -- inserting

    def _flush(self) -> None:
        """Insert what was collected."""
        connection = self._connection
        connection.executemany("INSERT INTO line VALUES (?, ?, ?)", self._lines)
        connection.executemany("INSERT INTO task VALUES (?, ?, ?, ?, ?)", self._tasks)
        connection.executemany("INSERT OR IGNORE INTO other_key VALUES (?, ?)", self._keys)
        for cls in self._classes.values():
            if cls.rows:
                self._flush_class(cls)
        self._lines, self._tasks, self._keys = [], [], []

    def _flush_class(self, cls: TaskClass) -> None:
        paths, names = cls.columns.paths, list(cls.columns.names)
        if (len(paths), len(names)) != cls.inserted:
            for column in range(cls.inserted[0], len(paths)):
                self._connection.execute(f"ALTER TABLE class_{cls.number} ADD COLUMN c{column}")
            new = msgspec.json.encode(paths).decode(), msgspec.json.encode(names).decode(), cls.number
            self._connection.execute("UPDATE class SET paths = ?, fields = ? WHERE number = ?", new)
            cls.inserted = len(paths), len(names)
        endings = [(cls.number, ending) for ending in cls.endings]
        self._connection.executemany("INSERT OR IGNORE INTO ending VALUES (?, ?)", endings)
        width = 5 + len(paths)
        rows = (row + [None] * (width - len(row)) for row in cls.rows)
        self._connection.executemany(f"INSERT INTO class_{cls.number} VALUES ({', '.join('?' * width)})", rows)
        cls.rows, cls.endings = [], set()

    def remove(self, section: int) -> None:
        """Remove the rows of a section."""
        self._alone = 0  # what is left may be marked
        first = section << SECTION_SHIFT
        last = first + (1 << SECTION_SHIFT) - 1
        for span in ((first, last), (-last, -first)):
            found = self._connection.execute("SELECT digest FROM task WHERE number BETWEEN ? AND ?", span)
            self._touched.update((digest, None) for (digest,) in found.fetchall())
            for table, column in self._tables_of_tasks():
                self._connection.execute(f"DELETE FROM {table} WHERE {column} BETWEEN ? AND ?", span)

    def _tables_of_tasks(self) -> list[tuple[str, str]]:
        of_classes = [(f"class_{cls.number}", "task") for cls in self._classes.values()]
        return [("task", "number"), ("other_key", "task"), *of_classes]

    # -- generations

    def finish(self) -> None:
        """Mark all but the newest row of each task as old."""
        touched = iter(self._touched)
        while digests := list(islice(touched, ASKED_TOGETHER)):
            sql = f"SELECT digest FROM task WHERE digest IN ({marks_for(digests)}) GROUP BY digest HAVING COUNT(*) > ?"
            for (digest,) in self._connection.execute(sql, [*digests, self._alone]).fetchall():
                self._mark_old(digest)
        self._touched = {}

    def _mark_old(self, digest: bytes) -> None:
        sql = "SELECT number, class, made, completion FROM task WHERE digest = ? ORDER BY number"
        of_tasks: dict[str, list[Row]] = {}
        places: dict[int, tuple[int, int]] = {}
        for number, cls, made, completion in self._connection.execute(sql, (digest,)).fetchall():
            row = self._sections.row(number, made, completion)
            if row is not None:
                of_tasks.setdefault(row.task_id, []).append(row)
                places[id(row)] = cls, number
        for rows in of_tasks.values():
            for age, row in enumerate(newest_first(rows)):
                cls, number = places[id(row)]
                self._connection.execute(f"UPDATE class_{cls} SET old = ? WHERE task = ?", (age > 0, number))


def _state(row: Row) -> tuple[int, int, float | None, int]:
    """The columns ``state``, ``old``, ``finished`` and ``stored`` of a new row."""
    state = HAS_RUN if row.completion is not None else IS_NAMED if row.is_named_only else MAY_HAVE_RUN
    return state, 0, row.finished, row.stored


def _has_digest(task_id: str) -> bool:
    digest = task_id[-_DIGITS:]
    return len(task_id) > _DIGITS and task_id[-_DIGITS - 1] == "." and not digest.strip("0123456789abcdef")


def digest_in(task_id: str) -> bytes:
    """Return the digest at the end of an id; of an id without one its own."""
    if _has_digest(task_id):
        return bytes.fromhex(task_id[-_DIGITS:])
    return blake2b(task_id.encode(), digest_size=_DIGITS // 2).digest()


def name_in(task_id: str) -> str:
    """Return the name before the digest in an id; an id without one is a name as a whole."""
    return task_id[: -_DIGITS - 1] if _has_digest(task_id) else task_id


def marks_for(values: Sequence[Any]) -> str:
    """Return as many marks as there are values for SQL."""
    return ", ".join("?" * len(values))
