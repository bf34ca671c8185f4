"""The checkpoints that may go: of tasks that are done, and of those that were not run again for long."""

from __future__ import annotations

from collections.abc import Collection

from alexflow.checkpoints import KeptCheckpoint, kept_checkpoints
from alexflow.errors import NotRecorded
from alexflow.record import Record


def stale_checkpoints(record: Record, unused_since: float | None, protected: Collection[str]) -> list[KeptCheckpoint]:
    """Choose checkpoints.

    Args:
        record: of the storage.
        unused_since: those saved last before this moment go, in seconds since 1970.
        protected: ids of tasks whose checkpoints stay.
    """
    return [
        kept
        for kept in kept_checkpoints(record.storage)
        if kept.task_id not in protected and (_is_older(kept, unused_since) or _is_done(record, kept.task_id))
    ]


def _is_older(kept: KeptCheckpoint, than: float | None) -> bool:
    return than is not None and kept.saved is not None and kept.saved < than


def _is_done(record: Record, task_id: str) -> bool:
    """Whether a task has run, so that its checkpoint should have gone, and its outputs are there."""
    try:
        entry = record.entry(task_id)
    except NotRecorded:
        return False
    keys = [output.key for output in entry.outputs]
    return entry.finished is not None and len(record.storage.exists_many(keys)) == len(keys)
