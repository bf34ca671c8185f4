"""``record.table``: what tasks were made from, what came of it, and what it cost, as a frame."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

import alexflow
from alexflow import JSONOutput, MemoryStorage, Output, Task
from alexflow.errors import DefinitionError
from alexflow.record import Record
from tests.record.segments import HandWritten


@dataclass(frozen=True)
class Settings:
    lr: float = 0.1
    layers: tuple[int, ...] = (3, 4)


@dataclass(frozen=True)
class Source(Task):
    name: str

    def output(self) -> Any:
        return self.build_output(JSONOutput, key="data.json")


@dataclass(frozen=True)
class Fit(Task):
    data: Output[Any]
    depth: int | str = 3
    settings: Settings = Settings()
    seconds: int = 1
    note: str | None = None
    verbose: bool = field(default=True, compare=False)

    def output(self) -> Any:
        return {
            "metrics": self.build_output(JSONOutput, key="metrics.json"),
            "curve": self.build_output(JSONOutput, key="curve/all.json"),
        }


DATA = Source("iris").output()
TASKS = [Fit(DATA), Fit(DATA, depth=5, settings=Settings(2.0), note="deep"), Fit(DATA, depth=7)]


@pytest.fixture
def record() -> Record:
    storage = MemoryStorage()
    segment = HandWritten(storage)
    segment.made(DATA.src_task, *TASKS)
    for number, task in enumerate(TASKS):
        segment.done(number + 1, number + 1, [(7, b"\x01" * 16), (7, b"\x02" * 16)], seconds=2)
        outputs = task.output()
        metrics = {"test": {"accuracy": 0.5 + number}, "steps": [1, number]}
        outputs["metrics"].assign_storage(storage).store(metrics)
        storage.write(outputs["curve"].key, json.dumps([number]).encode())  # not compressed, as others write it
    segment.writer.close()
    return alexflow.open_record(storage)


VALUES = {"accuracy": "metrics.json:test.accuracy", "step": "metrics.json:steps.1", "curve": "all.json:"}


def test_columns(record: Record) -> None:
    table = record.table(Fit, VALUES)
    assert table.column_names == [
        *("data", "depth", "fields.seconds", "settings.layers", "settings.lr", "verbose", "note"),
        *("accuracy", "step", "curve", "seconds", "cpu_seconds", "peak_rss_bytes", "finished", "key"),
    ]
    rows = table.to_pylist()
    assert [row["depth"] for row in rows] == [7, 5, 3]
    assert [row["accuracy"] for row in rows] == [2.5, 1.5, 0.5]
    assert [row["step"] for row in rows] == [2, 1, 0]
    assert [row["curve"] for row in rows] == ["[2]", "[1]", "[0]"]
    assert [row["note"] for row in rows] == [None, "deep", None]
    assert [row["settings.layers"] for row in rows] == ["[3, 4]"] * 3
    assert [row["settings.lr"] for row in rows] == [0.1, 2.0, 0.1]
    assert {row["data"] for row in rows} == {DATA.key}
    assert [row["seconds"] for row in rows] == [2.0] * 3
    assert [row["fields.seconds"] for row in rows] == [1] * 3
    assert rows[0]["finished"].utcoffset().total_seconds() == 0


def test_all_formats_have_the_same(record: Record) -> None:
    names = record.table(Fit, VALUES).column_names
    where = {"depth": (">", 3)}
    pandas, polars = (record.table("Fit", VALUES, where, format=format) for format in ("pandas", "polars"))
    assert list(pandas.columns) == list(polars.columns) == names
    assert pandas["accuracy"].tolist() == polars["accuracy"].to_list() == [2.5, 1.5]
    assert pandas["note"].tolist()[1] == polars["note"].to_list()[1] == "deep"


def test_a_column_of_several_types_is_json(record: Record) -> None:
    segment = HandWritten(record.storage)
    segment.made(DATA.src_task, Fit(DATA, depth="auto"))
    segment.done(1, 1)
    segment.writer.close()
    record.refresh()
    table = record.table(Fit, VALUES)
    assert sorted(table.column("depth").to_pylist()) == ["3", "5", "7", "auto"]
    assert table.column("accuracy").null_count == 1, "its output is not there"


def test_what_cannot_be_taken_is_refused(record: Record) -> None:
    with pytest.raises(DefinitionError, match=r"no output ends with other\.json.*metrics\.json"):
        record.table(Fit, {"x": "other.json:a"})
    with pytest.raises(DefinitionError, match="a colon"):
        record.table(Fit, {"x": "metrics.json"})
    with pytest.raises(DefinitionError, match="several outputs"):
        record.table(Fit, {"x": "json:a"})
    with pytest.raises(DefinitionError, match="arrow, pandas or polars"):
        record.table(Fit, format="numpy")  # type: ignore[arg-type]
    segment = HandWritten(record.storage)
    segment.made(DATA.src_task, Fit(DATA, depth=9))
    segment.done(1, 1, [(7, b"\x01" * 16), (7, b"\x02" * 16)])
    segment.writer.close()
    record.storage.write(Fit(DATA, depth=9).output()["curve"].key, b"no json")
    record.refresh()
    with pytest.raises(DefinitionError, match="is no JSON"):
        record.table(Fit, {"x": "all.json:a"})
