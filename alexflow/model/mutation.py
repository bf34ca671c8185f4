"""Detection of tasks whose parameters were changed after their id was computed.

A task is frozen, but a list that it holds is not. Its result would be stored under the id of its former parameters. So
before a task runs in its owner's process, its id is computed again if any of its parameters is mutable; a worker
process computes the id of what it has received in any case.
"""

from __future__ import annotations

import datetime
from typing import Any

from alexflow.errors import IdentityError, NonDeterministicTask
from alexflow.hooks import an_instance
from alexflow.model.class_info import WithClassInfo, class_info
from alexflow.model.task import AbstractTask
from alexflow.model.task_id import id_from_fields

#: Immutable types.
_FIXED = frozenset(
    {
        type(None),
        bool,
        int,
        float,
        complex,
        str,
        bytes,
        type,
        datetime.date,
        datetime.datetime,
        datetime.time,
        datetime.timedelta,
    }
)


def check_unchanged(task: AbstractTask, task_id: str) -> None:
    """Check that a task still has the parameters that its id was computed from.

    Raises:
        NonDeterministicTask: it has others; the message names the fields that can have been changed.
    """
    fixed, info = _FIXED, task.__class_info__
    if info.cls is not type(task):
        info = class_info(type(task))
    for name in info.significant:
        if type(value := getattr(task, name)) not in fixed and _may_change(value):
            break
    else:
        return  # true of most tasks
    change = describe_change(task, task_id)
    if change:
        raise NonDeterministicTask(task_id, change)


def describe_change(task: AbstractTask, task_id: str) -> str:
    """A message about the parameters that have changed since the id was computed; empty if none has."""
    task = task.unwrapped()
    if task.known_id() is None:
        return ""
    try:
        now = id_from_fields(task)
    except IdentityError as error:
        now, why = "", f" ({error})"
    else:
        why = f", which would be {now} now"
    if now == task_id:
        return ""
    info = class_info(type(task))
    values = [(name, getattr(task, name)) for name in info.significant]
    fields = [f"{info.cls.__qualname__}.{name} ({_kind(value)})" for name, value in values if _may_change(value)]  # type: ignore[union-attr]
    changed = " or ".join(fields) or "a parameter"
    return (
        f"{changed} was changed after the task's id was computed{why}; "
        f"make another task instead of changing this one's parameters, or give it a copy"
    )


def _may_change(value: Any) -> bool:
    kind = type(value)
    if kind in _FIXED or isinstance(value, WithClassInfo):  # tasks and outputs are checked when they run themselves
        return False
    if kind is tuple or kind is frozenset:
        return any(map(_may_change, value))
    return True


def _kind(value: Any) -> str:
    return an_instance(value)
