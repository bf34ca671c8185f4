"""Different values give different bytes, equal ones equal bytes; held against a slow, naive description."""

import enum
import math
import struct
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from pathlib import PurePosixPath

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexflow.identity import canonical, packb
from tests.kit.effort import examples


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class Shade(enum.Enum):
    RED = 1


class Number(enum.IntEnum):
    ONE = 1


class Letter(str, enum.Enum):  # noqa: UP042  # as most code has it
    A = "a"


@dataclass(frozen=True)
class Pair:
    a: int
    b: int | None = None


@dataclass(frozen=True)
class OtherPair:
    a: int
    b: int | None = None


class PairStruct(msgspec.Struct, frozen=True):
    a: int
    b: int | None = None


PairTuple = namedtuple("PairTuple", "a b")
OtherPairTuple = namedtuple("OtherPairTuple", "a b")


def function():
    pass


def to_bytes(value):
    return packb(canonical(value, []))


# Values that look alike: every two of one row must differ.
LOOKALIKES = [
    [1, True, 1.0, "1", b"1", Decimal(1), Number.ONE, Colour.RED, Shade.RED, complex(1), timedelta(1), [1]],
    [0, False, 0.0, -0.0, "", b"", None, [], (), {}, set(), frozenset(), OrderedDict(), Decimal(0)],
    [[1], (1,), {1}, frozenset({1}), {1: None}, {1: 1}, PairTuple(1, None), Pair(1)],
    [{1: 2}, {"1": 2}, {1: "2"}, {True: 2}, {1.0: 2}, OrderedDict({1: 2}), [[1, 2]], [(1, 2)], ((1, 2),)],
    [OrderedDict([(1, 2), (3, 4)]), OrderedDict([(3, 4), (1, 2)]), {1: 2, 3: 4}],
    ["a", b"a", Letter.A, PurePosixPath("a"), ["a"], "A", "á", "a\u0301"],
    [None, math.nan, "nan", "None", Decimal("NaN"), ["nan"], math.inf, -math.inf],
    [Pair(1, 2), OtherPair(1, 2), PairStruct(1, 2), PairTuple(1, 2), OtherPairTuple(1, 2), (1, 2), {"a": 1, "b": 2}],
    [Pair(1), Pair(1, 2), Pair(1, 0), {"a": 1}],
    [2**64, -(2**64), str(2**64), f"{2**64:x}", 2**64 - 1, float(2**64), ["int", f"{2**64:x}"]],
    [date(2024, 1, 1), datetime(2024, 1, 1), "2024-01-01", "2024-01-01T00:00:00"],
    [Decimal("1.0"), Decimal("1.00"), "1.0", 1.0],
    [function, Pair, "function", math, math.sin, int, "math"],
    [[[]], [], [[], []], ((),), [()], [None], [[None]]],
    # what an encoder without escaping would confuse with its own tags
    [["list", [1]], ("list", [1]), [1], ["tuple", [1]], (1,)],
    [["nan"], math.nan, ("nan",)],
]


@pytest.mark.parametrize("row", LOOKALIKES, ids=lambda row: repr(row[0])[:20])
def test_lookalikes_differ(row):
    for one, other in combinations(row, 2):
        assert to_bytes(one) != to_bytes(other), (one, other)


def test_what_is_equal_is_equal_whatever_the_order():
    assert to_bytes({"a": 1, "b": 2}) == to_bytes({"b": 2, "a": 1})
    assert to_bytes({"x", "y", 1}) == to_bytes({1, "y", "x"})
    assert to_bytes({float("nan"): 1, float("-nan"): 2}) == to_bytes({float("-nan"): 2, float("nan"): 1})


def test_all_nans_are_one():
    other = struct.unpack("<d", struct.pack("<Q", 0xFFF8000000000001))[0]
    assert math.isnan(other)
    assert to_bytes(other) == to_bytes(math.nan)


def described(value):
    """A value's types and content, in words; slow, and with no thought of bytes."""
    kind = type(value).__name__
    if isinstance(value, float):
        return f"{kind} nan" if math.isnan(value) else f"{kind} {value.hex()}"
    if isinstance(value, list | tuple):
        return f"{kind} of {len(value)}: " + repr([described(item) for item in value])
    if isinstance(value, set | frozenset):
        return f"{kind} of {len(value)}: " + repr(sorted(described(item) for item in value))
    if isinstance(value, OrderedDict):
        return f"{kind}: " + repr([(described(key), described(item)) for key, item in value.items()])
    if isinstance(value, dict):
        return f"{kind}: " + repr(sorted((described(key), described(item)) for key, item in value.items()))
    return f"{kind} {value!r}"


plain = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.floats()
    | st.sampled_from([0.0, -0.0, 1.0])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    | st.sampled_from(["", "a", "1", "nan", "list"])
    | st.binary(max_size=3)
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.datetimes()
    | st.timedeltas()
    | st.uuids()
    | st.sampled_from([*Colour, *Number, *Letter])
    | st.builds(Pair, st.integers(0, 2), st.none() | st.integers(0, 2))
)
hashable = st.recursive(plain, lambda inner: st.tuples(inner) | st.frozensets(inner, max_size=3), max_leaves=4)
values = st.recursive(
    hashable,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(hashable, inner, max_size=3)
        | st.dictionaries(hashable, inner, max_size=3).map(OrderedDict)
        | st.sets(hashable, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=examples(400), deadline=None)
@given(values, values)
def test_bytes_are_equal_exactly_where_the_descriptions_are(one, other):
    assert (to_bytes(one) == to_bytes(other)) == (described(one) == described(other))


@settings(max_examples=examples(200), deadline=None)
@given(values)
def test_a_value_differs_from_itself_in_any_wrapping(value):
    wrapped = [value, [value], (value,), {"": value}, OrderedDict({"": value}), [[value]]]
    assert len({to_bytes(item) for item in wrapped}) == len(wrapped)


@settings(max_examples=examples(200), deadline=None)
@given(st.dictionaries(hashable, plain, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_a_dict_does_not_count(value, random):
    items = list(value.items())
    random.shuffle(items)
    assert to_bytes(dict(items)) == to_bytes(value)
