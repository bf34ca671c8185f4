"""Removing outputs beside running engines.

The removal takes part in the leases of the storage as an engine does: what another engine holds it cannot take, and
leaves alone; an engine that wants to make what is being removed waits for it. Each batch is removed on its own and
looked at afterwards, so that the report is exact, and a removal that was killed is simply done again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from alexflow.cards.kept import remove_cards
from alexflow.retention.joining import join
from alexflow.retention.selection import Selection
from alexflow.retention.stored import StoredOutput
from alexflow.storage import Storage
from alexflow.storage.background import in_thread
from alexflow.storage.leases import Leases

#: Tasks whose outputs are removed together.
REMOVED_TOGETHER = 256

#: Seconds without a heartbeat after which engines may take over.
LEASE_SECONDS = 30.0

#: How long an engine gets to say what it is at work on: it looks for peers ten times a second, and a bucket's every few
#: seconds.
LEASE_PATIENCE, _PAUSE = 5.0, 0.05


class Removed(NamedTuple):
    """The result of a removal.

    Attributes:
        outputs: those that are gone.
        held: keys that stay, because an engine is at work on them.
    """

    outputs: Sequence[StoredOutput]
    held: Sequence[str]

    @property
    def bytes(self) -> int:
        """The bytes that were freed."""
        return sum(output.bytes for output in self.outputs)


async def remove(storage: Storage, selection: Selection) -> Removed:
    """Remove what was selected.

    Raises:
        StorageError: the storage refused; what was removed before is gone.
    """
    groups = {task.task_id: list(task.outputs) for task in selection.tasks}
    groups |= {output.key: [output] for output in selection.orphans}
    leases = storage.leases(LEASE_SECONDS)
    if leases is None:  # no other engine can reach it
        removed = Removed(await _remove(storage, [output for group in groups.values() for output in group]), [])
    else:
        await join(storage, leases)
        try:
            removed = await _remove_leased(storage, leases, groups)
        finally:
            await leases.leave()
    gone = {output.key for output in removed.outputs}
    without = [task.task_id for task in selection.tasks if gone.issuperset(output.key for output in task.outputs)]
    await in_thread(remove_cards, storage, without)
    return removed


async def _remove_leased(storage: Storage, leases: Leases, groups: dict[str, list[StoredOutput]]) -> Removed:
    gone: list[StoredOutput] = []
    held: list[str] = []
    remaining = iter(groups.items())
    patience = LEASE_PATIENCE
    while batch := dict(islice(remaining, REMOVED_TOGETHER)):
        wanted = {name: [output.key for output in outputs] for name, outputs in batch.items()}
        free, patience = await taken(leases, wanted, patience)
        gone += await _remove(storage, [output for name in batch if name in free for output in batch[name]])
        held += [key for name in batch if name not in free for key in wanted[name]]
        leases.release(key for name in free for key in wanted[name])
        await leases.renew()
    return Removed(gone, held)


async def taken(leases: Leases, wanted: dict[str, list[str]], patience: float) -> tuple[set[str], float]:
    """Take what no engine holds. The first engine that does gets some seconds to release what it does not need."""
    if leases.everything:
        if not leases.has_peers():
            return set(wanted), patience
        await leases.keep_only(())
    free = await leases.take(wanted)
    while len(free) < len(wanted) and patience > 0:
        patience -= _PAUSE
        await asyncio.sleep(_PAUSE)
        await leases.renew()
        free |= await leases.take({name: keys for name, keys in wanted.items() if name not in free})
    return free, patience


async def _remove(storage: Storage, outputs: Sequence[StoredOutput]) -> list[StoredOutput]:
    """Remove outputs; gives those that were there and are gone."""
    keys = [output.key for output in outputs]
    there = await storage.aexists_many(keys)
    await storage.aremove_many([key for key in keys if key in there])
    left = await storage.aexists_many(keys)
    return [output for output in outputs if output.key in there and output.key not in left]
