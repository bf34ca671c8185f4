"""How the file of a key is read: opened once, and, where that is asked for, held against what was published."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from alexflow.errors import OutputDamaged, OutputNotFound
from alexflow.storage import notes
from alexflow.storage.digest import Judgement, is_refused, judge, record_of
from alexflow.storage.newfile import read_all
from alexflow.storage.oserror import NOT_THERE, failed
from alexflow.storage.recent import Recent

T = TypeVar("T")

#: Up to here bytes wait in memory, and the event loop writes and reads them itself: some 50 µs of its time.
SMALL = 256 * 1024  # bytes

#: What is read at first, without asking how much there is: most outputs end before.
SHORT = 16 * 1024  # bytes


def read_opened(base: str, key: str, read: Callable[[int, int], T]) -> T:
    """What ``read(descriptor, SHORT)`` gives.

    Raises:
        OutputNotFound: there is no such file.
    """
    path = f"{base}/{key}"
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except NOT_THERE:
        raise OutputNotFound(key, base) from None
    except OSError as error:
        raise failed("read", path, error) from error
    try:
        return read(fd, SHORT)
    except IsADirectoryError:
        raise OutputNotFound(key, base) from None
    except OSError as error:
        raise failed("read", path, error) from error
    finally:
        os.close(fd)


def read_if_small(fd: int, at_first: int) -> bytes | None:
    """All there is, unless that is more than :data:`SMALL`."""
    data = os.read(fd, at_first)
    if len(data) < at_first:
        return data
    return None if os.fstat(fd).st_size > SMALL else read_all(fd, SMALL, at=0)


def at_hand(recent: Recent, base: str, key: str) -> bytes | None:
    """What is kept of an output that still exists; else None."""
    data = recent.get(key)
    if data is not None and not os.access(f"{base}/{key}", os.F_OK):  # a third of what reading costs
        recent.drop(key)
        return None
    return data


def as_published(base: str, key: str, fd: int, data: bytes, *, strictly: bool) -> bytes:
    """``data``, if that is what was published under ``key``.

    Raises:
        OutputDamaged: it is not, or, where it is looked at ``strictly``, there is no telling; it has been moved out of
            the way.
    """
    see_it_is_published(base, key, fd, record_of(data), strictly=strictly)
    return data


def see_it_is_published(base: str, key: str, fd: int, actual: bytes, *, strictly: bool) -> None:
    """As :func:`as_published`, of a file whose bytes have this record."""
    judgement = judge(notes.recorded(fd, base, key), actual, key)
    if is_refused(judgement, strictly=strictly):
        from alexflow.storage.examination import set_aside  # deferred: seldom needed

        raise damaged(key, base, judgement, set_aside(base, key, fd))


def damaged(key: str, where: str, judgement: Judgement, moved_to: str) -> OutputDamaged:
    """What to raise where something is not given out."""
    return OutputDamaged(key, where, moved_to=moved_to, because=_BECAUSE[judgement])


_BECAUSE = {
    "damaged": "is not what was published there",
    "misplaced": "was published under another key",
    "unrecorded": "has no record of what was published there",
    "keyless": "has a record that does not tell its key",
}
