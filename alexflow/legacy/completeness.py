"""Whether a task is done, for whoever has no engine to ask: the helpers of 1.x, and luigi.

An engine looks for outputs, and does not want to know more. A dynamic task without outputs is another matter where
nobody remembers that it has run: it is done when all that it gives is, so it is asked what that would be.
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
    """Whether all outputs of a task exist; one with ``None`` for outputs never is, unless it is dynamic."""
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
            except OutputNotFound:  # an input of it is not there
                return False
        else:
            return False
    return True


def _exist(keys: list[str], held: dict[str, str], storage: Storage) -> bool:
    """Whether all keys exist, or are held for the dynamic task to which they belong."""
    found = storage.exists_many([*keys, *held.values()])
    return all(key in found or held.get(key) in found for key in keys)


def keys_in(tree: InOut) -> list[str]:
    """The keys that must exist for all of a tree of outputs to exist, each once."""
    return list(dict.fromkeys(key for output in flatten(tree) for key in keys_of(output)))


def generated(task: DynamicTask, storage: Storage, target: Storage | None = None) -> list[AbstractTask]:
    """All that a dynamic task gives, asked here and now.

    Args:
        task: the dynamic task.
        storage: where it reads.
        target: where it stores, if not there.
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
