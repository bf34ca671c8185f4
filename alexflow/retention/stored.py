"""The outputs that a storage holds, by the tasks that made them, with their sizes and when they were used last."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import NamedTuple

from alexflow.record import Record
from alexflow.record.rows import Row
from alexflow.retention.uses import LastUses
from alexflow.storage import LocalStorage, Storage


class StoredOutput(NamedTuple):
    """An output that is there; ``bytes`` is its size."""

    key: str
    bytes: int


class StoredTask(NamedTuple):
    """A recorded task, some of whose outputs are there.

    Attributes:
        task_id: its id.
        outputs: those that are there.
        used: when one of them was used last, in seconds since 1970: made, read by a task, found by a run or loaded by
            an engine (to a day), or, on a local storage, when a file was read last, as the system notes it. None where
            the record does not say that the task has ended.
        run_id: the run that it ran for.
    """

    task_id: str
    outputs: Sequence[StoredOutput]
    used: float | None
    run_id: str

    @property
    def bytes(self) -> int:
        """The size of all of them."""
        return sum(output.bytes for output in self.outputs)


class Stored(NamedTuple):
    """Everything that a storage holds.

    Attributes:
        tasks: the recorded tasks.
        orphans: outputs of which there is no record.
    """

    tasks: Sequence[StoredTask]
    orphans: Sequence[StoredOutput]

    @property
    def keys(self) -> set[str]:
        """The keys of everything."""
        return {output.key for task in self.tasks for output in task.outputs} | {output.key for output in self.orphans}

    @property
    def bytes(self) -> int:
        """The size of everything."""
        return sum(task.bytes for task in self.tasks) + sum(output.bytes for output in self.orphans)


def stored_tasks(record: Record, now: float | None = None) -> Stored:
    """Collect what a storage holds.

    Args:
        record: its record.
        now: in seconds since 1970; a day that is not over then counts as used until then. By default it is asked for.
    """
    storage = record.storage
    present = set(storage.list())
    uses = LastUses(storage, time.time() if now is None else now)
    rows: list[tuple[Row, list[tuple[StoredOutput, float]]]] = []
    for row in record.all_rows():
        uses.read_by(row)
        found = [_looked_at(storage, key, size) for key, size in row.sizes() if key in present]
        present.difference_update(output.key for output, _ in found)
        if found:
            rows.append((row, found))
    tasks = [_stored_task(row, found, uses) for row, found in rows]
    return Stored(tasks, [_looked_at(storage, key, None)[0] for key in sorted(present)])


def _stored_task(row: Row, found: Sequence[tuple[StoredOutput, float]], uses: LastUses) -> StoredTask:
    used = None if row.finished is None else max(row.finished, uses.of(row), *(at for _, at in found))
    return StoredTask(row.task_id, [output for output, _ in found], used, row.run_id)


def _looked_at(storage: Storage, key: str, size: int | None) -> tuple[StoredOutput, float]:
    """An output, and when its file was read last; 0 where that is not known."""
    if isinstance(storage, LocalStorage):
        try:
            status = os.stat(storage.path_of(key))
        except FileNotFoundError:  # removed since it was listed
            return StoredOutput(key, 0), 0.0
        return StoredOutput(key, status.st_size), status.st_atime
    return StoredOutput(key, storage.size(key) if size is None else size), 0.0
