"""``WrongUse``: what was typed cannot be done as it stands."""

from __future__ import annotations

from collections.abc import Iterable


class WrongUse(Exception):
    """The command as typed is wrong; ends it with one line and exit code 2."""


def listed(names: Iterable[str], most: int = 6) -> str:
    """Names in one line, the first few of many."""
    names = list(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
