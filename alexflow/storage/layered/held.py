"""``HeldStorage``: some keys of a storage under other names, so that their outputs are not visible yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from alexflow.storage.interface import Storage
from alexflow.storage.layered.renaming import RenamingStorage

if TYPE_CHECKING:
    from alexflow.storage.appended_place import AppendedPlace


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

    def appended_place(self, key: str) -> AppendedPlace:
        return self.storage.appended_place(key)  # where readers look: its parts are visible as those of any

    def _inside(self, key: str) -> str:
        return self._held.get(key, key)

    def _outside(self, key: str) -> str:
        return self._keys.get(key, key)
