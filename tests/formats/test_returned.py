"""Values come back as they were stored: one that would be something else is refused, with the path to it."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import gzip
import math
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

import alexflow
from alexflow import JSONOutput, MemoryStorage, Output, SerializableOutput, Task, source
from alexflow.errors import DecodingError, DefinitionError, EncodingError, InvalidKey
from alexflow.formats import BytesOutput, JoblibOutput, MsgpackOutput, TextOutput


@dataclasses.dataclass(frozen=True)
class Of(Task):
    """A task with outputs of any kind."""

    def stored(self, format: Any, value: Any, **options: Any) -> Any:
        output = self.build_output(format, key="value", **options).assign_storage(MemoryStorage())
        output.store(value)
        return output.load()


@dataclasses.dataclass
class Point:
    x: int


class Pair(NamedTuple):
    x: int
    y: int


class Colour(enum.Enum):
    RED = 1


class Size(enum.IntEnum):
    SMALL = 1


NAN = float("nan")


class Thing:
    """Of no kind that a format knows."""

    def __repr__(self) -> str:
        return "a thing"


THING = Thing()

PLAIN: list[Any] = [
    *(None, True, False, 0, -5, 2**64 - 1, -(2**63), 1.5, -0.0, 1e-300, "", "é", [], {}),
    *([1, [2, {"a": [None]}]], {"a": {"b": [1.5, "x"]}, "": 0}, [True, 1, 1.0]),
    *(collections.OrderedDict(a=1), collections.defaultdict(int, a=1), Size.SMALL),
]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
@pytest.mark.parametrize("format", [JSONOutput, MsgpackOutput])
def test_plain_data_comes_back(format, value):
    back = Of().stored(format, value)
    assert back == value
    assert math.copysign(1, back) == math.copysign(1, value) if isinstance(value, float) else True
    if isinstance(value, list):
        assert [type(item) for item in back] == [type(item) for item in value]


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        (NAN, "the value is nan and would come back as None"),
        (math.inf, "the value is inf and would come back as None"),
        ({"loss": [0.5, -math.inf]}, r"\['loss'\]\[1\] is -inf and would come back as None"),
        ([1, {"a": {"b": NAN}}], r"\[1\]\['a'\]\['b'\] is nan and would come back as None"),
        ((1, 2), r"the value is \(1, 2\) and would come back as \[1, 2\]"),
        ({"a": [(1,)]}, r"\['a'\]\[0\] is \(1,\) and would come back as \[1\]"),
        ({1}, r"the value is \{1\} and would come back as \[1\]"),
        (frozenset([1]), "would come back as"),
        (b"x", "the value is b'x' and would come back as 'eA=='"),
        (bytearray(b"x"), "would come back as 'eA=='"),
        ({1: "a"}, "a key of the value is 1 and would come back as '1'"),
        ({"x": {1.5: "a"}}, r"a key of \['x'\] is 1.5 and would come back as '1.5'"),
        ({"1": "a", 1: "b"}, "a key of the value is 1"),
        (Point(1), r"the value is Point\(x=1\) and would come back as \{'x': 1\}"),
        (Pair(1, 2), r"the value is Pair\(x=1, y=2\) and would come back as \[1, 2\]"),
        (Colour.RED, "would come back as 1"),
        (dt.date(2020, 1, 1), "would come back as '2020-01-01'"),
        (dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "would come back as '2020-01-01T00:00:00Z'"),
        (dt.timedelta(1), "would come back as 'P1D'"),
        (decimal.Decimal("1.1"), "would come back as '1.1'"),
        (uuid.UUID(int=1), "would come back as '00000000-"),
        ({"a": [1, {"b": THING}]}, r"\['a'\]\[1\]\['b'\] is a Thing: Encoding objects of type Thing"),
        ({"loss": np.float64(0.5)}, r"\['loss'\] is a float64: Encoding .* is unsupported; store its \.item\(\)"),
        ([np.arange(3)], r"\[0\] is a ndarray: Encoding .* is unsupported; store its \.tolist\(\)"),
        ({"a": {(1, 2): 3}}, r"\['a'\] is a dict: Only dicts"),
        (["\udce9"], r"\[0\] is a str: 'utf-8' codec"),
    ],
    ids=repr,
)
def test_json_refuses_what_would_be_something_else(value, refusal):
    with pytest.raises(EncodingError, match=rf"cannot be stored as JSONOutput: .*{refusal}") as caught:
        Of().stored(JSONOutput, value)
    if "come back" in refusal:
        assert str(caught.value).endswith(
            "store plain data, or use JSONNaNOutput (nan, inf), MsgpackOutput (bytes, other keys too) or BinaryOutput"
        )


@pytest.mark.parametrize(
    "value",
    [b"x", {1: "a"}, {(1, 2): {None: 1.5}}, math.inf, dt.datetime(2020, 1, 1, tzinfo=dt.UTC), [b"x"] * 5_000],
    ids=type,
)
def test_msgpack_keeps_more(value):
    assert Of().stored(MsgpackOutput, value) == value


@pytest.mark.parametrize("size", [1, 5_000])
def test_msgpack_keeps_nan(size):
    for value in ([NAN] * size, {"a": [NAN] * size, "b": [dt.datetime(2020, 1, 1, tzinfo=dt.UTC)]}):
        back = Of().stored(MsgpackOutput, value)
        assert repr(back) == repr(value)


@pytest.mark.parametrize("size", [1, 5_000])  # both ways of finding out
@pytest.mark.parametrize(
    "part",
    [(1, 2), Pair(1, 2), {1}, frozenset([1]), Point(1), Colour.RED, dt.date(2020, 1, 1), dt.datetime(2020, 1, 1)],
    ids=repr,
)
def test_msgpack_refuses_what_would_be_something_else(part, size):
    with pytest.raises(
        EncodingError, match=r"\['a'\]\[\d+\] is .* and would come back as .*; store plain data, or use Bin"
    ):
        Of().stored(MsgpackOutput, {"a": [*range(size), part], "b": NAN})
    with pytest.raises(EncodingError, match=r"cannot be stored as MsgpackOutput: "):
        Of().stored(MsgpackOutput, [{frozenset([1]): 2}, *range(size)])


def test_a_check_costs_less_than_what_it_checks():
    """JSON is compressed, which takes longer than all else; the rest is for a garbage collector at work.

    Both are measured in turn, as a machine may become slower from one moment to the next.
    """
    value = [{"id": index, "name": f"label {index % 10}", "part": index / 7, "ok": True} for index in range(20_000)]
    output = Of().build_output(JSONOutput, key="value")

    def seconds(run: Callable[[], object]) -> float:
        begun = time.thread_time()
        run()
        return time.thread_time() - begun

    ratios = []
    for _ in range(5):
        without = seconds(lambda: gzip.compress(msgspec.json.encode(value), compresslevel=6, mtime=0))
        ratios.append(seconds(lambda: output.encode(value)) / without)
    assert min(ratios) < 3


class Unfriendly:
    def __eq__(self, other: object) -> bool:
        raise SystemError("not to be compared")

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise SystemError("not to be shown")


def test_values_that_misbehave_are_refused():
    class List(list[Any]):
        __eq__ = Unfriendly.__eq__  # type: ignore[assignment]
        __repr__ = Unfriendly.__repr__

    for format in (JSONOutput, MsgpackOutput):
        for value in (Unfriendly(), [Unfriendly()], List([1]), {"a": List([1])}):
            with pytest.raises(EncodingError, match=rf"cannot be stored as {format.__name__}: "):
                Of().stored(format, value)


def test_texts_come_back():
    for value in ("", "é\r\n\n", "\ufeffx", "\0"):
        for encoding in ("utf-8", "utf-16", "utf-8-sig"):
            assert Of().stored(TextOutput, value, encoding=encoding) == value
    with pytest.raises(EncodingError, match="latin-1"):
        Of().stored(TextOutput, "€", encoding="latin-1")
    with pytest.raises(EncodingError, match="come back as another string; raw_unicode_escape cannot represent"):
        Of().stored(TextOutput, "\\u0041", encoding="raw_unicode_escape")
    for value in (b"x", None, 5):
        with pytest.raises(EncodingError, match="it is not a string"):
            Of().stored(TextOutput, value)


def test_a_document_that_could_not_be_read_is_refused():
    @dataclasses.dataclass(frozen=True)
    class Local:
        x: int

    with pytest.raises(EncodingError, match=r"cannot be stored as SerializableOutput: .* is local to a function"):
        Of().stored(SerializableOutput, Local(1))


class Unloadable(Exception):
    def __init__(self, *, code: int):
        super().__init__(f"code {code}")


class Refusing:
    def __setstate__(self, state: Any) -> None:
        raise ArithmeticError("no state")

    def __getstate__(self) -> Any:
        return {"a": 1}


def test_a_pickle_that_could_never_be_loaded_is_refused():
    pytest.importorskip("joblib")
    for value, reason in [(Unloadable(code=5), "TypeError: .*"), ([{"a": Refusing()}], "ArithmeticError: no state")]:
        for format in (alexflow.BinaryOutput, JoblibOutput):
            with pytest.raises(EncodingError, match=rf"{format.__name__}: it could not be loaded again: .*{reason}"):
                Of().stored(format, value)
    for plain in (Point(1), Pair(1, 2), Colour.RED, {1, 2}):
        assert Of().stored(alexflow.BinaryOutput, plain) == plain
        assert Of().stored(JoblibOutput, plain) == plain


# -- what is stored and cannot be read


@pytest.mark.parametrize("data", [b"", gzip.compress(b"<html>")], ids=["empty", "html"])
def test_a_document_that_is_no_json_cannot_be_decoded(data):
    storage = MemoryStorage()
    output: Output[Any] = Of().build_output(SerializableOutput, key="value").assign_storage(storage)
    storage.write(output.key, data)
    with pytest.raises(DecodingError, match="cannot be loaded as SerializableOutput"):
        output.load()


def test_what_cannot_be_decoded_is_told_with_key_format_and_remedy():
    storage = MemoryStorage()
    for format in (JSONOutput, MsgpackOutput, alexflow.BinaryOutput, TextOutput, SerializableOutput):
        output: Output[Any] = Of().build_output(format, key="value").assign_storage(storage)
        storage.write(output.key, b"\xff\xff")
        with pytest.raises(DecodingError) as caught:
            output.load()
        told = str(caught.value)
        assert told.startswith(f"{output.key}: what is stored cannot be loaded as {format.__name__}: ")
        assert told.endswith(
            "if it was stored in another format, load it with that one, else remove() it and make it again"
        )
        assert (caught.value.key, caught.value.format) == (output.key, format.__name__)
        assert caught.value.__cause__ is not None
        output.remove()


def test_a_source_that_cannot_be_decoded_is_told_by_its_url(tmp_path):
    (tmp_path / "x.json").write_bytes(b"no JSON")
    made = source(tmp_path / "x.json", JSONOutput)
    with pytest.raises(
        DecodingError, match=r"x\.json: what is stored cannot be loaded as JSONOutput: .*JSON is malformed"
    ):
        made.load()


# -- outputs that cannot be built


@pytest.mark.parametrize("format", ["json", None, dict, JSONOutput(Of(), "x"), list[int]])
def test_an_output_is_built_with_a_format(format):
    with pytest.raises(
        DefinitionError, match=r"^Of\.build_output is given .*, which is not an output class; give it a format"
    ):
        Of().build_output(format, key="x")


def test_a_key_is_a_string():
    for key in (Path("a"), 5, None, b"x"):
        with pytest.raises(InvalidKey, match=r"^the output key of Of is .*, not a string$"):
            Of().build_output(BytesOutput, key=key)  # type: ignore[arg-type]


def test_a_value_that_contains_itself_is_refused_with_a_short_path(tmp_path: Path) -> None:
    loop: list[Any] = []
    loop.append(loop)
    output = JSONOutput[Any](key="n", src_task=None)  # type: ignore[arg-type]
    with pytest.raises(EncodingError, match=r"\(100 steps\) is a list: .*; it contains itself, or is a long chain"):
        output._encoded(loop)
