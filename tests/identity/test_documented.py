"""docs/design/identity.md is right, byte for byte."""

import json
import math
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from hashlib import blake2b
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar
from urllib.parse import ParseResult
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest

from alexflow import BinaryOutput, Output, Task
from alexflow.identity import canonical, packb

PAGE = (Path(__file__).parents[2] / "docs/design/identity.md").read_text()

NAMES = {
    **{"math": math, "OrderedDict": OrderedDict, "Decimal": Decimal, "UUID": UUID, "HTTPStatus": HTTPStatus},
    **{"date": date, "datetime": datetime, "time": time, "timedelta": timedelta, "PurePosixPath": PurePosixPath},
    **{"ParseResult": ParseResult, "Fraction": Fraction, "ZoneInfo": ZoneInfo, "re": re, "partial": partial},
}

EXAMPLES = [line.strip("| ").split(" | ") for line in PAGE.partition("| value |")[2].splitlines() if "`" in line]
EXAMPLES = [example for example in EXAMPLES if len(example) == 3]


@pytest.mark.parametrize(("value", "plain", "bytes_"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_value(value, plain, bytes_):
    result = canonical(eval(value.strip("`"), NAMES), [])
    assert shown(result) == plain.strip("`")
    assert packb(result).hex() == bytes_.strip("`")


def shown(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, bytes):
        return f"b{json.dumps(value.decode())}"
    return json.dumps(value) if isinstance(value, str) else repr(value)


def test_there_are_examples():
    assert len(EXAMPLES) > 30


@dataclass(frozen=True)
class Load(Task):
    task_name: ClassVar[str] = "shop.Load"
    name: str

    def output(self):
        return self.build_output(BinaryOutput, key="data.pkl")


@dataclass(frozen=True)
class Train(Task):
    task_name: ClassVar[str] = "shop.Train"
    X: Output[Any]
    model: str
    depth: int
    note: str | None = None
    verbose: bool = field(default=True, compare=False)


def documented(label: str) -> str:
    return next(line.split()[1] for line in PAGE.splitlines() if line.startswith(f"{label} "))


def test_worked_example():
    load = Load("x")
    train = Train(load.output(), model="Ridge", depth=3)
    for name, task in {"load": load, "train": train}.items():
        written = bytes.fromhex(documented(f"{name}-bytes"))
        assert documented(f"{name}-id") == task.task_id
        assert task.task_id.endswith(blake2b(written, digest_size=20).hexdigest())
    assert msgspec.msgpack.decode(written) == [
        "2",
        None,
        {"X": ["output", f"{load.task_id}.data.pkl"], "depth": 3, "model": "Ridge"},
    ]
