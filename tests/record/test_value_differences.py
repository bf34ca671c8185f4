"""The first difference of two values, by the kind of value."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression

from alexflow.record.value_differences import first_difference

NAN = float("nan")


@dataclass(eq=False)
class Model:
    coefficients: Any
    name: str = "a"


class Slotted:
    __slots__ = ("x",)

    def __init__(self, x: Any) -> None:
        self.x = x


class Raising:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = None  # type: ignore[assignment]


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns)


EQUAL: list[tuple[Any, Any]] = [
    (NAN, NAN),
    ({"a": [1, NAN]}, {"a": [1, float("nan")]}),
    (np.array([1.0, NAN]), np.array([1.0, NAN])),
    (np.array(["2020-01-01", "NaT"], "M8[D]"), np.array(["2020-01-01", "NaT"], "M8[D]")),
    (np.array(["a"]), np.array(["a"])),
    (frame(x=[1, 2], y=["a", None]), frame(x=[1, 2], y=["a", None])),
    (pl.DataFrame({"x": [1, 2]}), pl.DataFrame({"x": [1, 2]})),
    (pa.table({"x": ["a"]}), pa.table({"x": ["a"]})),
    (Model(np.ones(2)), Model(np.ones(2))),
    (LinearRegression().fit([[1], [2]], [1, 2]), LinearRegression().fit([[1], [2]], [1, 2])),
    (Slotted([1]), Slotted([1])),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_values(one: Any, other: Any) -> None:
    assert first_difference(one, other) is None


DIFFERENT: list[tuple[Any, Any, str, str, str]] = [
    (1, 2, "$", "1", "2"),
    (1, True, "$", "1 (int)", "True (bool)"),
    ([1, 2], (1, 2), "$", "[1, 2] (list)", "(1, 2) (tuple)"),
    ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "$.a.b[1]", "2", "3"),
    ({"a b": 1}, {"a b": 2}, "$['a b']", "1", "2"),
    ({"a": 1}, {"b": 1}, "$.a", "1", "nothing"),
    ([1, 2], [1, 2, 3], "$", "2 items", "3 items"),
    ([1, 2], [0, 2, 3], "$[0]", "1", "0"),
    ("a", "b", "$", "'a'", "'b'"),
    ("-" * 60 + "a", "-" * 60 + "b", "$, character 60", "'----------a'", "'----------b'"),
    (b"ab" * 30, b"ab" * 30 + b"c", "$, byte 60", "b'ababababab'", "b'abababababc'"),
    (np.zeros(2), np.zeros(3), "$", "float64[2]", "float64[3]"),
    (np.zeros(2), np.zeros(2, "f4"), "$", "float64[2]", "float32[2]"),
    (frame(x=[1, 2], y=["a", "b"]), frame(x=[1, 2], y=["a", "c"]), "$, column 'y', row 1", "'b'", "'c'"),
    (
        frame(x=[1]),
        frame(x=[1], y=[2]),
        "$, columns",
        "['index', \"column 'x'\"]",
        "['index', \"column 'x'\", \"column 'y'\"]",
    ),
    (frame(x=[1]), frame(x=[1, 2]), "$", "1 rows", "2 rows"),
    (pl.DataFrame({"x": ["a"]}), pl.DataFrame({"x": ["b"]}), "$, column 'x', row 0", "'a'", "'b'"),
    (Slotted([1]), Slotted([2]), "$.x[0]", "1", "2"),
]


@pytest.mark.parametrize(("one", "other", "path", "before", "after"), DIFFERENT)
def test_the_first_difference(one: Any, other: Any, path: str, before: str, after: str) -> None:
    found = first_difference(one, other)
    assert found is not None
    assert (found.path, found.before, found.after) == (path, before, after)


def test_numbers_say_by_how_much_they_differ() -> None:
    before = np.arange(6.0).reshape(2, 3)
    after = before.copy()
    after[1, 0], after[1, 2] = 3.5, 4.0
    found = first_difference({"a": before}, {"a": after})
    assert found is not None
    assert (found.path, found.max_abs) == ("$.a[1, 0]", 1.0)
    assert str(found).endswith("(differs by at most 1)")
    assert found.to_json()["max_abs"] == 1.0
    column = first_difference(frame(x=[1.0, 2.0]), frame(x=[1.0, 2.25]))
    assert column is not None
    assert (column.path, column.max_abs) == ("$, column 'x', row 1", 0.25)


def test_a_fitted_model_is_compared_by_its_attributes() -> None:
    before, after = (LinearRegression().fit([[1], [2], [3]], y) for y in ([1, 2, 3], [1, 2, 4]))
    found = first_difference(before, after)
    assert found is not None
    assert found.path.startswith("$.coef_")
    assert found.max_abs == pytest.approx(0.5)


def test_values_in_circles() -> None:
    one: list[Any] = [1]
    other: list[Any] = [1]
    one.append(one)
    other.append(other)
    assert first_difference(one, other) is None


def test_deep_values() -> None:
    one, other = 1, 2
    for _ in range(5_000):
        one, other = [one], [other]  # type: ignore[assignment]
    found = first_difference(one, other)
    assert found is not None
    assert (found.before, found.after) == ("1", "2")


def test_values_that_cannot_be_compared() -> None:
    found = first_difference([Raising()], [Raising()])
    assert found is not None
    assert found.after == "comparing raised RuntimeError"
    assert first_difference(io.StringIO("a"), io.StringIO("b")) is not None
