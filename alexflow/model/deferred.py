"""What a task stores for the dynamic task that gave it, and where that waits.

A dynamic task's outputs are visible only when everything that it gave is done. One of its tasks may store them long
before that; what it stores is kept under a key of its own until the dynamic task is closed, which publishes it. So it
survives the engine, and the next run finds that this task is done and the dynamic task is not.
"""

from __future__ import annotations

from alexflow.identity.blake2 import blake2b
from alexflow.model.output import Output, keys_of
from alexflow.model.task import AbstractTask
from alexflow.model.tree import InOut, flatten

_NOTHING: dict[str, str] = {}


def deferred_key(task_id: str, key: str) -> str:
    """Where what this task stores under another's key is kept until that one is done.

    Of fixed length, since two ids in one name may be longer than file systems allow.
    """
    return f"{task_id}-for-{blake2b(key.encode(), digest_size=8).hexdigest()}"


def deferred_keys(task: AbstractTask, outputs: InOut) -> dict[str, str]:
    """The keys of another task that this one stores, each with where it is kept.

    Args:
        task: the task.
        outputs: what its ``output`` has given.
    """
    if outputs is None or (isinstance(outputs, Output) and outputs.__dict__.get("src_task") is task):
        return _NOTHING  # as of most tasks
    task_id = task.task_id
    return {
        key: deferred_key(task_id, key)
        for output in flatten(outputs)
        if output.__dict__.get("src_task") is not task and output.src_task_id != task_id
        for key in keys_of(output)
    }
