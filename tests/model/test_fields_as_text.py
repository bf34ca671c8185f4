"""As test_fields, where all annotations are text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Optional

import pytest

from alexflow import NoDefaultVar, Output, Task, no_default

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForCheckers


@dataclass(frozen=True)
class Textual(Task):
    a: int
    b: OnlyForCheckers
    c: Literal["None", "x"]
    d: Output[int]
    e: OnlyForCheckers | None
    f: Optional[int]  # noqa: UP045
    g: Any
    h: Literal["x", None]
    i: NoDefaultVar[int] = no_default


GIVEN = {"a": 1, "b": 1, "c": "x", "d": 1, "e": 1, "f": 1, "g": 1, "h": "x", "i": 1}


@pytest.mark.parametrize("name", ["a", "b", "c", "d", "i"])
def test_not_optional(name):
    with pytest.raises(TypeError, match=rf"^Textual\.{name} is None, but its type is not optional$"):
        Textual(**{**GIVEN, name: None})


@pytest.mark.parametrize("name", ["e", "f", "g", "h"])
def test_optional(name):
    assert getattr(Textual(**{**GIVEN, name: None}), name) is None


def test_no_default():
    with pytest.raises(TypeError, match=r"missing 1 required argument: 'i'"):
        Textual(**{name: value for name, value in GIVEN.items() if name != "i"})


def test_local_class():
    class Local:
        pass

    @dataclass(frozen=True)
    class Inner(Task):
        a: Local
        b: Local | None

    assert Inner(Local(), None).b is None
    with pytest.raises(TypeError, match=r"Inner\.a is None"):
        Inner(None, None)
