"""Retention: which outputs of a storage may go, and removing them; pins, which say what may not.

Nothing here runs by itself. ``stored_tasks`` collects what there is, ``select`` chooses by age, size and use, and
``remove`` frees it, beside running engines.
"""

from alexflow.retention.checkpoints import stale_checkpoints
from alexflow.retention.pins import Pin, pin, pins, unpin
from alexflow.retention.removal import Removed, remove
from alexflow.retention.segments import MergedSegments, merge_segments, would_merge
from alexflow.retention.selection import Limits, Selection, reachable_from, select
from alexflow.retention.stored import Stored, StoredOutput, StoredTask, stored_tasks
from alexflow.retention.uses import sweep_notes

__all__ = [
    "Limits",
    "MergedSegments",
    "Pin",
    "Removed",
    "Selection",
    "Stored",
    "StoredOutput",
    "StoredTask",
    "merge_segments",
    "pin",
    "pins",
    "reachable_from",
    "remove",
    "select",
    "stale_checkpoints",
    "stored_tasks",
    "sweep_notes",
    "unpin",
    "would_merge",
]
