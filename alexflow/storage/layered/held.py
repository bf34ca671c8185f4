"""``HeldStorage``: some keys of a storage under other names, so that their outputs are not visible yet."""

from __future__ import annotations

from collections.abc import Mapping

from alexflow.storage.interface import Storage
from alexflow.storage.layered.renaming import RenamingStorage


class HeldStorage(RenamingStorage):
    """A storage, in which some keys are other ones.

    Args:
        storage: the storage.
        held: keys, each with what it is there.
    """

    def __init__(self, storage: Storage, held: Mapping[str, str]):
        self.storage = storage
        self._held = held
        self._keys = {place: key for key, place in held.items()}

    def _inside(self, key: str) -> str:
        return self._held.get(key, key)

    def _outside(self, key: str) -> str:
        return self._keys.get(key, key)
