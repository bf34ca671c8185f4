"""The tasks of which a report says more than when they ran: the longest, all that failed, and the critical path."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from typing import Any

from alexflow.record.leaves import leaves
from alexflow.report.facts import START_CAUSES
from alexflow.storage import Storage
from alexflow.timeline.critical_path import Step
from alexflow.timeline.fold import GIVEN_UP, RETRIED
from alexflow.timeline.run_fold import RunFold
from alexflow.timeline.task_columns import TaskColumns, fields_of

#: The longest tasks that are described.
MOST_LONGEST = 20_000

#: Characters of a task's parameters.
_MOST_CHARACTERS = 240

_DIGITS = 8  # of an id, as commands take it


def described(columns: TaskColumns, path: Sequence[Step], most: int = MOST_LONGEST) -> list[int]:
    """Return the indices of the attempts that a report describes, in their order."""
    ends, starts = columns.end, columns.start
    longest = nlargest(most, range(len(columns)), key=lambda index: ends[index] - starts[index])
    failed = [index for index, state in enumerate(columns.state) if state in (GIVEN_UP, RETRIED)]
    return sorted({*longest, *failed, *(step.task for step in path)})


def details_of(
    storage: Storage, run: RunFold, columns: TaskColumns, path: Sequence[Step], chosen: Sequence[int]
) -> dict[str, list[Any]]:
    """Return what a page says of some attempts, in columns of plain data.

    Args:
        storage: the storage that has the record.
        run: the run.
        columns: its tasks.
        path: the critical path.
        chosen: indices of attempts.
    """
    causes = {step.task: START_CAUSES[step.cause] for step in path}
    texts = field_texts(storage, run.begun.id, {columns.digest(index) for index in chosen})
    offsets = _lane_numbers(run)
    return {
        "lane": [offsets[columns.lane[index]] for index in chosen],
        "place": [columns.place_in_lane[index] for index in chosen],
        "id": [columns.digest(index).hex()[:_DIGITS] for index in chosen],
        "fields": [texts.get(columns.digest(index), "") for index in chosen],
        "attempt": [columns.attempts[index] for index in chosen],
        "cpu": [columns.cpu[index] for index in chosen],
        "rss": [columns.rss[index] for index in chosen],
        "stored": [columns.stored[index] for index in chosen],
        "path": [causes.get(index, "") for index in chosen],
    }


def _lane_numbers(run: RunFold) -> dict[int, int]:
    """The place of each lane in the order in which they are shown, by its number."""
    return {lane.number: at for at, lane in enumerate(run.timeline.ordered_lanes())}


def field_texts(storage: Storage, run_id: str, digests: set[bytes]) -> dict[bytes, str]:
    """Return the parameters of tasks, each as one line; those that are other tasks' outputs are left out."""
    texts = {}
    for digest, fields in fields_of(storage, run_id, digests):
        text = ", ".join(f"{path}={value}" for path, value in leaves(fields))
        texts[digest] = text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"
    return texts
