"""Completeness of tasks without an engine, for the helpers of 1.x and for luigi.

An engine checks outputs only. Here there is no record that a dynamic task without outputs has run: it is done when all
tasks that it gives are, so ``generate`` is called to get them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from inspect import isawaitable
from typing import Any

from alexflow.errors import OutputNotFound
from alexflow.executors.attempt import bind
from alexflow.model import AbstractTask, DynamicTask, InOut, flatten, keys_of
from alexflow.model.deferred import deferred_keys
from alexflow.storage import Storage


def is_complete(task: AbstractTask, storage: Storage) -> bool:
    """Whether all outputs of a task exist; a task without outputs is never complete, unless it is dynamic."""
    pending = [task]
    asked: set[str] = set()  # several dynamic tasks may give the same one
    while pending:
        task = pending.pop()
        if task.task_id in asked:
            continue
        asked.add(task.task_id)
        outputs = task.output()
        if outputs is not None:
            if not _exist(keys_in(outputs), deferred_keys(task, outputs), storage):
                return False
        elif isinstance(task, DynamicTask):
            try:
                pending += generated(task, storage)
            except OutputNotFound:  # one of its inputs is missing
                return False
        else:
            return False
    return True


def _exist(keys: list[str], deferred: dict[str, str], storage: Storage) -> bool:
    """Whether all keys exist, or their publication is deferred for the dynamic task to which they belong."""
    found = storage.exists_many([*keys, *deferred.values()])
    return all(key in found or deferred.get(key) in found for key in keys)


def keys_in(tree: InOut) -> list[str]:
    """The keys of all outputs in a tree, each once."""
    return list(dict.fromkeys(key for output in flatten(tree) for key in keys_of(output)))


def generated(task: DynamicTask, storage: Storage, target: Storage | None = None) -> list[AbstractTask]:
    """Call ``generate`` and collect all tasks that it gives.

    Args:
        task: the dynamic task.
        storage: the storage of its inputs.
        target: the storage of its outputs; by default the same.
    """
    given: Any = task.generate(bind(task.input(), storage), bind(task.output(), target or storage))
    if isawaitable(given) or isinstance(given, AsyncIterable):
        given = asyncio.run(_collected(given))
    if given is None:
        return []
    return [given] if isinstance(given, AbstractTask) else list(given)


async def _collected(given: Any) -> Any:
    if isawaitable(given):
        given = await given
    return [task async for task in given] if isinstance(given, AsyncIterable) else given
