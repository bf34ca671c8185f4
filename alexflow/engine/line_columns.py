"""The significant fields of tasks of one class, column by column, for a line of the record.

Whatever holds for all values of a column is asked of the column: what types they have, whether MessagePack has all the
numbers, whether the ids of all outputs begin and end in the same way. So most tasks take no call of their own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

from msgspec import Raw

from alexflow.errors import IdentityError
from alexflow.identity import LEAST_INT, MOST_INT, canonical, packb
from alexflow.model import AbstractTask, Output
from alexflow.model.class_info import class_info
from alexflow.model.made_from import COMPUTE_NOW, further_of
from alexflow.record.id_tables import TableItems, table_of

#: The form of an output or a task among the fields, in canonical MessagePack.
_OUTPUT_TAG, _TASK_TAG = b"\xa6output", b"\xa4task"

#: The module of sources, and the beginning of the ids of their outputs, which are in no table: what they stand for is
#: written with the task.
SOURCES, _SOURCE_NAME = "alexflow.sources.external", "alexflow.sources.external.Known."
_SOURCE_TAG = _SOURCE_NAME.encode()

_ITSELF = frozenset({str, bool, type(None)})  # types whose values are their own canonical form
_PLAIN = _ITSELF | {int, float}  # in whose forms no output is


class ClassFields:
    """Facts about a class, found once for all lines of its tasks.

    Args:
        cls: the class.

    Attributes:
        version: the version of all its tasks.
        significant: what gives each field that ids depend on, by name.

    Raises:
        IdentityError: its tasks have less in common than columns need.
    """

    def __init__(self, cls: type[AbstractTask]):
        info, version = class_info(cls), cls.version
        if info.id_rule is not None or not isinstance(version, str | int | None):
            raise IdentityError(f"ids of {info.name} have a rule of their own, or each task has its own version")
        self.version = version
        get = info.identity_value
        self.significant: list[tuple[str, Callable[[AbstractTask], Any]]] = [
            (name, attrgetter(name) if get is getattr else partial(_value_of, get, name)) for name in info.significant
        ]
        self._info = info
        self._insignificant = [attrgetter(name) for name in info.insignificant]

    def further(self, tasks: Sequence[AbstractTask]) -> dict[int, Raw]:
        """Return the fields that ids do not depend on of those tasks that have some, by place."""
        for get in self._insignificant:
            if set(map(type, map(get, tasks))) != _OF_NOTHING:
                break
        else:
            return {}
        found = ((place, further_of(task, self._info)) for place, task in enumerate(tasks))
        return {place: Raw(fields) for place, fields in found if fields is not None}


def _value_of(get: Callable[[Any, str], Any], name: str, task: AbstractTask) -> Any:
    """Return the value of a field as it enters ids; for classes that encode some."""
    return get(task, name)


class LineColumns:
    """Columns of some tasks.

    Args:
        tasks: of one class.
        fields: of that.

    Attributes:
        values: the canonical values of each field that is no table; None where a task has none.
        tables: fields that hold outputs.
        nests: whether there are outputs in other values, too.
        naming: the places of tasks that have tasks or sources among their fields.

    Raises:
        BaseException: a value has no canonical form any more; what of the user's code computes it has raised.
    """

    def __init__(self, tasks: Sequence[AbstractTask], fields: ClassFields):
        self.values: dict[str, Sequence[Any]] = {}
        self.tables: list[TableItems] = []
        self.nests = False
        self.naming: set[int] = set()
        self._counts: list[int | list[int]] = []  # of outputs, for each column that has some
        for name, get in fields.significant:
            self._add(name, list(map(get, tasks)))

    def outputs(self, tasks: int) -> list[int]:
        """Return how many outputs each of the tasks has among its fields; it may be more than there are."""
        if not self._counts:
            return [0] * tasks
        counts = [[each] * tasks if isinstance(each, int) else each for each in self._counts]
        return counts[0] if len(counts) == 1 else list(map(sum, zip(*counts, strict=True)))

    def _add(self, name: str, values: list[Any]) -> None:
        kinds = set(map(type, values))
        if kinds <= _ITSELF or _are_numbers(kinds, values):
            self.values[name] = values
        elif kinds <= _PLAIN:
            self.values[name] = [canonical(value, COMPUTE_NOW) for value in values]
        else:
            kind = kinds.pop()
            held_in = 1 if kind is list else 2 if kind is tuple else 0
            is_table = not kinds and (held_in or issubclass(kind, Output))
            table = table_of(name, values, held_in, _SOURCE_NAME) if is_table else None
            if table is None:
                self._add_others(name, values)
            else:
                self.tables.append(table)
                self._counts.append(table[2])

    def _add_others(self, name: str, values: list[Any]) -> None:
        """Add values that there may be anything in."""
        packed = [b"" if value is None else packb(canonical(value, COMPUTE_NOW)) for value in values]
        if _NIL in packed:
            raise IdentityError("a value's canonical form is that of None, which a column has for no value")
        self.values[name] = [Raw(each or _NIL) for each in packed]
        joined = b"".join(packed)
        if outputs_in(joined):
            self.nests = True
            self._counts.append(list(map(outputs_in, packed)))
        if names_tasks(joined):
            self.naming.update(place for place, each in enumerate(packed) if names_tasks(each))


_NIL = b"\xc0"


def outputs_in(packed: bytes) -> int:
    """Return how many outputs a canonical value has in MessagePack; it may be more than there are."""
    return packed.count(_OUTPUT_TAG)


def names_tasks(packed: bytes) -> bool:
    """Return whether a canonical value has tasks or sources in MessagePack; there may be none."""
    # not by `in`, which looks first whether it is an integer: three times as long
    return packed.find(_TASK_TAG) >= 0 or (SOURCES in sys.modules and packed.find(_SOURCE_TAG) >= 0)


def _are_numbers(kinds: set[type], values: Sequence[Any]) -> bool:
    """Return whether all values are integers that MessagePack has, or all are floats and none is NaN."""
    if kinds == _OF_INTEGERS:
        return bool(min(values) >= LEAST_INT and max(values) <= MOST_INT)
    if kinds == _OF_FLOATS:
        total = sum(values)  # NaN also where there are infinities of both signs: those are looked at one by one
        return bool(total == total)
    return False


_OF_INTEGERS, _OF_FLOATS, _OF_NOTHING = {int}, {float}, {type(None)}
