"""The door for copies to the layer above, which knows the record: what is copied has its record in both places.

``alexflow/__init__.py`` registers it, as it does for documents (:mod:`alexflow.model.serializer`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

#: From the keys of a batch that is about to be copied; it blocks.
CarryRecord = Callable[[Iterable[str]], None]

_opener: Callable[[Any, Any], CarryRecord] | None = None


def register_record_carrier(opener: Callable[[Any, Any], CarryRecord]) -> None:
    """Set the function that makes, from the two storages of a copy, what carries the record."""
    global _opener
    _opener = opener


def record_carrier(source: Any, target: Any) -> CarryRecord:
    """Return what carries the record from one storage to another. It blocks."""
    if _opener is None:
        raise RuntimeError("nothing is registered that carries records; `import alexflow` registers it")
    return _opener(source, target)
