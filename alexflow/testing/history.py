"""The history of a simulation, in words that are the same each time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from alexflow.testing.clock import Endless

#: The digest in an id; its beginning identifies a task well enough for people.
_DIGEST = re.compile(r"\b([0-9a-f]{6})[0-9a-f]{34}\b")

#: Entries after which a simulation counts as endless.
ENDLESS = 20_000


class HistoryEntry(Struct, frozen=True, array_like=True):
    """Something that happened.

    Attributes:
        time: virtual seconds.
        what: what happened.
        whom: the task, output or request; for the scheduler's events and instructions, their class.
        nth: the number of the attempt, publication or request.
        detail: further details.
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
        """Return the short name of a task, by its id, or of an output, by its key."""
        if not self._tasks:
            return name
        known = self._tasks.get(name)
        if known is None:
            head, _, tail = name.rpartition(".")
            known = f"{self._tasks[head]}.{tail}" if head in self._tasks else name
        return known


class SimulationHistory:
    """Records what happens.

    Args:
        names: short names of tasks and outputs.
    """

    def __init__(self, names: Names | None = None):
        self.names = names or Names()
        self.entries: list[HistoryEntry] = []
        self.clock: Callable[[], float] = lambda: 0.0

    def add(self, what: str, whom: str, nth: int = 0, detail: str = "") -> None:
        """Record what happens just now.

        Raises:
            Endless: there are too many entries.
        """
        if len(self.entries) >= ENDLESS:
            raise Endless(f"no end after {ENDLESS} steps")
        self.entries.append(HistoryEntry(round(self.clock(), 6), what, whom, nth, detail))

    def message(self, what: str, message: Struct) -> None:
        """Record an event or an instruction of the scheduler."""
        real = ("seconds", "time", "run_id") if what == "emits" else ()  # of the real clock, in public events
        names = [name for name in message.__struct_fields__ if name not in real]
        fields = ((name, getattr(message, name)) for name in names)
        texts = [f"{name}={self._text(name, value)}" for name, value in fields if value not in ((), False, None, "")]
        self.add(what, type(message).__name__, 0, " ".join(texts))

    def _text(self, name: str, value: Any) -> str:
        if isinstance(value, str):
            return self.names(value)
        if isinstance(value, tuple):
            parts = [self._text("", part) for part in value]
            return f"({', '.join(sorted(parts) if name == 'found' else parts)})"
        if isinstance(value, BaseException):
            return type(value).__name__
        if isinstance(value, Struct):
            return self.names(getattr(value, "task_id", ""))
        return str(value)

    def __str__(self) -> str:
        return _DIGEST.sub(r"\1", "\n".join(map(str, self.entries)))
