"""The limits of a process (``ulimit``), and which of them have been lowered."""

from __future__ import annotations

import resource
from collections.abc import Sequence

_NAMES = [
    name
    for name in (
        *("RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_MEMLOCK", "RLIMIT_NOFILE"),
        *("RLIMIT_NPROC", "RLIMIT_STACK"),
    )
    if hasattr(resource, name)
]
_NUMBERS = [getattr(resource, name) for name in _NAMES]

#: The soft and the hard value of each.
ResourceLimits = list[tuple[int, int]]


def limits() -> ResourceLimits:
    """Return the limits of this process."""
    return [resource.getrlimit(number) for number in _NUMBERS]


def lowered(before: Sequence[tuple[int, int]], now: Sequence[tuple[int, int]]) -> list[str]:
    """Return the names of limits of which a value is lower than before."""
    return [
        name
        for name, old, new in zip(_NAMES, before, now, strict=True)
        if any(_below(value, other) for value, other in zip(new, old, strict=True))
    ]


def _below(value: int, other: int) -> bool:
    if value == resource.RLIM_INFINITY:
        return False
    return other == resource.RLIM_INFINITY or value < other
