"""Whatever is done to a document: it is read, or a DocumentError says what is wrong. Nothing is called, or imported."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexflow import LocalStorage, Workflow, deserialize, serialize
from alexflow.errors import DocumentError
from alexflow.serialization import from_json, from_msgpack, resolve, to_json, to_msgpack
from tests.kit.effort import examples
from tests.serialization import documented
from tests.serialization.documented import Access, Colour, Column, Config, Encoded, Level, Loud, Pair, Settings, Value

RICH = {
    "values": [1, 2**70, 1.5, float("nan"), 1 + 2j, b"ab", (1,), {1, "a"}, frozenset({2}), {1: 2}, Decimal("1.5")],
    "named": [Colour.RED, Access(3), Level.LOW, Pair(1, 2), Config(0.5), Settings(1), int, len, documented],
    "moments": [datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"), fold=1), timedelta(1), UUID(int=1), Path("a")],
    "tasks": [Value(Value([1]).output()), Loud(Value(2)), Encoded(Path("a/b"))],
    "view": Value(3).build_output(Column, "table", column="price", others={Value(4)}),
    "workflow": Workflow({"one": Value(5)}, storage=LocalStorage("results")),
}
DOCUMENT = serialize(RICH)


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a document."""
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, item in items:
        yield from places(item, (*path, step))


PLACES = [path for path in places(DOCUMENT) if path]


def at(data: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        data = data[step]
    return data


NAMES = [
    "os:system", "builtins:eval", "builtins:int", "builtins:object", "builtins:type", "enum:Enum", "enum:Flag",
    "pathlib:Path", "pathlib:PurePath", "typing:NamedTuple", "msgspec:Struct", "alexflow.model.task:Task",
    "alexflow.model.task:AbstractTask", "alexflow.model.task:WrapperTask", "alexflow.model.output:Output",
    "alexflow.storage.memory:MemoryStorage", "alexflow.model.task:ResourceSpec", "alexflow.model.task:dataclass",
    "tests.serialization.documented:record", "tests.serialization.documented:Strict", "a:b:c", "a..b:c", ":", "x",
    "\0:x", "tests.serialization.documented:Value.output", "tests.serialization.documented:Colour.RED",
]  # fmt: skip
leaves = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([2**63, 2**64, -(2**70), -0.0, 1e400])
    | st.floats() | st.sampled_from(NAMES) | st.text(max_size=3)
    | st.sampled_from(["\ud800", "..", "../x", "0x", "1e9999999"])
    | st.sampled_from([path[-1] for path in PLACES])
)  # fmt: skip
tags = st.sampled_from(["tuple", "set", "dict", "odict", "enum", "task", "output", "type"])
data = st.recursive(
    leaves | st.sampled_from(PLACES).map(lambda path: copy.deepcopy(at(DOCUMENT, path))),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=2) | st.just("$"), inner, max_size=3)
        | st.builds(lambda tag, items: {"$": tag, "items": items}, tags, st.lists(inner, max_size=3))
        | st.builds(lambda tag, items: {"$": tag, "entries": items}, tags, st.lists(st.tuples(inner, inner).map(list)))
    ),
    max_leaves=4,
)


def changed(document: Any, path: tuple[Any, ...], kind: str, value: Any) -> None:
    """One change; nothing where earlier ones have taken the place away."""
    try:
        holder = at(document, path[:-1])
        if kind == "remove":
            del holder[path[-1]]
        elif kind == "add" and isinstance(holder, dict):
            holder[value if isinstance(value, str) else "more"] = value
        elif kind == "add":
            holder.insert(path[-1], value)
        else:
            holder[path[-1]] = value
    except (KeyError, IndexError, TypeError, AttributeError):
        pass


changes = st.lists(
    st.tuples(st.sampled_from(PLACES), st.sampled_from(["replace", "replace", "remove", "add"]), data),
    min_size=1,
    max_size=3,
)


@pytest.fixture(autouse=True, scope="module")
def nothing_runs() -> Iterator[None]:
    documented.CALLS.clear()
    yield
    assert documented.CALLS == []


def texts_in(data: Any) -> set[str]:
    return {item for path in places(data) if isinstance(item := at(data, path), str)}


def importing(asked: list[str]) -> Any:
    """Instead of imports: what is there already, and note of what was asked for."""

    def import_module(name: str) -> Any:
        asked.append(name)
        if name not in sys.modules:
            raise ModuleNotFoundError(name)
        return sys.modules[name]

    return mock.patch.object(resolve.importlib, "import_module", import_module)


@settings(max_examples=examples(400), deadline=None)
@given(changes)
def test_a_changed_document(changes: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    for path, kind, value in changes:
        changed(document, path, kind, value)
    asked: list[str] = []
    try:
        with importing(asked):
            written = serialize(deserialize(document))  # which an `encode` may refuse
            assert serialize(deserialize(written)) == written
    except DocumentError:
        pass
    named = {text.partition(":")[0] for text in texts_in(document)}
    assert {name for name in asked if not name.startswith("tzdata")} <= named  # ZoneInfo's own data, by whatever name


@settings(max_examples=examples(150), deadline=None)
@given(st.sampled_from([to_json, to_msgpack]), st.lists(st.tuples(st.integers(0), st.binary(max_size=3)), max_size=3))
def test_changed_bytes(write: Any, cuts: list[tuple[int, bytes]]) -> None:
    content = write(RICH)
    for where, new in cuts:
        where %= len(content)
        content = content[:where] + new + content[where + len(new[:1]) :]
    read = from_json if write is to_json else from_msgpack
    try:
        with importing([]):
            read(content)
    except DocumentError:
        pass


@settings(max_examples=examples(150), deadline=None)
@given(st.binary(max_size=40) | st.text(max_size=40))
def test_any_bytes(content: Any) -> None:
    with pytest.raises(DocumentError):
        from_json(content)
    if isinstance(content, bytes):
        with pytest.raises(DocumentError):
            from_msgpack(content)
