"""How a task comes to contain itself, for the message that refuses it.

A task is made of what was there before, so this takes a list or a dict that was added to afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from alexflow.identity import children
from alexflow.model.class_info import WithClassInfo, class_info
from alexflow.model.output import Output

_LONGEST = 10  # tasks that a message names


def way_round(tasks: Sequence[Any]) -> str:
    """The path from the first of some tasks, each of which contains the next, and the last the first."""
    links = zip(tasks[:_LONGEST], [*tasks[1:], tasks[0]], strict=False)
    path = "".join(_way(holder, held) for holder, held in links)
    return f"{type(tasks[0]).__qualname__}{path}{'…' if len(tasks) > _LONGEST else ''}"


def _way(task: Any, target: Any) -> str:
    """The steps from a task to one that lies in its significant fields."""
    pending = [("", task)]
    seen = set()
    while pending:
        path, value = pending.pop()
        if value is target and path:
            return path
        if id(value) not in seen:
            seen.add(id(value))
            pending += [(path + step, child) for step, child in _inside(value, task)]
    return "…"


def _inside(value: Any, start: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Output):
        return [(".src_task", value.src_task), *_fields(value)]
    if isinstance(value, WithClassInfo):
        # not into other tasks, but through wrappers, which are what they wrap
        return _fields(value) if value is start or value.unwrapped() is not value else ()  # type: ignore[attr-defined]
    return children(value)


def _fields(value: WithClassInfo) -> Iterable[tuple[str, Any]]:
    info = class_info(type(value))
    return [(f".{name}", info.identity_value(value, name)) for name in info.significant]
