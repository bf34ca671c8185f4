"""``open_record``: from a storage to the record of its outputs."""

from __future__ import annotations

import os
from typing import Any

from alexflow.record.record import Record
from alexflow.storage import Storage, open_storage


def open_record(storage: Storage | str | os.PathLike[str] | None = None, **options: Any) -> Record:
    """Open the record of a storage: what made each output, from what, when, where, and at what cost.

    ::

        record = open_record("results")
        entry = record.entry("mymodule.Train.5f3c")
        print(entry.fields, entry.finished, entry.seconds)

    Args:
        storage: a storage, a path or a URL; by default as for :class:`~alexflow.Engine`.
        options: as for :func:`~alexflow.open_storage`.

    Raises:
        UnknownStorage: there is no such storage.
    """
    return Record(open_storage(storage, **options))


async def aopen_record(storage: Storage | str | os.PathLike[str] | None = None, **options: Any) -> Record:
    """:func:`open_record` on an event loop: the record has been read when this returns."""
    from anyio import to_thread  # deferred: programs without a loop have no use for it

    record = open_record(storage, **options)
    await to_thread.run_sync(record.load)
    return record
