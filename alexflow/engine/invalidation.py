"""Invalidation: outputs are removed, so that they are made again when they are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from alexflow.engine.targets import Request, keys_of_target
from alexflow.errors import NotRecorded
from alexflow.model import AbstractTask, Output
from alexflow.storage import Storage

#: Outputs that are removed in one call.
REMOVED_AT_ONCE = 1000


async def keys_to_remove(request: Request, storage: Storage, *, downstream: bool) -> list[str]:
    """Find the keys of what was asked for, and of what was made from it; what comes first is upstream of what follows.

    Raises:
        NotRecorded: the record does not have an output that exists, so what was made from it is not known.
    """
    wanted: list[Output[Any] | AbstractTask] = [*request.outputs, *request.tasks]
    keys = dict.fromkeys(key for one in wanted for key in keys_of_target(one))
    if downstream:
        found = await asyncio.to_thread(_downstream, storage, list(keys))
        keys.update(dict.fromkeys(found))
    return list(keys)


async def remove(keys: Sequence[str], storage: Storage) -> list[str]:
    """Remove outputs, those upstream first: what is made of them meanwhile is not made of what goes.

    Returns:
        The keys that existed.
    """
    removed: list[str] = []
    for start in range(0, len(keys), REMOVED_AT_ONCE):
        some = keys[start : start + REMOVED_AT_ONCE]
        found = await storage.aexists_many(some)
        there = [key for key in some if key in found]
        await storage.aremove_many(there)
        removed += there
    return removed


def _downstream(storage: Storage, keys: Sequence[str]) -> list[str]:
    from alexflow.record.record import Record  # deferred: few programs invalidate

    record = Record(storage)
    record.load()
    found: dict[str, None] = {}
    for key in keys:
        if not record.newest_rows([key]):
            if storage.exists_many([key]):
                raise NotRecorded(
                    f"the record has nothing of {key}, so what was made from it is not known; "
                    f"invalidate without downstream=True, and name what was made from it"
                )
            continue
        for entry in record.downstream(key):
            found.update(dict.fromkeys(output.key for output in entry.outputs))
    return list(found)
