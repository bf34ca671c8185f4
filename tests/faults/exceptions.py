"""Exceptions that do not travel, and a task that raises them."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, field
from typing import Any, NoReturn

from alexflow import BinaryOutput, Output, Task


class KeywordOnly(Exception):
    def __init__(self, *, code: int):
        super().__init__(f"code {code}")


class NoText(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class TextIsNumber(Exception):
    def __str__(self) -> str:
        return 7  # type: ignore[return-value]


class NoReduce(Exception):
    def __reduce__(self) -> Any:
        raise RuntimeError("no reduce")


class ReducesToNothing(Exception):
    def __reduce__(self) -> Any:
        return dict, ()


class Exits(Exception):
    def __reduce__(self) -> Any:
        return sys.exit, (3,)


class Large(Exception):
    def __init__(self, text: str = "large", size: int = 0):
        super().__init__(text, b"1" * size)

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class Raises(Task):
    """Raises an exception of one kind."""

    kind: str
    place: str = field(compare=False)

    def output(self) -> Output[Any]:
        return self.build_output(BinaryOutput[Any], key="never")

    def run(self, input: None, output: Output[Any]) -> NoReturn:
        globals()[f"raise_{self.kind}"](self.place)
        raise AssertionError("unreachable")


def raise_plain(place: str) -> None:
    raise ValueError("plain")


def raise_keyword_only(place: str) -> None:
    raise KeywordOnly(code=7)


def raise_no_text(place: str) -> None:
    raise NoText


def raise_text_is_number(place: str) -> None:
    raise TextIsNumber


def raise_no_reduce(place: str) -> None:
    raise NoReduce("text")


def raise_reduces_to_nothing(place: str) -> None:
    raise ReducesToNothing("text")


def raise_exits(place: str) -> None:
    raise Exits("text")


def raise_large(place: str) -> None:
    raise Large(size=10_000_000)


def raise_with_bad_context(place: str) -> None:
    try:
        raise NoText
    except NoText as error:
        raise KeyError("found") from error


def raise_elsewhere(place: str) -> None:
    sys.path.append(place)
    raise importlib.import_module("only_the_worker_has_it").Odd(code=5)


def raise_local(place: str) -> None:
    class Local(Exception):
        pass

    raise Local("text")


def raise_group(place: str) -> None:
    raise ExceptionGroup("both", [KeywordOnly(code=1), NoReduce("text")])


def raise_own_timeout(place: str) -> None:
    raise TimeoutError("the user's own")


_HERE = __name__

#: By kind: the type's name and the message that must be told.
KINDS = {
    "plain": ("ValueError", "plain"),
    "keyword_only": (f"{_HERE}.KeywordOnly", "code 7"),
    "no_text": (f"{_HERE}.NoText", "<its str() raised RuntimeError>"),
    "text_is_number": (f"{_HERE}.TextIsNumber", "<its str() raised TypeError>"),
    "no_reduce": (f"{_HERE}.NoReduce", "text"),
    "reduces_to_nothing": (f"{_HERE}.ReducesToNothing", "text"),
    "exits": (f"{_HERE}.Exits", "text"),
    "large": (f"{_HERE}.Large", "large"),
    "with_bad_context": ("KeyError", "'found'"),
    "elsewhere": ("only_the_worker_has_it.Odd", "odd 5"),
    "local": (f"{_HERE}.raise_local.<locals>.Local", "text"),
    "group": ("ExceptionGroup", "both (2 sub-exceptions)"),
    "own_timeout": ("TimeoutError", "the user's own"),
}
