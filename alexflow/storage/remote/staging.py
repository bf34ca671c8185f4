"""Streams to a storage elsewhere: by way of a file without a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alexflow.storage.interface import Staged
from alexflow.storage.local.storage import BUFFER
from alexflow.storage.local.streams import LocalStaging
from alexflow.storage.remote import spool
from alexflow.storage.remote.multipart import LARGE

if TYPE_CHECKING:
    from alexflow.storage.remote.storage import RemoteStorage


class RemoteStaging(LocalStaging):
    """A stream into a file without a name, which is uploaded in the end; or kept in memory, if it is small.

    Args:
        storage: where it goes.
        key: where it will be published.
    """

    def __init__(self, storage: RemoteStorage, key: str):
        new = spool.new_file()
        super().__init__(key, new, new.base, small=LARGE, buffer=BUFFER)
        self._storage = storage

    def finish(self) -> Staged:
        staged = super().finish()
        return staged if staged.place is None else self._storage.stage_file(staged.key, staged.place)
