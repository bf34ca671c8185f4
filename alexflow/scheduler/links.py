"""Links from one thing to others: mostly few or none, and ``()`` costs nothing; of some there are very many."""

from __future__ import annotations

from typing import TypeAlias

from alexflow.type_vars import T

#: Few of them are a tuple, and more a dictionary, from which each leaves in one step.
Links: TypeAlias = tuple[T, ...] | dict[T, None]

#: The most in a tuple.
FEW = 8


def linked(several: Links[T], one: T) -> Links[T]:
    """Return links to one more."""
    if isinstance(several, tuple):
        if len(several) < FEW:
            return (*several, one)
        several = dict.fromkeys(several)
    several[one] = None
    return several


def all_linked(several: Links[T], others: Links[T]) -> Links[T]:
    """Return links to some more."""
    if not several and isinstance(others, tuple):  # as mostly
        return others
    for one in others:
        several = linked(several, one)
    return several


def unlinked(several: Links[T], one: T) -> Links[T]:
    """Return the others."""
    if isinstance(several, tuple):
        return tuple(other for other in several if other is not one)
    several.pop(one, None)
    return several
