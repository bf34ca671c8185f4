"""The name of a storage in messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alexflow.hooks import repr_of

if TYPE_CHECKING:
    from alexflow.storage.interface import Storage


def shown_place(storage: Storage) -> str:
    """Return the path or URL of a storage, as ``--storage`` takes it; of one that has none, its representation."""
    for name in ("base_path", "url"):
        place = getattr(storage, name, None)
        if type(place) is str:
            return place
    return repr_of(storage)
