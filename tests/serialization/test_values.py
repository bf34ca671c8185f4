"""Every kind of value comes back as the value it was, through plain data, JSON and MessagePack."""

from __future__ import annotations

import json
import math
import os.path
from collections import OrderedDict, defaultdict
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexflow import LocalStorage, MemoryStorage, deserialize, serialize
from alexflow.errors import DocumentError
from alexflow.serialization import from_json, from_msgpack, to_json, to_msgpack
from tests.kit.effort import examples
from tests.serialization import documented
from tests.serialization.documented import (
    Access,
    Colour,
    Config,
    Halfway,
    Level,
    ListOfKind,
    Name,
    Pair,
    Plain,
    Point,
    Settings,
    Value,
)


def round_trips(value: Any) -> list[Any]:
    document = serialize(value)
    text = json.dumps(document, allow_nan=False)
    assert json.loads(text) == document, "not plain data"
    return [
        deserialize(document),
        deserialize(json.loads(text)),
        from_json(to_json(value)),
        from_msgpack(to_msgpack(value)),
    ]


def same(a: Any, b: Any) -> bool:
    """Equal, and of equal types all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        pairs = zip(a.items(), b.items(), strict=True)
        return all(same(x, y) for x, y in pairs)
    if isinstance(a, float):
        return math.copysign(1, a) == math.copysign(1, b) and (a == b or (math.isnan(a) and math.isnan(b)))
    if isinstance(a, complex):
        return same([a.real, a.imag], [b.real, b.imag])
    return bool(a == b)


VALUES = [
    None, True, False, 0, 1, -1, 2**63, 2**64 - 1, -(2**63), 2**64, -(2**63) - 1, 10**5000, -(10**5000),
    0.0, -0.0, 1.0, 1e308, 5e-324, math.inf, -math.inf, math.nan,
    "", "a", "ü€😀", "\0", "$", b"", b"\x00\xff",
    1 + 2j, complex(math.nan, -0.0), complex(math.inf, 1.0),
    [], [1, [True, [1.0]]], (), (1,), ((), [()]), set(), {1, "a", None}, frozenset({1, 2}),
    {frozenset({(1, 2)}), frozenset()},
    {}, {"a": 1, "b": {"c": []}}, {1: 2}, {"1": 2}, {1: "int", "1": "str"}, {True: 1}, {(1, 2): {3: 4}}, {None: 1},
    {"$": "task"}, {"$": "task", "id": "x"}, {"": 1}, {"b": 1, "a": 2}, {Name.ADA: 1},
    OrderedDict([("b", 1), ("a", 2)]), OrderedDict(),
    Decimal("1.10"), Decimal("-0"), Decimal("Infinity"), UUID(int=5),
    date(2024, 2, 29), datetime(2024, 1, 2, 3, 4, 5, 6), datetime(2024, 1, 1, tzinfo=UTC),
    datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))), time(1, 2, 3, 4), time(1, tzinfo=UTC),
    timedelta(days=-1, microseconds=1),
    Path("a/b"), Path("/"), PurePosixPath("a"), PureWindowsPath("C:/a"),
    Colour.RED, Colour.BLUE, Access.READ, Access.READ | Access.WRITE, Access(0), Level.LOW, Name.ADA,
    Point(1, [2]), Pair("a", Point(1, 2)), Config(0.1), Config(1.0, inner={"a": Config(2.0)}),
    Settings(1, (Colour.RED,)),
    int, type(None), Colour, Plain.Inner, Value, documented.record, Plain.function, len, os.path.join,
    os.path, documented,
    LocalStorage("results"),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_round_trip(value: Any) -> None:
    for back in round_trips(value):
        assert same(back, value)
    for task in round_trips(Value([value])):
        assert task == Value([value])
        assert same(task.value, [value])


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals(allow_nan=False)
    | st.dates() | st.datetimes() | st.timedeltas() | st.uuids() | st.complex_numbers(allow_nan=False)
    | st.sampled_from([Colour.RED, Access.READ, int, len, Path("a")])
)  # fmt: skip
hashables = st.recursive(
    scalars.filter(lambda value: value == value),
    lambda items: st.tuples(items, items) | st.frozensets(items, max_size=3),
    max_leaves=5,
)
values = st.recursive(
    scalars | hashables,
    lambda items: (
        st.lists(items, max_size=4)
        | st.tuples(items, items)
        | st.dictionaries(st.text(), items, max_size=4)
        | st.dictionaries(hashables, items, max_size=4)
        | st.sets(hashables, max_size=4)
        | st.builds(Config, st.floats(), items)
        | st.builds(Point, st.integers(), items)
        | st.builds(Settings, st.integers(), items)
        | st.builds(Value, items)
        | st.builds(lambda value: Value(value).output(), items)
    ),
    max_leaves=12,
)


@given(values)
@settings(max_examples=examples(150), deadline=None)
def test_any_nesting_keeps_its_id(value: Any) -> None:
    task = Value(value)
    for back in round_trips(task):
        assert back == task
        assert serialize(back) == serialize(task)


def test_a_time_zone_is_kept_not_only_its_offset() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    second = datetime(2024, 10, 27, 2, 30, tzinfo=berlin, fold=1)
    for back in round_trips(second):
        assert back.tzinfo is berlin
        assert back.fold == 1
        assert back.utcoffset() == second.utcoffset()
    for back in round_trips(time(3, tzinfo=berlin)):
        assert back == time(3, tzinfo=berlin)


def test_sets_are_written_in_one_order() -> None:
    items = ["a", 1, 2.5, (1, 2), None, Colour.RED, Value(1), Value(2), Value(1).output(), b"x"]
    for kind in (set, frozenset):
        written = {to_json(kind(some)) for some in (items, items[::-1], items[5:] + items[:5])}
        assert len(written) == 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, {"a": object()}], "root[1]['a']: an object cannot be written to a document"),
        (lambda: 1, "root: a lambda has no stable identity"),
        (Config(1.0, inner=(1, lambda: 1)), "Config.inner[1]: a lambda has no stable identity"),
        ({1: print, 2: bytearray()}, "root[2]: a bytearray cannot be written"),
        ({bytes: 1, Plain(): 1}, "(the key): a tests.serialization.documented.Plain cannot be written"),
        ([Path("\ud800")], "root[0]: not a text that UTF-8 can write"),
        (["\ud800"], "root[0]: not a text that UTF-8 can write"),
        ({"\ud800": 1}, "not a text that UTF-8 can write"),
        (defaultdict(int), "root: a collections.defaultdict cannot be written"),
        ({10**5000: object()}, "root[<an integer of 16610 bits>]: an object cannot be written"),
        (ListOfKind([1]), "ListOfKind: a tests.serialization.documented.ListOfKind cannot be written"),
        (Halfway(), "Halfway: Halfway.value has `encode` metadata but no `decode`"),
        (MemoryStorage(), "root: a MemoryStorage exists in this process only"),
        (Settings(1, {1, Plain}), None),
        (Settings(1, [Plain()]), "root.labels[0]: a tests.serialization.documented.Plain cannot be written"),
        (Point(1, Plain()), "root[1]: a tests.serialization.documented.Plain cannot be written"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_named_with_its_path(value: Any, message: str | None) -> None:
    if message is None:
        serialize(value)
        return
    with pytest.raises(DocumentError) as caught:
        serialize(value)
    assert message in str(caught.value)


def test_values_nested_too_deeply_are_refused_both_ways() -> None:
    deep: list[Any] = []
    for _ in range(99):
        deep = [deep]
    assert from_json(to_json(deep)) == deep
    with pytest.raises(DocumentError, match=r"nested deeper than 100 levels"):
        serialize([deep])
    document = serialize(deep)
    document["root"] = [document["root"]]
    with pytest.raises(DocumentError, match=r"^root(\[0\])+…(\[0\]){5} \(\d+ steps\): values are nested deeper"):
        deserialize(document)


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(DocumentError, match="or contain themselves"):
        serialize(loop)
