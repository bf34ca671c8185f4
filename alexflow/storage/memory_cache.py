"""``MemoryCache``: how much an engine keeps in memory of what is loaded from it."""

from __future__ import annotations

from dataclasses import dataclass

from alexflow.arguments import check_bool, check_positive


@dataclass(frozen=True)
class MemoryCache:
    """Outputs that :meth:`alexflow.Engine.load` keeps in memory; those not loaded for the longest time go first.

    Attributes:
        max_bytes: how much they may take, as they are stored, and 1,000 bytes each for keeping them.
        max_age: seconds after which one is read again: the replacement of an output by another engine, and its removal,
            are noticed within this time. What this engine makes again is noticed at once.
        values: keep values, and not their bytes. Each caller gets the same object: it must not be changed.

    Raises:
        DefinitionError: a value is invalid.
    """

    max_bytes: int = 64 * 2**20
    max_age: float = 60.0
    values: bool = False

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_age"):
            check_positive(f"MemoryCache.{name}", getattr(self, name), "a number above 0")
        check_bool("MemoryCache.values", self.values)
