"""Checkpoints: the state of tasks that are not done, kept in their storage until they are.

A task has one under ``alexflow.current.checkpoint()``. It is written while the task runs, and found by any later
attempt, run or machine that runs the same task on the same storage.
"""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names as _lazy_names

if TYPE_CHECKING:
    from alexflow.checkpoints.checkpoint import Checkpoint as Checkpoint
    from alexflow.checkpoints.kept import KeptCheckpoint as KeptCheckpoint
    from alexflow.checkpoints.kept import kept_checkpoints as kept_checkpoints
    from alexflow.checkpoints.kept import remove_checkpoint as remove_checkpoint

__getattr__, __dir__, __all__ = _lazy_names(
    __name__,
    {
        "checkpoint": "Checkpoint",
        "kept": "KeptCheckpoint kept_checkpoints remove_checkpoint",
    },
)
