"""Outputs that a task stores for the dynamic task that gave it, and whose publication is deferred.

A dynamic task's outputs become visible only when everything that it gave is done. One of its tasks may store them long
before that; they are kept under a deferred key until the dynamic task is closed, which publishes them. So they survive
the engine, and the next run finds that this task is done and the dynamic task is not.
"""

from __future__ import annotations

from alexflow.identity.blake2 import blake2b
from alexflow.model.output import Output, keys_of
from alexflow.model.task import AbstractTask
from alexflow.model.tree import InOut, flatten

_NOTHING: dict[str, str] = {}


def deferred_key(task_id: str, key: str) -> str:
    """The key under which a task's output for another task is kept until that task is done.

    The suffix has a fixed length, since two ids in one name may be longer than file systems allow.
    """
    return f"{task_id}-for-{blake2b(key.encode(), digest_size=8).hexdigest()}"


def deferred_keys(task: AbstractTask, outputs: InOut) -> dict[str, str]:
    """The keys of other tasks that this one stores, each with its deferred key.

    Args:
        task: the task.
        outputs: the value of its ``output()``.
    """
    if outputs is None or (isinstance(outputs, Output) and outputs.__dict__.get("src_task") is task):
        return _NOTHING  # true of most tasks
    task_id = task.task_id
    return {
        key: deferred_key(task_id, key)
        for output in flatten(outputs)
        if output.__dict__.get("src_task") is not task and output.src_task_id != task_id
        for key in keys_of(output)
    }
