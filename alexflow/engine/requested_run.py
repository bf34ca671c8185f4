"""``RequestedRun``: what the record keeps of a request until something is done for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class RequestedRun:
    """A run.

    Attributes:
        at: when it was requested, in seconds since 1970.
        targets: ids and keys, some of them.
    """

    at: float
    targets: tuple[str, ...]
