"""Classes for documents to name."""

from __future__ import annotations

import enum
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from alexflow import JSONOutput, Output, Task, WrapperTask

CALLS: list[Any] = []


def record(*args: Any) -> None:
    """A function that must never run."""
    CALLS.append(args)


class Colour(enum.Enum):
    RED = "red"
    BLUE = 2


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntEnum):
    LOW = 1


class Name(enum.StrEnum):
    ADA = "ada"


class Point(NamedTuple):
    x: int
    y: Any


Pair = namedtuple("Pair", ["left", "right"])


@dataclass(frozen=True)
class Config:
    rate: float
    inner: Any = None
    note: str = field(default="", compare=False)


@dataclass(frozen=True)
class Strict:
    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("a size is not negative")


class Settings(msgspec.Struct, frozen=True):
    depth: int
    labels: Any = ()


class Plain:
    class Inner:
        pass

    @staticmethod
    def function() -> None: ...

    @property
    def trap(self) -> None:
        record("property")


@dataclass(frozen=True)
class Value(Task):
    value: Any = None

    def output(self) -> Output[Any]:
        return self.build_output(JSONOutput, key="value.json")


@dataclass(frozen=True)
class Join(Task):
    left: Output[Any]
    right: Output[Any]

    def input(self) -> tuple[Output[Any], Output[Any]]:
        return self.left, self.right

    def output(self) -> Output[Any]:
        return self.build_output(JSONOutput, key="joined.json")


@dataclass(frozen=True)
class Chain(Task):
    previous: Output[Any] | None = None
    length: int = 0

    def output(self) -> Output[Any]:
        return self.build_output(JSONOutput, key="chain.json")


@dataclass(frozen=True)
class Noted(Task):
    value: int
    note: Any = field(default="none", compare=False)
    helper: Callable[[], int] | None = field(default=lambda: 1, compare=False)
    calls: list[Any] = field(default_factory=list, compare=False)


@dataclass(frozen=True)
class Encoded(Task):
    where: Path = field(
        metadata={"encode": lambda path: {"parts": list(path.parts)}, "decode": lambda data: Path(*data["parts"])}
    )
    maybe: Any = field(default=None, compare=False, metadata={"encode": lambda _: 1 / 0, "decode": lambda data: data})


@dataclass(frozen=True)
class Grown(Task):
    """As a class looks once fields have been added: `added` was not there when the document was written."""

    first: int
    added: int | None = 5
    insignificant: int | None = field(default=7, compare=False)


@dataclass(frozen=True)
class Required(Task):
    first: int
    second: int


@dataclass(frozen=True)
class Loud(WrapperTask):
    pass


@dataclass(frozen=True, eq=False, repr=False)
class Column(JSONOutput[Any]):
    column: str = "all"
    others: Any = field(default=None, compare=False)


@dataclass(frozen=True, eq=False, repr=False)
class Careless(JSONOutput[Any]):
    """Does not ask whether its key is safe."""

    def __post_init__(self) -> None:
        pass


@dataclass
class ListOfKind(list[Any]):
    """Holds more than its fields."""

    kind: str = ""


@dataclass(frozen=True)
class Halfway:
    """Its metadata say how it enters a document, but not how it leaves."""

    value: Any = field(default=None, metadata={"encode": str})


@dataclass(frozen=True)
class Versioned(Task):
    value: int
