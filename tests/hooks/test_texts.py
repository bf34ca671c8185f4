"""Texts of users' objects are plain, whatever the objects do."""

import pytest

from alexflow.hooks import MAX_TEXT, plain_text, repr_of, text_of


class Shout(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise SystemExit(3)


class Mute(Exception):
    def __init__(self, second: BaseException):
        self.second = second

    def __str__(self) -> str:
        raise self.second

    __repr__ = __str__


def test_a_subclass_of_str_becomes_one() -> None:
    assert type(plain_text(Shout("ah"))) is str
    assert plain_text(Shout("ah")) == "ah"


def test_a_lone_surrogate_is_escaped() -> None:
    assert plain_text("caf\udce9.csv") == "caf\\udce9.csv"


def test_a_long_text_keeps_both_ends() -> None:
    text = plain_text("a" * 1_000_000 + "b" * 1_000_000)
    assert len(text) < MAX_TEXT + 100
    assert text.startswith("aaa")
    assert text.endswith("bbb")
    assert "1,934,464 characters left out" in text


@pytest.mark.parametrize("second", [ValueError(), SystemExit(), KeyboardInterrupt(), GeneratorExit(), StopIteration()])
def test_what_raises_instead_is_named(second: BaseException) -> None:
    assert text_of(Mute(second)) == f"<its str() raised {type(second).__name__}>"
    assert repr_of(Mute(second)).endswith(f"its repr() raised {type(second).__name__}>")
