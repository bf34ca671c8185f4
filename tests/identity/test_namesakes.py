"""Values that try to pass for others: each is told apart, or refused."""

import decimal
import enum
import functools
import math
import pathlib
import random
from collections import namedtuple
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any, Optional
from zoneinfo import ZoneInfo

import msgspec
import pytest

from alexflow import Task, deserialize, serialize
from alexflow.errors import IdentityError
from alexflow.identity import short_repr


@dataclass(frozen=True)
class Hold(Task):
    value: Any


def id_of(value: Any) -> str:
    return Hold(value).task_id


def score(x: float) -> float:
    return x


@functools.wraps(score)
def louder(x: float) -> float:
    return 2 * score(x)


def plain(x: float) -> float:
    return x


undecorated = plain


@functools.wraps(undecorated)
def decorated(x: float) -> float:
    return x


plain = decorated


@functools.lru_cache
def cached(x: float) -> float:
    return x


class Point(namedtuple("Point", "x y")):
    pass


class Labelled(enum.Enum):
    """An enum whose members all say that they have one name."""

    FIRST = 1
    SECOND = 2

    @property
    def name(self) -> str:
        return "label"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class OpenAccess(enum.IntFlag):
    READ = 1


@dataclass(frozen=True)
class Base:
    a: int
    b: int | None = None


@dataclass(frozen=True)
class Derived(Base):
    c: int | None = None


@dataclass
class ListOfKind(list):  # type: ignore[type-arg]
    kind: str = ""


@dataclass(frozen=True)
class Number(int):
    unit: str = ""


class OwnPath(PurePosixPath):
    pass


class OtherPath(PurePosixPath):
    pass


class Meta(type):
    """A class that says of itself what it is not."""

    __dataclass_fields__ = {}  # noqa: RUF012


class Pretender(metaclass=Meta):
    pass


DIFFERENT = [
    [Labelled.FIRST, Labelled.SECOND],
    [Access.READ, Access.READ | Access.WRITE, Access(0), OpenAccess.READ, OpenAccess(9), OpenAccess(8)],
    [Base(1), Derived(1), Derived(1, c=2), Base(1, 2), Base(2)],
    [PurePosixPath("a"), OwnPath("a"), OtherPath("a"), "a"],
    [Point(1, (2, 3)), Point(1, [2, 3]), Point((1, 2), 3), (1, (2, 3))],
    [Decimal("1"), Decimal("1.0"), Decimal("1E+1"), Decimal("10"), Decimal("-0"), Decimal("0"), Decimal("NaN1")],
    [frozenset({frozenset()}), frozenset(), frozenset({frozenset({frozenset()})}), {frozenset()}],
    [frozenset({frozenset({1, 2}), frozenset({3})}), frozenset({frozenset({1}), frozenset({2, 3})})],
    [{1: {2: 3}}, {1: {3: 2}}, {(1, 2): 3}, {1: (2, 3)}, {frozenset({1, 2}): 3}],
    [datetime(2024, 1, 1, 12, tzinfo=UTC), datetime(2024, 1, 1, 12), datetime(2024, 1, 1, 12, 0, 0, 1)],
    [datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold) for fold in (0, 1)],
    [10**5000, 10**5000 + 1, -(10**5000), 2**64, 2**64 - 1, -(2**63), -(2**63) - 1],
    ["x" * 10**6, "x" * 10**6 + "y", b"x" * 10**6],
    [math.inf, -math.inf, math.nan, 1e308, 5e-324, 0.0, -0.0],
    [
        len,
        math.sin,
        math.cos,
        score,
        plain,
        cached,
        str.upper,
        functools.partial(score),
        functools.partial(score, 1),
        int,
        Base,
        Path,
        PurePath,
    ],
    [pathlib, math, "pathlib", "math"],
]


@pytest.mark.parametrize("row", DIFFERENT, ids=lambda row: short_repr(row[0])[:30])
def test_told_apart(row: list[Any]) -> None:
    assert len({id_of(value) for value in row}) == len(row)


EQUAL = [
    [PurePosixPath("a/b"), PureWindowsPath("a/b"), PureWindowsPath("a\\b"), Path("a//b")],
    [datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")), datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Rome"))],
    [datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=timezone(timedelta(0), "GMT"))],
    [datetime(2024, 1, 1), datetime(2024, 1, 1, fold=1)],  # Python has them equal
    [time(12), time(12, tzinfo=ZoneInfo("Europe/Berlin"))],  # these too: without a date there is no offset
    [Access.READ | Access.WRITE, Access.WRITE | Access.READ, Access(3)],
]  # fmt: skip


@pytest.mark.parametrize("row", EQUAL, ids=lambda row: short_repr(row[0])[:30])
def test_not_told_apart_as_the_rule_says(row: list[Any]) -> None:
    assert len({id_of(value) for value in row}) == 1


def make_class() -> type:
    class Local:
        pass

    return Local


WRAPS = "but wraps it or is wrapped in it; give it a name of its own"
REFUSED = [
    (louder, f"this is not {__name__}:score, {WRAPS}"),
    (undecorated, f"this is not {__name__}:plain, {WRAPS}"),
    (cached.__wrapped__, f"this is not {__name__}:cached, {WRAPS}"),
    (functools.partial(louder, 1), f"this is not {__name__}:score, {WRAPS}"),
    (random.random, "the function 'Random.random' cannot be named from outside"),
    (dict.fromkeys, "the function 'dict.fromkeys' cannot be named from outside"),
    ("a".upper, "the function 'str.upper' cannot be named from outside"),
    (make_class(), "the class 'make_class.<locals>.Local' cannot be named from outside; define it at module level"),
    (ListOfKind("kind"), f"a {__name__}.ListOfKind is a subclass of list; pass a plain list"),
    (Number(1), f"a {__name__}.Number is a subclass of int; pass a plain int"),
    (list[int], "a types.GenericAlias cannot be identified"),
    (Optional[int], "cannot be identified"),  # noqa: UP045
    (Pretender(), f"a {__name__}.Pretender cannot be identified"),
    (bytearray(b"a"), "a bytearray cannot be identified"),
    (memoryview(b"a"), "a memoryview cannot be identified"),
    (..., "an ellipsis cannot be identified"),
    (msgspec.Raw(b"1"), "a msgspec.Raw cannot be identified"),
    (type("str", (str,), {})("a"), "is a subclass of str; pass a plain str"),
    ({"a": {1: [type("bool", (int,), {})(1)]}}, "['a'][1][0]: a "),
]


@pytest.mark.parametrize(("value", "message"), REFUSED, ids=lambda case: short_repr(case).partition(" at 0x")[0][:30])
def test_refused(value: Any, message: str) -> None:
    with pytest.raises(IdentityError) as caught:
        id_of(value)
    assert str(caught.value).startswith("Hold.value")
    assert message in str(caught.value)


def test_the_decimal_context_has_no_say() -> None:
    expected, document = id_of(Decimal("1E+30")), serialize(Decimal("1E+30"))
    with decimal.localcontext() as context:
        context.capitals = 0
        assert id_of(Decimal("1E+30")) == expected
        assert serialize(Decimal("1E+30")) == document


def test_a_name_that_python_versions_give_differently() -> None:
    assert serialize(Path)["root"]["name"] == "pathlib:Path"
    assert deserialize(serialize([Path, PureWindowsPath])) == [Path, PureWindowsPath]


def test_numpy_scalars() -> None:
    numpy = pytest.importorskip("numpy")
    for value in (numpy.float64(1), numpy.int64(1), numpy.bool_(True), numpy.str_("a"), numpy.datetime64("2024")):
        with pytest.raises(IdentityError, match=r"is not a plain Python value; pass value\.item\(\)"):
            id_of(value)
    for value in (numpy.zeros(3), numpy.random.rand, numpy.random.default_rng(1), numpy.frompyfunc(len, 1, 1)):
        with pytest.raises(IdentityError):
            id_of(value)
