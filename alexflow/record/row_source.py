"""``RowSource``: what finds rows in the record of a storage. A scan reads all of it, an index what is asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from alexflow.record.conditions import FieldCondition
from alexflow.record.lines import CodeLine
from alexflow.record.rows import Row

if TYPE_CHECKING:  # loaded where runs are made
    from alexflow.record.run_record import Run


class EntryFilter(NamedTuple):
    """The entries that are wanted.

    Attributes:
        cls: the name of a class, or its end behind a dot.
        conditions: on fields.
        since: seconds since 1970; only what finished later.
        larger: only what stored more bytes.
    """

    cls: str | None = None
    conditions: tuple[FieldCondition, ...] = ()
    since: float | None = None
    larger: int | None = None

    def fits(self, cls: str) -> bool:
        """Whether a class, ``module:qualname``, is meant."""
        name = cls.replace(":", ".")
        return self.cls is None or name == self.cls or name.endswith(f".{self.cls}")

    def holds_for(self, row: Row) -> bool:
        """Whether a row is wanted."""
        if not self.fits(row.cls):
            return False
        if self.since is not None and (row.finished is None or row.finished <= self.since):
            return False
        if self.larger is not None and row.stored <= self.larger:
            return False
        if not self.conditions:
            return True
        fields = row.fields()
        return all(condition.holds_for(fields) for condition in self.conditions)


class Beginning(NamedTuple):
    """The names that a text is the beginning of; where there are many, some of them.

    Attributes:
        tasks: ids.
        keys: keys of outputs, each with the id of the task that made it last.
    """

    tasks: set[str]
    keys: dict[str, str]


class RowSource(ABC):
    """Finds rows. Those of a task, or of an output, are its generations, the newest first."""

    @abstractmethod
    def of_task(self, task_id: str) -> Sequence[Row]:
        """Return the rows of a task."""

    @abstractmethod
    def of_key(self, key: str) -> Sequence[Row]:
        """Return the rows of an output."""

    @abstractmethod
    def beginning_with(self, text: str, most: int) -> Beginning:
        """Return what begins with a text, or has a part behind a dot that does; of more than ``most`` tasks some."""

    @abstractmethod
    def newest(self, wanted: EntryFilter) -> Iterator[Row]:
        """Yield the newest row of each task that is wanted, and not only named by others; the newest first."""

    @abstractmethod
    def tasks(self) -> Iterator[Sequence[Row]]:
        """Yield the rows of each task."""

    @abstractmethod
    def alike(self, row: Row) -> Iterable[Sequence[Row]]:
        """Return the rows of each task that may be of the same class as another."""

    @abstractmethod
    def code_lines(self, digest: str) -> Iterable[CodeLine]:
        """Return the lines about a state of code."""

    @abstractmethod
    def runs(self) -> dict[str, Run]:
        """Return the runs by id."""

    @abstractmethod
    def is_empty(self) -> bool:
        """Whether no task is recorded."""


def begins(name: str, text: str) -> bool:
    """Whether a key or an id, or a part of it behind a dot, begins with a text."""
    return name.startswith(text) or f".{text}" in name
