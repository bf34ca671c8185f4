"""``WrongUse``: what was typed cannot be done as it stands."""

from __future__ import annotations

from collections.abc import Iterable


class WrongUse(Exception):
    """The command as typed is wrong; ends it with one line and exit code 2."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """``; did you mean …?`` where a known name is close, else nothing."""
    from difflib import get_close_matches  # deferred: only for this message

    close = get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""


def listed(names: Iterable[str], most: int = 6) -> str:
    """Names in one line, the first few of many."""
    names = list(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
