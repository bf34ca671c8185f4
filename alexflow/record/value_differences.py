"""The first difference of two values: a path in plain data, a column and row of a table, a figure for arrays.

Arrays and tables are recognized if their library is loaded, which it is where there is a value of it. Objects that do
not say when they are equal, such as a fitted model, are compared by their attributes.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from alexflow.hooks import SHORT_TEXT, class_name, repr_of

_SHOWN = 120  # characters of a value

_WHOLE = 40  # characters of a text that is shown whole, without saying where it differs


@dataclass(frozen=True)
class Difference:
    """The first place in which two values differ.

    Attributes:
        path: where: ``$.metrics.loss``, ``$.coef_``, ``$, column 'x', row 5``; ``$`` is the value itself.
        before: what was there, as text.
        after: what is there now.
        max_abs: of arrays and columns of numbers, the largest absolute difference of two elements.
    """

    path: str
    before: str
    after: str
    max_abs: float | None = None

    def __str__(self) -> str:
        most = "" if self.max_abs is None else f" (differs by at most {self.max_abs:g})"
        return f"{self.path}: {self.before} → {self.after}{most}"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"path": self.path, "before": self.before, "after": self.after, "max_abs": self.max_abs}


def first_difference(before: Any, after: Any) -> Difference | None:
    """Return the first difference of two values; None if they are equal. NaN equals NaN; 1, 1.0 and True differ."""
    pending: list[tuple[str, Any, Any]] = [("$", before, after)]
    seen = set[tuple[int, int]]()
    while pending:
        path, one, other = pending.pop()
        if one is other or (id(one), id(other)) in seen:
            continue
        seen.add((id(one), id(other)))
        if type(one) is not type(other):
            return Difference(path, _typed(one), _typed(other))
        try:
            found = _compared(path, one, other)
        except BaseException as error:  # of a value's own code
            return Difference(path, _shown(one), f"comparing raised {class_name(type(error))}")
        if isinstance(found, Difference):
            return found
        pending += reversed(found)
    return None


def _compared(path: str, one: Any, other: Any) -> Difference | list[tuple[str, Any, Any]]:
    """Return the difference of two values of one type, or the parts that are to be compared; none if they are equal."""
    if isinstance(one, Mapping) and _is_plain(one):
        return _of_mappings(path, one, other)
    if isinstance(one, list | tuple):
        return _of_sequences(path, one, other)
    if isinstance(one, str | bytes):
        return [] if one == other else _of_texts(path, one, other)
    if isinstance(one, os.PathLike) and not isinstance(one, PurePath):  # what was unpacked of an archive
        return [(f"{path}, files", _files(one), _files(other))]
    table = _columns(one)
    if table is not None:
        return _of_tables(path, table, _columns(other) or {})
    if _is_array(one):
        return _of_arrays(path, one, other)
    if isinstance(one, float) and math.isnan(one) and math.isnan(other):
        return []
    if not any("__eq__" in vars(cls) for cls in type(one).__mro__[:-1]):
        return _of_objects(path, one, other)
    return [] if one == other else Difference(path, _shown(one), _shown(other))


def _is_plain(value: Any) -> bool:
    return type(value).__module__ in ("builtins", "collections", "types")


def _of_mappings(
    path: str, one: Mapping[Any, Any], other: Mapping[Any, Any], step: str = ""
) -> Difference | list[tuple[str, Any, Any]]:
    parts = []
    for key in {**one, **other}:
        place = path + (step or (".{}" if isinstance(key, str) and key.isidentifier() else "[{!r}]")).format(key)
        if key not in one:
            return Difference(place, "nothing", _shown(other[key]))
        if key not in other:
            return Difference(place, _shown(one[key]), "nothing")
        parts.append((place, one[key], other[key]))
    return parts


def _of_sequences(path: str, one: Any, other: Any) -> Difference | list[tuple[str, Any, Any]]:
    parts = [(f"{path}[{at}]", *pair) for at, pair in enumerate(zip(one, other, strict=False))]
    if len(one) == len(other):
        return parts
    for place, *pair in parts:
        found = first_difference(*pair)
        if found is not None:
            return Difference(place + found.path[1:], found.before, found.after, found.max_abs)
    return Difference(path, f"{len(one)} items", f"{len(other)} items")


def _of_texts(path: str, one: Any, other: Any) -> Difference:
    if max(len(one), len(other)) <= _WHOLE:
        return Difference(path, _shown(one), _shown(other))
    at = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    at = min(len(one), len(other)) if at is None else at
    unit = "byte" if isinstance(one, bytes) else "character"
    around = slice(max(0, at - 10), at + 30)
    return Difference(f"{path}, {unit} {at}", _shown(one[around]), _shown(other[around]))


# arrays and tables


def _is_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray | numpy.generic)


def _of_arrays(path: str, one: Any, other: Any) -> Difference | list[tuple[str, Any, Any]]:
    numpy = sys.modules["numpy"]
    if one.dtype != other.dtype or one.shape != other.shape:
        return Difference(path, f"{one.dtype}{list(one.shape)}", f"{other.dtype}{list(other.shape)}")
    is_number = one.dtype.kind in "fciub"
    same = (one == other) | ((one != one) & (other != other)) if one.dtype.kind in "fcmM" else one == other
    if numpy.all(same):
        return []
    where = numpy.unravel_index(int(numpy.argmin(same)), one.shape) if one.shape else ()
    index = ", ".join(str(int(at)) for at in where)
    most = float(numpy.nanmax(numpy.abs(one.astype(complex) - other.astype(complex)))) if is_number else None
    return Difference(f"{path}[{index}]" if index else path, _shown(one[where]), _shown(other[where]), most)


def _columns(value: Any) -> dict[str, Any] | None:
    """Return the columns of a table as arrays, by name; None for what is no table."""
    pandas, polars, arrow = (sys.modules.get(name) for name in ("pandas", "polars", "pyarrow"))
    if pandas is not None and isinstance(value, pandas.DataFrame | pandas.Series):
        frame = value.to_frame() if isinstance(value, pandas.Series) else value
        named = [(repr(name), frame.iloc[:, at].to_numpy()) for at, name in enumerate(frame.columns)]
        return {"index": frame.index.to_numpy(), **{f"column {name}": column for name, column in named}}
    if polars is not None and isinstance(value, polars.DataFrame):
        return {f"column {name!r}": value[name].to_numpy() for name in value.columns}
    if arrow is not None and isinstance(value, arrow.Table):
        return {f"column {name!r}": value[name].to_numpy() for name in value.column_names}
    return None


def _of_tables(path: str, one: dict[str, Any], other: dict[str, Any]) -> Difference | list[tuple[str, Any, Any]]:
    if list(one) != list(other):
        return Difference(f"{path}, columns", _shown(list(one)), _shown(list(other)))
    for name, column in one.items():
        if len(column) != len(other[name]):
            return Difference(path, f"{len(column)} rows", f"{len(other[name])} rows")
        found = _of_columns(f"{path}, {name}", column, other[name])
        if found is not None:
            return found
    return []


def _of_columns(path: str, one: Any, other: Any) -> Difference | None:
    if one.dtype != other.dtype:
        return Difference(path, str(one.dtype), str(other.dtype))
    if one.dtype.kind != "O":
        found = _of_arrays(path, one, other)
        if not isinstance(found, Difference):
            return None
        row = found.path.removeprefix(path).strip("[]")
        return Difference(f"{path}, row {row}", found.before, found.after, found.max_abs)
    for at, (old, new) in enumerate(zip(one, other, strict=True)):
        inner = first_difference(old, new)
        if inner is not None:
            return Difference(f"{path}, row {at}{inner.path[1:]}", inner.before, inner.after)
    return None


# objects


def _files(directory: os.PathLike[str]) -> dict[str, bytes]:
    """Return the files below a directory, or a file itself, by their paths."""
    root = Path(directory)
    found = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


def _of_objects(path: str, one: Any, other: Any) -> Difference | list[tuple[str, Any, Any]]:
    """Compare objects that do not say when they are equal, by the state that they would be pickled with."""
    states = one.__getstate__(), other.__getstate__()
    if states[0] is None or states[1] is None:
        return Difference(path, _shown(one), "an object that cannot be compared")
    before, after = map(_attributes, states)
    return [(path, *states)] if before is None or after is None else _of_mappings(path, before, after, ".{}")


def _attributes(state: Any) -> dict[str, Any] | None:
    """Return a state as attributes by name; None if it is something else."""
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):  # of a class with slots
        return {**(state[0] or {}), **state[1]}
    return state if isinstance(state, dict) else None


def _shown(value: Any) -> str:
    text = repr_of(value, SHORT_TEXT)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _typed(value: Any) -> str:
    return f"{_shown(value)} ({class_name(type(value))})"
