"""``IndexedRows``: rows that an index finds, each read from it when it is asked for."""

from __future__ import annotations

import re
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any

from alexflow.errors import StorageError
from alexflow.record.index.columns import Choice, choice_of
from alexflow.record.index.opening import opened
from alexflow.record.index.sections import IndexedSections, section_number
from alexflow.record.index.tables import IS_NAMED
from alexflow.record.index.task_rows import ASKED_TOGETHER, TaskClass, digest_in, marks_for, name_in, task_classes
from alexflow.record.lines import AttemptLine, CodeLine
from alexflow.record.row_source import Beginning, EntryFilter, RowSource, begins
from alexflow.record.rows import Row, may_have_run, newest_first
from alexflow.storage.reserved import ReservedSpace

if TYPE_CHECKING:
    from alexflow.record.run_record import Run

_DIGEST = re.compile(r"\.([0-9a-f]{40})")
_HEXADECIMAL = re.compile(r"[0-9a-f]{1,40}")

_DIGITS = 40

_COLUMNS = "number, made, completion"

#: Rows that are looked at for the beginning of a name, before all are that may have it.
_TRIED_FIRST = 200


class IndexedRows(RowSource):
    """Rows of an index, which is brought up to date first.

    Args:
        path: of the index.
        spaces: where the segments are.

    Raises:
        StorageError: a segment is of a later version.
        sqlite3.Error: there cannot be an index.
    """

    def __init__(self, path: str, spaces: Sequence[ReservedSpace]):
        self._path = path
        self._spaces = spaces
        self._lock = Lock()  # a record may be read by several threads
        self._made_again = 0
        self._connect()

    def _connect(self) -> None:
        self._connection = opened(self._path, self._spaces)
        weakref.finalize(self, self._connection.close)
        self._sections = IndexedSections(self._query, [space.prefix for space in self._spaces])

    def _query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return all rows; if the index turns out to be damaged, it is made again first."""
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.OperationalError as error:  # another process is at work on it for long, or the disk's
                raise StorageError(f"the index of the record, {self._path}, cannot be read: {error}") from error
            except sqlite3.DatabaseError:
                self._connection.close()
                self._made_again += 1
                self._connect()
                return self._connection.execute(sql, values).fetchall()

    # -- generations

    def of_task(self, task_id: str) -> Sequence[Row]:
        return newest_first(row for row in self._with_digest(digest_in(task_id)) if row.task_id == task_id)

    def of_key(self, key: str) -> Sequence[Row]:
        digests = [bytes.fromhex(digest) for digest in _DIGEST.findall(key)]
        where = f"digest IN ({marks_for(digests)}) OR number IN (SELECT task FROM other_key WHERE key = ?)"
        found = self._query(f"SELECT {_COLUMNS} FROM task WHERE {where} ORDER BY number", *digests, key)
        return newest_first(row for row in self._visible(found) if key in row.keys)

    def _with_digest(self, digest: bytes) -> list[Row]:
        return self._visible(self._query(f"SELECT {_COLUMNS} FROM task WHERE digest = ? ORDER BY number", digest))

    def _numbered(self, numbers: Sequence[int]) -> list[Row]:
        """Rows by their numbers, in that order; those that are not visible are left out."""
        return self._visible(self._lines(numbers))

    def _lines(self, numbers: Sequence[int]) -> list[tuple[Any, ...]]:
        """Lines of the table ``task`` by their numbers, in that order."""
        sql = f"SELECT {_COLUMNS} FROM task WHERE number IN ({marks_for(numbers)})"
        found = {line[0]: line for line in self._query(sql, *numbers)}
        return [found[number] for number in numbers if number in found]

    def _newest_visible(self, numbers: Sequence[int]) -> list[Row]:
        """Rows by their numbers; in the place of one that is not visible the newest of its task that is."""
        rows: list[Row] = []
        for line in self._lines(numbers):
            visible = self._visible([line])
            hidden = self._sections.row(*line) if not visible else None
            rows += visible or (self.of_task(hidden.task_id)[:1] if hidden is not None else [])
        return [row for row in rows if not row.is_named_only]

    def _visible(self, found: Iterable[tuple[Any, ...]]) -> list[Row]:
        """The rows of lines of the table ``task``, without those of tasks that did not run."""
        rows = []
        for number, made, completion in found:
            row = self._sections.row(number, made, completion)
            if row is not None and (completion is not None or row.is_named_only or self._may_have_run(number, row)):
                rows.append(row)
        return rows

    def _may_have_run(self, number: int, row: Row) -> bool:
        return may_have_run(row, self._sections.given_up(section_number(number)))

    # -- beginnings

    def beginning_with(self, text: str, most: int) -> Beginning:
        found = Beginning(set(), {})
        for where, *values in self._places_of(text):
            for task_id in self._beginning(text, where, values, most):
                if begins(task_id, text):
                    found.tasks.add(task_id)
                for key in {key for row in self.of_task(task_id) for key in row.keys if begins(key, text)}:
                    found.keys[key] = self.of_key(key)[0].task_id
        return found

    def _places_of(self, text: str) -> Iterator[tuple[Any, ...]]:
        """Yield conditions, with their values, one of which the tasks fulfil that have a text in their ids or keys."""
        for at, part in enumerate(parts := text.split(".")):
            if _HEXADECIMAL.fullmatch(part) and (len(part) == _DIGITS or at == len(parts) - 1):
                named = "".join(f".{each}" for each in parts[:at])
                classes = [cls.number for cls in self._classes() if f".{cls.name}".endswith(named)]
                span = (bytes.fromhex(part.ljust(_DIGITS, digit)) for digit in "0f")
                yield (f"digest BETWEEN ? AND ? AND class IN ({marks_for(classes)}) ORDER BY digest", *span, *classes)
        for cls in self._classes():
            endings = self._query("SELECT text FROM ending WHERE class = ?", cls.number)
            if begins(cls.name, text) or any(begins(ending, text) for (ending,) in endings):
                yield (f"number IN (SELECT task FROM class_{cls.number})",)
        yield "number IN (SELECT task FROM other_key WHERE key LIKE ? ESCAPE '~')", f"%{_escaped(text)}%"

    def _beginning(self, text: str, where: str, values: Sequence[Any], most: int) -> list[str]:
        """The ids of tasks that fulfil a condition and have the text in their ids or keys; of many some."""
        for limit in (_TRIED_FIRST, -1):
            rows = self._query(f"SELECT {_COLUMNS} FROM task WHERE {where} LIMIT ?", *values, limit)
            fitting = [
                row for row in self._visible(rows) if any(begins(each, text) for each in (row.task_id, *row.keys))
            ]
            found = list(dict.fromkeys(row.task_id for row in fitting))[:most]
            if len(found) == most or len(rows) < _TRIED_FIRST:
                break
        return found

    # -- many

    def newest(self, wanted: EntryFilter) -> Iterator[Row]:
        chosen: list[tuple[float | None, int]] = []
        for cls in self._classes():
            if wanted.fits(cls.cls):
                chosen += self._chosen(cls, wanted)
        chosen.sort(key=lambda pair: -(pair[0] or 0.0))
        numbers, epoch = iter([number for _, number in chosen]), self._made_again
        while batch := list(islice(numbers, ASKED_TOGETHER)):
            rows = self._newest_visible(batch)
            if self._made_again != epoch:
                raise StorageError("the index of the record was damaged, and has been made again; ask once more")
            yield from filter(wanted.holds_for, rows)

    def _chosen(self, cls: TaskClass, wanted: EntryFilter) -> list[tuple[float | None, int]]:
        """Return the finishing times of tasks of a class that may be wanted, and the numbers of their rows."""
        choices = [choice_of(condition, cls.columns) for condition in wanted.conditions]
        if None in choices:
            return []
        if wanted.since is not None:
            choices.append(Choice("finished > ?", (wanted.since,)))
        if wanted.larger is not None:
            choices.append(Choice("stored > ?", (wanted.larger,)))
        used = [choice for choice in choices if choice is not None and choice.sql]
        values = [value for choice in used for value in choice.parameters]
        where = " AND ".join(["old = 0", f"state < {IS_NAMED}", *(choice.sql for choice in used)])
        return self._query(f"SELECT finished, task FROM class_{cls.number} WHERE {where}", *values)

    def tasks(self) -> Iterator[Sequence[Row]]:
        last = b""
        while digests := self._query(
            "SELECT DISTINCT digest FROM task WHERE digest > ? ORDER BY digest LIMIT ?", last, ASKED_TOGETHER
        ):
            span = digests[0][0], digests[-1][0]
            where = "digest BETWEEN ? AND ? ORDER BY digest, number"
            yield from _grouped(self._visible(self._query(f"SELECT {_COLUMNS} FROM task WHERE {where}", *span)))
            last = span[1]

    def alike(self, row: Row) -> Iterable[Sequence[Row]]:
        name = name_in(row.task_id)
        rows: list[Row] = []
        for cls in self._classes():
            if row.cls == cls.cls or name == cls.name:
                numbers = iter([number for (number,) in self._query(f"SELECT task FROM class_{cls.number}")])
                while batch := list(islice(numbers, ASKED_TOGETHER)):
                    rows += self._numbered(batch)
        return _grouped(rows)

    def _classes(self) -> list[TaskClass]:
        return task_classes(self._query("SELECT number, name, cls, paths, fields FROM class"))

    def _all_sections(self) -> list[int]:
        return [number for (number,) in self._query("SELECT number FROM section")]

    # -- lines

    def code_lines(self, digest: str) -> Iterable[CodeLine]:
        found = (line for section in self._all_sections() for line in self._sections.lines(section, CodeLine))
        return (line for line in found if line.digest == digest)

    def runs(self) -> dict[str, Run]:
        from alexflow.record.run_lines import runs_in  # deferred: few readers ask for runs

        found: dict[str, Run] = {}
        for number in self._all_sections():
            section, _ = self._sections.get(number)
            if section.runs:
                section.attempts = self._sections.lines(number, AttemptLine)
                found.update((run.id, run) for run in runs_in(section))
        return found

    def is_empty(self) -> bool:
        return not self._query("SELECT 1 FROM task LIMIT 1")


def _grouped(rows: Iterable[Row]) -> Iterable[Sequence[Row]]:
    """Rows by their tasks, the newest first."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.task_id, []).append(row)
    return map(newest_first, found.values())


def _escaped(text: str) -> str:
    """A text as LIKE takes it."""
    return re.sub(r"([~%_])", r"~\1", text)
