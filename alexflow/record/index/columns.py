"""The columns that the fields of a class have in an index, and conditions in SQL that choose among them.

A column has for each task exactly what :meth:`FieldCondition.holds_for` compares, or :data:`ASK` where SQL has no such
value: then, and for whatever has no column, the condition is asked of the row itself. So SQL may choose too many rows
and never too few.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from alexflow.record.conditions import FieldCondition
from alexflow.record.fields import FORM_TAG, NO_SUCH_FIELD, plain, scalar, value_at

#: Columns of one class; fields beyond have none, such as those of dicts whose keys differ from task to task.
MOST_COLUMNS = 100

#: Longer texts are not in a column.
LONGEST_TEXT = 200

#: In a column: the row itself is to be asked.
ASK = b""

_LEAVES = frozenset({type(None), bool, int, float, str})
_LIMITS = -(2**63), 2**63

ColumnValue = int | float | str | bytes | None


class FieldColumns:
    """The columns of the tasks of one class.

    Args:
        paths: what they are of, in the order of the columns.
        names: the fields that tasks of the class have.
    """

    def __init__(self, paths: Sequence[str] = (), names: Sequence[str] = ()):
        self.numbers = {path: number for number, path in enumerate(paths)}
        self.names = dict.fromkeys(names)
        self._steps = [tuple(path.split(".")) for path in paths]

    @property
    def paths(self) -> list[str]:
        """The paths, in the order of the columns."""
        return list(self.numbers)

    def values(self, canonical: Mapping[str, Any]) -> list[ColumnValue]:
        """Return what a task has in each column; columns, and names, that it is the first to need are added.

        Args:
            canonical: the task's fields as canonical values.
        """
        numbers = self.numbers
        found: dict[int, ColumnValue] = {}
        for name, value in canonical.items():
            if name not in self.names:
                self.names[name] = None
            for path, leaf in _leaves(name, value):
                number = numbers.get(path)
                if number is None:
                    if len(numbers) >= MOST_COLUMNS:
                        continue
                    number = numbers[path] = len(numbers)
                    self._steps.append(tuple(path.split(".")))
                found[number] = leaf
        if len(found) < len(numbers):
            self._look_for_others(canonical, found)
        return [found.get(number) for number in range(len(numbers))]

    def _look_for_others(self, canonical: Mapping[str, Any], found: dict[int, ColumnValue]) -> None:
        """Find what stands under the paths that are no leaves of this task, such as parts of a tagged value."""
        for number, steps in enumerate(self._steps):
            if number not in found and steps[0] in canonical:
                value = value_at({steps[0]: plain(canonical[steps[0]])}, steps)
                if value is not NO_SUCH_FIELD:
                    found[number] = column_value(scalar(value))


def _leaves(name: str, canonical: Any) -> Iterator[tuple[str, ColumnValue]]:
    """Yield the leaves of a field by their paths: through dataclasses and dicts, and not into lists."""
    if type(canonical) in _LEAVES and "." not in name:
        yield name, _finite(canonical)
        return
    pending = [(name, plain(canonical))]
    for path, value in pending:  # grows
        inside = value
        if isinstance(value, dict) and FORM_TAG in value:
            inside = value.get("fields")
        if isinstance(inside, dict):
            pending += [(f"{path}.{step}", part) for step, part in inside.items() if "." not in step]
        elif "." not in name:
            yield path, column_value(scalar(value))


def _finite(value: Any) -> ColumnValue:
    return column_value(scalar(plain(value)) if type(value) is float else value)


def column_value(value: Any) -> ColumnValue:
    """Return a scalar as a column has it."""
    kind = type(value)
    if value is None or kind is float:
        return value  # type: ignore[no-any-return]  # as just seen
    if kind is bool:
        return int(value)
    if kind is int:
        return value if _LIMITS[0] <= value < _LIMITS[1] else ASK
    if kind is str:
        return value if len(value) <= LONGEST_TEXT else ASK
    return ASK


class Choice(NamedTuple):
    """A part of a WHERE clause: SQL, and its parameters. One without SQL chooses all rows."""

    sql: str
    parameters: tuple[ColumnValue, ...] = ()


def choice_of(condition: FieldCondition, columns: FieldColumns) -> Choice | None:
    """Return what chooses the rows of a class that may fulfil a condition; None if none can."""
    number = columns.numbers.get(".".join(condition.path))
    if number is None:
        may_have = condition.path[0] in columns.names
        return Choice("") if may_have or condition.holds_for({}) else None
    column, value = f"c{number}", condition.value
    if condition.operator == "~=":
        return Choice(f"(matches(?, {column}) OR {column} = x'')", (str(value),))
    sought = column_value(value) if _is_sought(value) else ASK
    if sought is ASK or condition.operator == "!=":
        return Choice("")
    if condition.operator == "=":
        return Choice(f"({column} IS ? OR {column} = x'')", (sought,))
    return Choice(f"({column} {condition.operator} ? OR {column} = x'')", (sought,))


def _is_sought(value: Any) -> bool:
    """Whether SQL compares a value as Python does."""
    return type(value) in _LEAVES and (type(value) is not float or value == value)
