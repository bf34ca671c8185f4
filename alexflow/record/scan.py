"""``ScannedRows``: all of a record, read and kept in memory; quicker than an index where there is little."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from alexflow.record.lines import CodeLine
from alexflow.record.row_source import Beginning, EntryFilter, RowSource, begins
from alexflow.record.rows import Row, newest_first, rows_in
from alexflow.record.segment import Section, sections_in
from alexflow.record.segment_files import segment_files
from alexflow.record.segment_parts import joined
from alexflow.storage.reserved import ReservedSpace

if TYPE_CHECKING:
    from alexflow.record.run_record import Run


class ScannedRows(RowSource):
    """Rows of all segments.

    Args:
        spaces: where the segments are.
    """

    def __init__(self, spaces: Iterable[ReservedSpace]):
        self._sections: list[Section] = []
        self._tasks: dict[str, list[Row]] = {}
        self._keys: dict[str, list[Row]] = {}
        for space in spaces:
            for section in _sections_of(space):
                self._sections.append(section)
                for row in rows_in(section, space.prefix):
                    self._tasks.setdefault(row.task_id, []).append(row)
                    for key in row.keys:
                        self._keys.setdefault(key, []).append(row)
        for by_name in (self._tasks, self._keys):
            for name, rows in by_name.items():
                by_name[name] = newest_first(rows)

    def of_task(self, task_id: str) -> Sequence[Row]:
        return self._tasks.get(task_id, ())

    def of_key(self, key: str) -> Sequence[Row]:
        return self._keys.get(key, ())

    def beginning_with(self, text: str, most: int) -> Beginning:
        tasks = {task_id for task_id in self._tasks if begins(task_id, text)}
        return Beginning(tasks, {key: rows[0].task_id for key, rows in self._keys.items() if begins(key, text)})

    def newest(self, wanted: EntryFilter) -> Iterator[Row]:
        rows = [rows[0] for rows in self._tasks.values() if not rows[0].is_named_only]
        rows.sort(key=lambda row: -(row.finished or 0.0))
        return filter(wanted.holds_for, rows)

    def tasks(self) -> Iterator[Sequence[Row]]:
        return iter(self._tasks.values())

    def alike(self, row: Row) -> Iterable[Sequence[Row]]:
        return self._tasks.values()

    def code_lines(self, digest: str) -> Iterable[CodeLine]:
        return (line for section in self._sections for line in section.codes if line.digest == digest)

    def runs(self) -> dict[str, Run]:
        from alexflow.record.run_lines import runs_in  # deferred: few readers ask for runs

        return {run.id: run for section in self._sections for run in runs_in(section)}

    def is_empty(self) -> bool:
        return not self._tasks


def _sections_of(space: ReservedSpace) -> Iterator[Section]:
    for name, data in joined(segment_files(space)):
        yield from sections_in(data, name)[0]
