"""Classes and functions that jobs refer to by number; a worker gets their names if it can import them.

Those that it cannot import travel by value, as they are when a job needs them. An engine may be open for days, while
cells are run again and modules reloaded. So what travels by value is looked at whenever workers are given jobs: whether
a name that it uses means something else by now (:class:`~alexflow.executors.process.by_value.Used`). What has changed
inside of a value, such as an entry of a dictionary, shows only in the bytes; those are made again for each request, if
there is such a value at all. A reloaded module is noticed as a whole: workers cannot undo an import, so others take
their place.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType
from typing import TYPE_CHECKING, Any

from alexflow.errors import ShippingError
from alexflow.executors.process.importable import importable, is_in, name_of, reloads
from alexflow.executors.process.wire.messages import Definition
from alexflow.hooks import passes

if TYPE_CHECKING:
    from alexflow.executors.process.by_value import Used


#: From here on it is looked for what is large in a definition.
LARGE = 10_000_000  # bytes


class Definitions:
    """The engine's numbers for classes and functions, from 1, the same for all its workers.

    Attributes:
        by_value: packages and modules whose classes and functions travel by value, though they can be imported here.
        changed: numbers of which workers have an older definition.
    """

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}  # of those that have not changed since the last look
        self._definitions: list[Definition] = []
        self._values: dict[Any, tuple[int, Used]] = {}
        self._looked_at: list[Any] = []  # those that need no other look in this turn
        self._refused: dict[Any, str] = {}
        self._imported: dict[str, Any] = {}
        self._reloads = reloads()
        self._noted: set[str] = set()
        self.by_value: frozenset[str] = frozenset()
        self.changed: set[int] = set()

    def go_by_name(self, thing: type | FunctionType) -> bool:
        """Whether workers import a class or function by its name."""
        return importable(thing) and not (self.by_value and is_in(thing.__module__, self.by_value))

    def number_of(self, thing: type | FunctionType) -> int:
        """The number of a class or function.

        Raises:
            ShippingError: it cannot travel; the message names it, and what of it cannot.
        """
        number = self._numbers.get(thing)
        return number if number is not None else self._find_number(thing)

    def __contains__(self, number: int) -> bool:
        return 0 < number <= len(self._definitions)

    def __getitem__(self, number: int) -> Definition:
        return self._definitions[number - 1]

    def look_again(self) -> None:
        """The user's code may have run: whether names still mean the same is looked at where it matters."""
        if self._looked_at:
            for thing in self._looked_at:
                self._numbers.pop(thing, None)
            self._looked_at.clear()

    def look_inside(self) -> None:
        """A request has come: what its tasks use may have changed inside; what could not travel may by now."""
        self._refused.clear()
        for thing, (number, used) in list(self._values.items()):
            if not used.settled:
                self._numbers.pop(thing, None)
                try:
                    self._write(number, thing)
                except BaseException:  # reported to the jobs that need it
                    del self._values[thing]

    def are_reloaded(self, classes: Iterable[type]) -> bool:
        """Whether modules have been executed again since this was asked last, by which workers are out of date."""
        before, self._reloads = self._reloads, reloads()
        stale = before != self._reloads
        for cls in classes:
            if cls not in self._numbers and self.go_by_name(cls):
                stale |= self._imported.setdefault(name_of(cls), cls) is not cls
        if stale:
            self._numbers.clear()
            self._values.clear()
            self._imported.clear()
        return stale

    def _find_number(self, thing: type | FunctionType) -> int:
        if thing in self._refused:
            raise ShippingError(self._refused[thing])
        try:
            number = self._number_by_value(thing) or self._number_by_name(thing)
        except BaseException as error:  # whatever is in it may do anything when it is pickled
            if passes(error):
                raise
            self._values.pop(thing, None)
            from alexflow.executors.process.unpicklable import explain_unpicklable  # deferred: few cannot travel

            self._refused[thing] = explain_unpicklable(thing, error)
            raise ShippingError(self._refused[thing]) from error
        self._numbers[thing] = number
        return number

    def _number_by_name(self, thing: type | FunctionType) -> int:
        self._definitions.append(Definition(len(self._definitions) + 1, name_of(thing)))
        return len(self._definitions)

    def _number_by_value(self, thing: type | FunctionType) -> int:
        """Its number, its bytes being up to date; 0 if it can be imported."""
        known = self._values.get(thing)
        if known is not None:
            number, used = known
            if not used.is_as_it_was():
                self._write(number, thing)
        elif self.go_by_name(thing):
            return 0
        else:
            number = len(self._definitions) + 1
            self._write(number, thing)
        self._looked_at.append(thing)
        return number

    def _write(self, number: int, thing: type | FunctionType) -> None:
        from alexflow.executors.process.by_value import Used, pickled  # deferred: modules are imported by their names

        data, whole = pickled(thing, self.by_value)
        if len(data) >= LARGE:
            from alexflow.executors.process.large_globals import note_large  # deferred: for few programs

            note_large(whole, self._noted, LARGE)
        self._values[thing] = number, Used(whole)
        if number > len(self._definitions):
            self._definitions.append(Definition(number, name_of(thing), data))
        elif data != self[number].value:
            self._definitions[number - 1] = Definition(number, name_of(thing), data)
            self.changed.add(number)
