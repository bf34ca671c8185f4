"""The record of a command's storage, and short names and texts of what it has."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime
from typing import Any

from alexflow.cli.places import existing_storage
from alexflow.cli.wrong_use import WrongUse
from alexflow.hooks import shortened
from alexflow.record import Entry, Record
from alexflow.record.fields import source_digests
from alexflow.record.leaves import leaves, references
from alexflow.record.row_source import begins
from alexflow.storage.shown_place import shown_place

#: Hexadecimal digits of an id that stand for it in a table; commands take them.
_DIGITS_SHOWN = 8

_TASK_ID = re.compile(r"(?:.*?\.)?([^.]+)\.([0-9a-f]{40})(.*)", re.DOTALL)

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_SIZES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def record_of(options: argparse.Namespace) -> Record:
    """Open the record of the storage that was named.

    Raises:
        WrongUse: there is no such storage.
    """
    return Record(existing_storage(options))


def no_record(record: Record, wanted: str) -> WrongUse:
    """The error where a storage has outputs and no record, as those of alexflow 1.x."""
    return WrongUse(
        f"the storage {shown_place(record.storage)} has no record, {wanted}; outputs that are made now get one"
    )


def short_id(name: str) -> str:
    """A task's id or key, as it stands in tables: ``Train.5f3c1a2b``; commands take it."""
    found = _TASK_ID.fullmatch(name)
    return f"{found[1]}.{found[2][:_DIGITS_SHOWN]}" if found else name


def means(key: str, task_id: str) -> bool:
    """Whether a task is meant by its id, by a key of an output of it, or by how its id, or a part of it, begins."""
    return key != "" and (begins(task_id, key) or key.startswith(f"{task_id}."))


def fields_in_line(entry: Entry) -> str:
    """The parameters of an entry in one line, those last that are outputs of other tasks or sources."""
    values = [f"{path}={value}" for path, value in leaves(entry.fields)]
    values += [f"{path}={_shown(*found)}" for path, found in references(entry.fields)]
    return one_line(", ".join(values))


def _shown(first: dict[str, Any], *others: dict[str, Any]) -> str:
    """Show what a parameter refers to: the first task or source, and how many there are."""
    digests = source_digests(first)
    name = f"source {digests[0][:_DIGITS_SHOWN]}" if digests else short_id(str(first.get("task") or first["id"]))
    return f"{name} and {len(others):,} more" if others else name


def one_line(text: str, limit: int = 2**31, left_out: str = "characters left out") -> str:
    """A text of users in one line, without its middle if it is long; what moves a terminal's cursor is escaped."""
    text = shortened(text, limit, left_out)
    return text if text.isprintable() else "".join(each if each.isprintable() else _escape(each) for each in text)


def printable(text: str) -> str:
    """A text of users with its lines; what moves a terminal's cursor is escaped."""
    return "\n".join(one_line(line.expandtabs()) for line in text.rstrip().splitlines())


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def when(moment: datetime | None) -> str:
    """A moment for people, in UTC."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def seconds_in(text: str, option: str) -> float:
    """Parse a duration: ``90s``, ``15min``, ``6h``, ``2d``, ``4w``."""
    return _quantity(text, option, _UNITS, "a duration such as 90s, 15min, 6h, 2d or 4w")


def bytes_in(text: str, option: str) -> int:
    """Parse a size: ``500kB``, ``20MB``, ``1.5GB``, ``2GiB``."""
    return int(_quantity(text, option, _SIZES, "a size such as 500kB, 20MB, 1.5GB or 2GiB"))


def _quantity(text: str, option: str, units: dict[str, int], expected: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([A-Za-z]+)", text)
    folded = {name.lower(): value for name, value in units.items()}
    if found is None or found[2].lower() not in folded:
        raise WrongUse(f"{option} takes {expected}, not {text!r}")
    return float(found[1]) * folded[found[2].lower()]
