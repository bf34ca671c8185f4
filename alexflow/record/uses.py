"""Notes of the days on which outputs were used, beside the segments of a record: what goes by age is chosen by them.

A note is a file of the space: its name has a day, its lines name outputs that were used on it. An engine writes one for
what runs found there, or was loaded; what tasks read is in the segments. Equal notes have one name, so a program that
is run every minute leaves one file a day.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from alexflow.identity.blake2 import blake2b
from alexflow.storage.reserved import ReservedSpace

#: The beginning of a note's name.
USES_PREFIX = "uses-"

SECONDS_PER_DAY = 86_400

_NAME = re.compile(rf"{USES_PREFIX}(\d{{8}})-[0-9a-f]+\.txt")
_DIGEST = re.compile(r"\.([0-9a-f]{40})")
_DIGITS = 40  # of a digest
_HEX = b"0123456789abcdef"


class UseNote(NamedTuple):
    """A note.

    Attributes:
        name: the file's.
        until: the end of its day, in seconds since 1970.
        used: what was used on that day, as :func:`short_name` gives it.
    """

    name: str
    until: int
    used: list[str]


def short_name(name: str) -> str:
    """Return what stands for an output in a note: the digest in its key or its task's id, or a key without one."""
    found = _DIGEST.search(name)
    return found[1] if found else name


def short_names(names: Iterable[str]) -> set[str]:
    """Return :func:`short_name` of each, in a tenth of the time where all are ids of tasks, which end with a digest."""
    names = tuple(names)
    ends = "".join([name[-_DIGITS - 1 :] for name in names])
    if ends[:: _DIGITS + 1] == "." * len(names) and len(ends) == (_DIGITS + 1) * len(names):
        digests = ends.split(".")[1:]
        rest = "".join(digests).encode(errors="surrogatepass").translate(None, _HEX)  # by far the quickest look
        if len(digests) == len(names) and not rest:
            return set(digests)
    return {*map(short_name, names)}


def lines_of(used: Iterable[str]) -> bytes:
    """Return the content of a note."""
    lines = sorted([each for each in used if "\n" not in each])
    return "\n".join([*lines, ""]).encode(errors="surrogateescape")


def write_note(space: ReservedSpace, data: bytes, at: float) -> None:
    """Write a note of what was used on the day of a moment; several may be written on a day.

    Args:
        space: where notes are.
        data: its content.
        at: the moment.

    Raises:
        OSError: the storage refused.
    """
    day = time.strftime("%Y%m%d", time.gmtime(at))
    space.write(f"{USES_PREFIX}{day}-{blake2b(data, digest_size=8).hexdigest()}.txt", data)


def notes_in(space: ReservedSpace) -> Iterator[UseNote]:
    """Yield the notes of a space."""
    found = ((name, _NAME.fullmatch(name)) for name in space.names(USES_PREFIX))
    days = {name: match[1] for name, match in found if match is not None}
    for name, data in space.read_many(list(days)):
        began = time.strptime(days[name] + "UTC", "%Y%m%d%Z")
        yield UseNote(name, _seconds(began) + SECONDS_PER_DAY, data.decode(errors="surrogateescape").splitlines())


def _seconds(day: time.struct_time) -> int:
    import calendar  # deferred: only clearing up needs it

    return calendar.timegm(day)
