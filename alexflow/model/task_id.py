"""Ids of tasks: from the values of the significant fields, the innermost tasks first.

Tasks may be nested deeper than Python recurses, so a task whose nested tasks have no ids yet is put on a stack. A task
that contains itself is refused with the path from it to itself. A task is made of what was there before, so this takes
a list or a dict that was added to afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from alexflow.errors import IdentityError
from alexflow.identity import (
    LEAST_INT,
    MOST_INT,
    Canonical,
    ComputeNow,
    Pending,
    canonical,
    children,
    has_anothers_main,
    locate,
    task_digest,
)
from alexflow.model.class_info import ClassInfo, SourceTask, WithClassInfo, class_info
from alexflow.model.output import Output


def compute_task_id(task: SourceTask) -> str:
    """Compute and cache the id of a task that is no wrapper, and of all tasks nested in it."""
    pending: Pending = []
    task_id = _id_from_fields(task, pending)
    if pending:
        _compute_innermost_first(task, pending)
        return cast(str, task.known_id())
    _set(task, "_task_id", task_id)
    return task_id


def id_from_fields(task: SourceTask) -> str:
    """Compute the id from the values that the fields have now, whatever the cached id is.

    Tasks nested in it count with their cached ids.

    Raises:
        IdentityError: a value has no identity.
    """
    return _id_from_fields(task, ComputeNow())


_set = object.__setattr__  # tasks are frozen; writing to __dict__ would make Python create one, which is slower


def _compute_innermost_first(task: SourceTask, pending: Pending) -> None:
    stack = [task]
    open_tasks: dict[int, SourceTask] = {}  # tasks whose nested tasks are being computed, from the outermost
    while True:
        if pending:
            open_tasks[id(task)] = task
            _refuse_cycle(open_tasks, pending)
            stack.extend(pending)
        while stack[-1].known_id() is not None:
            open_tasks.pop(id(stack.pop()), None)
            if not stack:
                return
        task = stack[-1]
        # second pass: all nested tasks have ids, so a task that is still pending was created during the pass itself
        pending = ComputeNow() if id(task) in open_tasks else []
        task_id = _id_from_fields(task, pending)
        if not pending:
            _set(task, "_task_id", task_id)


def _refuse_cycle(open_tasks: dict[int, SourceTask], pending: Pending) -> None:
    for task in pending:
        if id(task) in open_tasks:
            cycle = list(open_tasks.values())[list(open_tasks).index(id(task)) :]
            raise IdentityError(f"{describe_cycle(cycle)}: the task contains itself")


def _id_from_fields(task: SourceTask, pending: Pending) -> str:
    info = task.__class_info__
    if info.cls is not type(task):  # class_info() makes the same check; this saves a call per task
        info = class_info(cast(type[WithClassInfo], type(task)))
    if info.id_rule is not None:
        task_id = info.id_rule(task, pending)
        if task_id is not None:
            return task_id
    get = info.identity_value
    fields: dict[str, Canonical] = {}
    try:
        for name in info.significant:  # faster than zip over all values at once
            value = get(task, name)
            if value is not None:
                kind = type(value)
                if kind is int and name in info.floats:
                    _note_integer(info, name, value)
                # as canonical() does; this saves a call
                if (
                    kind is str
                    or (kind is int and LEAST_INT <= value <= MOST_INT)
                    or (kind is float and value == value)
                ):
                    fields[name] = value
                else:
                    fields[name] = canonical(value, pending)
        if pending:
            return ""
        return f"{info.name}.{task_digest(fields, task.version)}"
    except (IdentityError, UnicodeEncodeError, RecursionError) as error:
        raise _with_path(task, info, error) from None


def _note_integer(info: ClassInfo, name: str, value: int) -> None:
    """Note once for a field that it is annotated as a float and was given an integer, which has another id."""
    from alexflow.logs import logger  # deferred: few programs need it

    info.floats.discard(name)
    if not has_anothers_main():  # the process that made the task has noted it
        logger.warning(
            "%s.%s is annotated as a float and was given the integer %d: the id differs from that with %d.0; "
            "write %d.0",
            *(info.name, name, value, value, value),
        )


def _with_path(task: SourceTask, info: ClassInfo, error: Exception) -> IdentityError:
    for name in info.significant:
        path = f"{type(task).__qualname__}.{name}"
        try:
            found = locate(info.identity_value(task, name), path)
        except IdentityError as refused:  # by its `encode`
            found = path, refused
        if found is not None:
            return IdentityError(f"{found[0]}: {found[1]}")
    return IdentityError(f"{type(task).__qualname__}: {error}")


# -- the message for a task that contains itself

_MOST_NAMED = 10  # tasks that a message names


def describe_cycle(tasks: Sequence[Any]) -> str:
    """Describe the path through tasks that each contain the next, and the last of which contains the first."""
    links = zip(tasks[:_MOST_NAMED], [*tasks[1:], tasks[0]], strict=False)
    path = "".join(_path_to(holder, held) for holder, held in links)
    return f"{type(tasks[0]).__qualname__}{path}{'…' if len(tasks) > _MOST_NAMED else ''}"


def _path_to(task: Any, target: Any) -> str:
    """The steps from a task to one in its significant fields."""
    pending = [("", task)]
    seen = set()
    while pending:
        path, value = pending.pop()
        if value is target and path:
            return path
        if id(value) not in seen:
            seen.add(id(value))
            pending += [(path + step, child) for step, child in _steps_into(value, task)]
    return "…"


def _steps_into(value: Any, start: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Output):
        return [(".src_task", value.src_task), *_significant_fields(value)]
    if isinstance(value, WithClassInfo):
        # not into other tasks; but through wrappers, which stand for what they wrap
        return _significant_fields(value) if value is start or value.unwrapped() is not value else ()  # type: ignore[attr-defined]
    return children(value)


def _significant_fields(value: WithClassInfo) -> Iterable[tuple[str, Any]]:
    info = class_info(type(value))
    return [(f".{name}", info.identity_value(value, name)) for name in info.significant]
