"""A note of large values that travel with a class or function of a script or notebook to each worker process."""

from __future__ import annotations

from collections.abc import Collection
from types import FunctionType
from typing import Any

from alexflow.executors.process.by_value import ValuePickler
from alexflow.executors.process.unpicklable import parts_of
from alexflow.logs import logger


class _Counting:
    """A file that keeps nothing but its size."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.size += size
        return size


def note_large(whole: Collection[type | FunctionType], noted: set[str], limit: int) -> None:
    """Log each large value that classes and functions use, unless that has been logged.

    Args:
        whole: those that are sent by value.
        noted: what has been logged; it is added to.
        limit: from here on a value is large, in bytes.
    """
    for thing in whole:
        for said, part in parts_of(thing):
            what = f"{thing.__qualname__} {said}"
            if isinstance(part, type | FunctionType) or what in noted:
                continue
            size = _size_of(part)
            if size >= limit:
                noted.add(what)
                logger.warning(
                    "%s, %.1f MB that are sent to each worker process with it; store them with a task and pass its "
                    "output, or make them inside of the task",
                    what,
                    size / 1e6,
                )


def _size_of(value: Any) -> int:
    file = _Counting()
    try:
        ValuePickler(file).dump(value)  # type: ignore[arg-type]
    except Exception:  # it has been pickled before, by value
        return 0
    return file.size
