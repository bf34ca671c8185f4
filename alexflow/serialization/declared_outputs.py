"""Outputs in an untrusted document: only those that the class of their task declares are accepted.

A document could claim any key as the output of any task, in any format, and mark it to be removed. So ``output()`` of
the task is called, which is code of a module that the reader has named. Nor may a key begin with a parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from alexflow.identity import short_repr
from alexflow.model import AbstractTask, Output, flatten, keys_of, task_behind
from alexflow.serialization.fault import DocumentFault, hook_fault


def as_declared(output: Output[Any]) -> Output[Any]:
    """The equal output that the task itself declares, unbound; fields that are not significant are the task's.

    Raises:
        DocumentFault: the task declares no equal output, or does not declare it as ephemeral.
    """
    if not _keys_of(output):
        return output  # a source: it is in no storage
    task = task_behind(output)
    cls = type(task).__qualname__
    if not output.key.startswith(f"{task.task_id}."):
        raise DocumentFault(f"the key does not begin with {task.task_id}., the id of its task").at(".key")
    declared = next((each for each in _outputs_of(task) if each.key == output.key and each == output), None)
    if declared is None:
        raise DocumentFault(f"{cls}.output() gives no such {type(output).__qualname__} {output.key}")
    if output.ephemeral and not declared.ephemeral:
        raise DocumentFault(f"{cls}.output() does not give {output.key} as ephemeral").at(".ephemeral")
    return declared.assign_storage(None)


def check_keys_of(task: AbstractTask) -> None:
    """Check that a task of an untrusted document stores under its own id, and reads under the ids of its inputs' tasks.

    A class may take a key from a parameter, which the document sets.

    Raises:
        DocumentFault: a key of its ``output()`` or ``input()`` does not begin so, or one of them raises.
    """
    cls = type(task).__qualname__
    for hook, tree in (("output()", task.output), ("input()", task.input)):
        try:
            pairs = [
                (key, task.task_id if hook == "output()" else output.src_task_id)
                for output in flatten(tree())
                for key in keys_of(output)
            ]
        except BaseException as error:  # the user's code
            raise hook_fault(f"{cls}.{hook}", error) from error
        for key, producer in pairs:
            if not key.startswith(f"{producer}."):
                raise DocumentFault(
                    f"{cls}.{hook} gives the key {short_repr(key)}, which does not begin with {producer}."
                )


def _keys_of(output: Output[Any]) -> Sequence[str]:
    try:
        return keys_of(output)
    except BaseException as error:  # the user's code
        raise hook_fault(f"{type(output).__qualname__}.physical_key_list()", error) from error


def _outputs_of(task: AbstractTask) -> Iterable[Output[Any]]:
    try:
        return flatten(task.output())
    except BaseException as error:  # the user's code
        raise hook_fault(f"{type(task).__qualname__}.output()", error).at(".task") from error
