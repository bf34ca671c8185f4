"""What happened in a simulation, in order, in words that are the same each time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

#: In an id; its beginning tells tasks apart well enough for people.
_DIGEST = re.compile(r"\b([0-9a-f]{6})[0-9a-f]{34}\b")

#: Entries after which a simulation is taken to have no end.
ENDLESS = 20_000


class Endless(AssertionError):
    """It goes on and on."""


class Entry(Struct, frozen=True, array_like=True):
    """Something happened.

    Attributes:
        time: virtual seconds.
        what: what.
        whom: the task, output or request; for the scheduler's events and instructions, their class.
        nth: which time.
        detail: more of it.
    """

    time: float
    what: str
    whom: str
    nth: int = 0
    detail: str = ""

    def __str__(self) -> str:
        nth = f"#{self.nth}" if self.nth else ""
        return f"{self.time:9.3f}  {self.what} {self.whom}{nth} {self.detail}".rstrip()


class Names:
    """Short names for tasks and their outputs.

    Args:
        tasks: by id; others keep their ids.
    """

    def __init__(self, tasks: Mapping[str, str] | None = None):
        self._tasks = dict(tasks or {})

    def __call__(self, name: str) -> str:
        """The short name of a task, by its id, or of an output, by its key."""
        if not self._tasks:
            return name
        known = self._tasks.get(name)
        if known is None:
            head, _, tail = name.rpartition(".")
            known = f"{self._tasks[head]}.{tail}" if head in self._tasks else name
        return known


class History:
    """Takes down what happens.

    Args:
        names: how tasks and outputs are called in it.
    """

    def __init__(self, names: Names | None = None):
        self.names = names or Names()
        self.entries: list[Entry] = []
        self.clock: Callable[[], float] = lambda: 0.0

    def add(self, what: str, whom: str, nth: int = 0, detail: str = "") -> None:
        """Something happened just now.

        Raises:
            Endless: so much has happened that it will not end.
        """
        if len(self.entries) >= ENDLESS:
            raise Endless(f"after {ENDLESS} steps there is no end to it")
        self.entries.append(Entry(round(self.clock(), 6), what, whom, nth, detail))

    def message(self, what: str, message: Struct) -> None:
        """An event or an instruction of the scheduler's."""
        names = [name for name in message.__struct_fields__ if what != "told" or name != "seconds"]  # of the real clock
        fields = ((name, getattr(message, name)) for name in names)
        told = [f"{name}={self._told(name, value)}" for name, value in fields if value not in ((), False, None, "")]
        self.add(what, type(message).__name__, 0, " ".join(told))

    def _told(self, name: str, value: Any) -> str:
        if isinstance(value, str):
            return self.names(value)
        if isinstance(value, tuple):
            parts = [self._told("", part) for part in value]
            return f"({', '.join(sorted(parts) if name == 'found' else parts)})"
        if isinstance(value, BaseException):
            return type(value).__name__
        if isinstance(value, Struct):
            return self.names(getattr(value, "task_id", ""))
        return str(value)

    def __str__(self) -> str:
        return _DIGEST.sub(r"\1", "\n".join(map(str, self.entries)))
