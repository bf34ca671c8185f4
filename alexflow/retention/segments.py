"""Merging the segments of a record beside running engines, and beside another merge.

No engine needs to stop: segments that are still written stay out of it. Two merges at once would store lines twice, so
the one that comes second finds the lease held.
"""

from __future__ import annotations

from typing import NamedTuple

from alexflow.record.merging import merge, remove_superseded, segment_groups
from alexflow.retention.joining import join
from alexflow.retention.removal import LEASE_PATIENCE, LEASE_SECONDS, taken
from alexflow.storage import Storage
from alexflow.storage.background import in_thread
from alexflow.storage.reserved import ReservedSpace

#: What is leased while segments are merged: a name that no output has.
_LEASED = "alexflow-segments-being-merged"


class MergedSegments(NamedTuple):
    """The result of a merge, or of its dry run.

    Attributes:
        files: how many go; on an object store a segment has several.
        segments: how many are made of them.
        bytes: their size.
        held: whether another process is at it, so that nothing was done.
    """

    files: int
    segments: int
    bytes: int
    held: bool = False


def would_merge(space: ReservedSpace) -> MergedSegments:
    """Return what merging would do. It reads all small segments."""
    groups = list(segment_groups(space))
    return MergedSegments(sum(len(group.files) for group in groups), len(groups), sum(len(g.lines) for g in groups))


async def merge_segments(storage: Storage) -> MergedSegments:
    """Merge what can be merged of a storage's record.

    Raises:
        StorageError: the storage refused; nothing is lost.
    """
    space, leases = storage.reserved("record"), storage.leases(LEASE_SECONDS)
    if space is None:
        return MergedSegments(0, 0, 0)
    if leases is None:  # no other process can reach it
        return await in_thread(_merge_all, space)
    await join(storage, leases)
    try:
        free, _ = await taken(leases, {_LEASED: [_LEASED]}, LEASE_PATIENCE)
        return await in_thread(_merge_all, space) if free else MergedSegments(0, 0, 0, held=True)
    finally:
        await leases.leave()


def _merge_all(space: ReservedSpace) -> MergedSegments:
    remove_superseded(space)
    files = segments = size = 0
    for group in segment_groups(space):
        files, segments, size = files + merge(space, group), segments + 1, size + len(group.lines)
    return MergedSegments(files, segments, size)
