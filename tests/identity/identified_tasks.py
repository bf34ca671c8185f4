"""Tasks whose ids are pinned; also run as a script and by other Pythons: prints ``name id`` for each."""

import enum
import math
import re
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from alexflow import BinaryOutput, JSONOutput, Output, Task, WrapperTask


class Colour(enum.Enum):
    RED = 1


class Name(str, enum.Enum):  # noqa: UP042  # as most code has it
    A = "a"


class Level(enum.IntEnum):
    LOW = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass(frozen=True)
class Settings:
    rate: float
    note: str | None = None
    seen: int = field(default=0, compare=False)


class Shape(msgspec.Struct, frozen=True):
    width: int
    height: int


Point = namedtuple("Point", "x y")


def score(x: float) -> float:
    return x


@dataclass(frozen=True)
class Hold(Task):
    value: Any = None

    def output(self):
        return self.build_output(BinaryOutput, key="value.pkl")


@dataclass(frozen=True)
class Train(Task):
    X: Output[Any]
    y: Output[Any]
    model_type: str
    depth: int = 3
    verbose: bool = field(default=True, compare=False)


@dataclass(frozen=True)
class TrainInAnotherOrder(Task):
    task_name: ClassVar[str] = "identified_tasks.Train"

    depth: int
    model_type: str
    y: Output[Any]
    X: Output[Any]


@dataclass(frozen=True)
class Versioned(Task):
    version: ClassVar[str] = "3"
    value: int = 0


@dataclass(frozen=True)
class Renamed(Task):
    task_name: ClassVar[str] = "shop.Basket"
    value: int = 0


@dataclass(frozen=True)
class Encoded(Task):
    value: Any = field(metadata={"encode": sorted, "decode": frozenset})


@dataclass(frozen=True)
class Wrapper(WrapperTask):
    pass


@dataclass(frozen=True, eq=False, repr=False)
class Table(JSONOutput[Any]):
    column: str | None = ","


VALUES: dict[str, Any] = {
    "none": None,
    "true": True,
    "int": 1,
    "negative": -1,
    "large": 2**64,
    "huge": -(10**5000),
    "float": 1.0,
    "minus_zero": -0.0,
    "nan": math.nan,
    "infinity": math.inf,
    "complex": complex(0, math.nan),
    "str": "a",
    "unicode": "häß🐍\0",
    "bytes": b"a",
    "list": [1, [2]],
    "tuple": (1, (2,)),
    "set": {"a", "b", "c", "d", 1, None},
    "frozenset": frozenset({"a", "b", "c"}),
    "dict": {"b": 1, "a": [2], 3: None, None: 4},
    "ordered_dict": OrderedDict([("b", 1), ("a", 2)]),
    "decimal": Decimal("1.10"),
    "uuid": UUID(int=7),
    "datetime": datetime(2024, 2, 29, 12, 30, 1, 5),
    "datetime_zone": datetime(2024, 2, 29, 12, tzinfo=timezone(timedelta(hours=9))),
    "date": date(2024, 2, 29),
    "time": time(12, 30),
    "timedelta": timedelta(days=-1, microseconds=3),
    "path": PurePosixPath("a/b"),
    "enum": Colour.RED,
    "str_enum": Name.A,
    "int_enum": Level.LOW,
    "flag": Access.READ | Access.WRITE,
    "no_flag": Access(0),
    "dataclass": Settings(0.5),
    "struct": Shape(1, 2),
    "namedtuple": Point(1, 2),
    "function": score,
    "builtin": len,
    "class": Settings,
    "builtin_class": dict,
    "class_that_moved": Path,
    "module": math,
    "range": range(0, 10, 3),
    "fraction": Fraction(-1, 3),
    "zone": ZoneInfo("Europe/Berlin"),
    "pattern": re.compile("a+", re.IGNORECASE),
    "pattern_of_bytes": re.compile(b"a+"),
    "partial": partial(score, 1, base=[2]),
    "method_of_c": str.upper,
    "task": Hold(1),
    "tasks": [Hold(1), {"k": (Hold([2]),)}],
    "wrapper": Wrapper(task=Hold(1)),
    "output": Hold(1).output(),
    "outputs": {"train": [Hold(1).output()]},
    "view": Hold(1).build_output(Table, key="t", column=";"),
}

TASKS: dict[str, Task | WrapperTask] = {
    **{name: Hold(value) for name, value in VALUES.items()},
    "train": Train(Hold("X").output(), Hold("y").output(), "Ridge"),
    "versioned": Versioned(1),
    "renamed": Renamed(1),
    "encoded": Encoded(frozenset("abc")),
}

if __name__ == "__main__":
    for task_kind, task in TASKS.items():
        print(task_kind, task.task_id)
