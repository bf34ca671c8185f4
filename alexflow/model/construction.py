"""Outputs made without their constructor, where one call per output would count.

Every task's outputs are built where the task is described, where it is scheduled and where it runs. A worker gets
outputs without the tasks behind them, which a constructor would ask for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from alexflow.frozen import new_instance
from alexflow.model.class_info import SourceTask, class_info
from alexflow.model.output import Output

if TYPE_CHECKING:
    from alexflow.storage import Storage


def plain_output(cls: type[Output[Any]], task: SourceTask, key: str) -> Any:
    """Make ``cls(src_task=task, key=key)`` in less than half the time.

    For classes with :attr:`~ClassInfo.default_construction`, and keys that have been checked.
    """
    output = new_instance(cls)
    state = output.__dict__
    # the other fields are defaults of the class; a dict of more than five entries takes twice the memory
    state["src_task"] = task
    state["key"] = state["_output_id"] = key
    state["__canonical_form__"] = "output", key
    return output


def finish_construction(output: Output[Any]) -> None:
    """Do what a format adds to the construction of :class:`Output`, for an output made without its constructor.

    Does nothing for classes with :attr:`~ClassInfo.default_construction`.
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
    """An output without its task, for a worker; the first use of ``src_task`` calls ``fetch_task(task_id)``."""
    output = new_instance(cls)
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
    """Make outputs by reference that have no field but a key, given with the length of the task id in it."""
    outputs: list[Output[Any]] = []
    for key, length in zip(keys, lengths, strict=True):
        output = new_instance(cls)
        state = output.__dict__
        # with a storage these are five entries; a dict of more takes twice the memory
        state["key"] = state["_output_id"] = key
        state["_src_task_id"] = key[:length]
        state["_fetch_task"] = fetch_task
        outputs.append(output)
    if not class_info(cls).default_construction:
        for output in outputs:
            finish_construction(output)
    return outputs


_ASSIGN_STORAGE = Output.assign_storage


def input_binding(storage: Storage, reader: SourceTask) -> Callable[[Output[Any]], Output[Any]]:
    """Return what binds outputs to a storage from which a task only reads them."""

    def bind(output: Output[Any]) -> Output[Any]:
        cls = type(output)
        if cls.assign_storage is not _ASSIGN_STORAGE:
            return output.assign_storage(storage)._with("_reader", reader)  # which may have given the output itself
        twin: Output[Any] = new_instance(cls)  # as there, without the calls
        state = twin.__dict__
        state.update(output.__dict__)
        state["storage"] = storage
        state["_reader"] = reader
        return twin

    return bind
