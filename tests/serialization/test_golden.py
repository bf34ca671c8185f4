"""Version 1 of the format, pinned: what was written once is read for ever, and written in the same bytes."""

from __future__ import annotations

import json
from collections import OrderedDict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID

from alexflow import LocalStorage, Workflow, deserialize, serialize
from tests.serialization import documented
from tests.serialization.documented import (
    Access,
    Chain,
    Colour,
    Column,
    Config,
    Join,
    Loud,
    Noted,
    Pair,
    Point,
    Settings,
    Value,
)

GOLDEN = Path(__file__).parent / "golden" / "graph-1.json"

VALUES: dict[str, Any] = {
    "plain": [None, True, 1, 1.0, "ü", {"a": {}}],
    "numbers": [2**64, float("inf"), complex(1, -2), Decimal("1.10")],
    "tuple": (1, (2,)),
    "sets": [{3, 1, 2, "a"}, frozenset({(1, 2), "b"})],
    "dicts": [{1: "a", "1": "b"}, {"$": "task"}, OrderedDict([("b", 1), ("a", 2)])],
    "bytes": b"\x00\xff",
    "uuid": UUID(int=1),
    "dates": [
        date(2024, 2, 29),
        datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        time(1, 2, fold=1),
        timedelta(days=-1, seconds=5),
    ],
    "paths": [Path("a/b"), PurePosixPath("/c")],
    "enums": [Colour.RED, Access.READ | Access.WRITE],
    "records": [Config(0.5, inner=Point(1, Pair(2, 3)), note="n"), Settings(1, ("x",))],
    "names": [int, type(None), documented.Plain.Inner, documented.record, len, json],
}


def graph() -> Workflow:
    shared = Value(VALUES)
    first = Join(shared.output(), Chain(shared.output(), 1).output().as_ephemeral())
    table = first.build_output(Column, "table", column="price", others=[Noted(1, note="a"), Noted(1, note="b")])
    return Workflow(
        tasks={"first": first, "loud": Loud(shared)},
        artifacts={"tree": [table, (None, {"x": shared.output()})]},
        storage=LocalStorage("/results"),
    )


def test_the_golden_document_is_what_is_written() -> None:
    assert json.dumps(serialize(graph()), indent=1) + "\n" == GOLDEN.read_text()


def test_the_golden_document_is_read() -> None:
    assert deserialize(json.loads(GOLDEN.read_text())) == graph()
