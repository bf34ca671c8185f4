"""The time of each output's last use, as far as the record has it, and notes of uses that are obsolete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from alexflow.record.rows import Row
from alexflow.record.uses import UseNote, notes_in, short_name
from alexflow.storage import Storage
from alexflow.storage.reserved import ReservedSpace


class LastUses:
    """The last uses of outputs: what was noted, and what tasks have read.

    A note says the day; its end counts, so that nothing is taken to be older than it is.

    Args:
        storage: where they are.
        now: in seconds since 1970; no use is later.
    """

    def __init__(self, storage: Storage, now: float):
        self._last: dict[str, float] = {}
        for _, note in _notes(storage):
            for name in note.used:
                self._last[name] = max(self._last.get(name, 0.0), min(note.until, now))

    def read_by(self, row: Row) -> None:
        """Note what a task has read."""
        if row.finished is not None:
            for key in row.input_keys():
                name = short_name(key)
                self._last[name] = max(self._last.get(name, 0.0), row.finished)

    def of(self, row: Row) -> float:
        """Return when an output of a task was used last, in seconds since 1970; 0 where nothing says it."""
        names = {short_name(row.task_id), *map(short_name, row.keys)}
        return max(self._last.get(name, 0.0) for name in names)


def _notes(storage: Storage) -> Iterator[tuple[ReservedSpace, UseNote]]:
    for space in storage.reserved_below("record"):
        for note in notes_in(space):
            yield space, note


def sweep_notes(storage: Storage, kept: Iterable[str]) -> int:
    """Remove the notes that say nothing which later ones do not say. Returns how many.

    Args:
        storage: the storage.
        kept: keys of the outputs that it has; what was used of others is of no interest.
    """
    notes = list(_notes(storage))
    last = {short_name(key): 0 for key in kept}
    for _, note in notes:
        for name in note.used:
            if name in last:
                last[name] = max(last[name], note.until)
    superseded = [(space, note) for space, note in notes if not any(last.get(name) == note.until for name in note.used)]
    for space, note in superseded:
        space.remove(note.name)
    return len(superseded)
