"""The text of changes: a line for each, but one for all places where one class has come for another."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from alexflow.record.changes import Change

_ID = re.compile(r"(?P<name>.+)\.(?P<digest>[0-9a-f]{40})(\..*)?")


class _Pair(NamedTuple):
    """The places in which tasks of one class stand where those of another one did."""

    path: str
    before: str
    after: str


def change_lines(changes: Iterable[Change]) -> list[str]:
    """Return the lines, those of other classes last: what caused them comes first."""
    lines: list[str] = []
    pairs: dict[_Pair, list[Change]] = {}
    for change in changes:
        pair = _pair(change) if change.kind == "class" else None
        if pair is None:
            lines.append(str(change))
        else:
            pairs.setdefault(pair, []).append(change)
    return lines + [_line(pair, alike) for pair, alike in pairs.items()]


def _pair(change: Change) -> _Pair | None:
    names = [_name(change.before), _name(change.after)]
    if None in names:
        return None
    path = re.sub(r"\.\d+(?=\.|$)", ".*", change.path)
    return _Pair(path, *map(str, names))


def _line(pair: _Pair, alike: list[Change]) -> str:
    renamed = pair.before != pair.after and all(_digest(each.before) == _digest(each.after) for each in alike)
    if len(alike) == 1 and not renamed:
        return str(alike[0])
    places = f" in {len(alike):,} places" if len(alike) > 1 else ""
    if not renamed:
        return f"{pair.path}: {pair.before} → {pair.after}{places}"
    kept = f"if it was renamed, task_name = {pair.before!r} on the class keeps its results"
    return f"{pair.path}: {pair.before} → {pair.after}, with equal parameters{places}; {kept}"


def _name(value: object) -> str | None:
    """The class in a key or an id; "nothing" where a place was or is empty."""
    if value is None:
        return "nothing"
    found = _ID.fullmatch(value) if isinstance(value, str) else None
    return None if found is None else found["name"]


def _digest(value: object) -> str | None:
    found = _ID.fullmatch(value) if isinstance(value, str) else None
    return None if found is None else found["digest"]
