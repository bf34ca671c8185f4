"""Outputs made without their constructor, where one call per output would count.

Every task's outputs are built where the task is described, where it is scheduled and where it runs. A worker gets
outputs without the tasks behind them, which a constructor would ask for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from alexflow.model.class_info import SourceTask, class_info
from alexflow.model.output import Output


def plain_output(cls: type[Output[Any]], task: SourceTask, key: str) -> Any:
    """What ``cls(src_task=task, key=key)`` gives, in less than half the time.

    For classes that :attr:`~ClassInfo.default_construction` and keys that have been checked. Every task's outputs are
    built once where it is described, once where it is scheduled, and once where it runs.
    """
    output = object.__new__(cls)
    state = output.__dict__
    # its other fields are the class's defaults; more than five entries would double the room that they take
    state["src_task"] = task
    state["key"] = state["_output_id"] = key
    state["__canonical_form__"] = "output", key
    return output


def finish_construction(output: Output[Any]) -> None:
    """What a format does at construction besides what :class:`Output` does, for outputs that are made without a task.

    Does nothing where the class :attr:`~ClassInfo.default_construction`.
    """
    cls = type(output)
    if class_info(cls).default_construction:
        return
    for field_ in dataclasses.fields(cls):
        if field_.default_factory is not dataclasses.MISSING and field_.name not in output.__dict__:
            output.__dict__[field_.name] = field_.default_factory()
    if cls.__post_init__ is not Output.__post_init__:
        output.__post_init__()


def output_by_reference(
    cls: type[Output[Any]],
    task_id: str,
    key: str,
    fetch_task: Callable[[str], SourceTask],
    fields: dict[str, Any] | None = None,
) -> Output[Any]:
    """An output without its task, for a worker; ``fetch_task(task_id)`` is called if somebody touches ``src_task``."""
    output = object.__new__(cls)
    state = output.__dict__
    state["key"] = key
    state["_src_task_id"] = task_id
    state["_fetch_task"] = fetch_task
    if fields:
        state.update(fields)
    output._make_id(task_id)
    finish_construction(output)
    return output


def outputs_by_key(
    cls: type[Output[Any]], keys: Sequence[str], lengths: Sequence[int], fetch_task: Callable[[str], SourceTask]
) -> list[Output[Any]]:
    """:func:`output_by_reference` for outputs that are nothing but a key; so much of each is the id of its task."""
    outputs: list[Output[Any]] = []
    for key, length in zip(keys, lengths, strict=True):
        output = object.__new__(cls)
        state = output.__dict__
        # with a storage, that makes five entries; more would double the room that they take
        state["key"] = state["_output_id"] = key
        state["_src_task_id"] = key[:length]
        state["_fetch_task"] = fetch_task
        outputs.append(output)
    if not class_info(cls).default_construction:
        for output in outputs:
            finish_construction(output)
    return outputs
