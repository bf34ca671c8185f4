"""The index gives what a scan gives, is brought up to date by itself, and is made again where it is damaged."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexflow import JSONOutput, LocalStorage, Output, Task
from alexflow.record import Record
from alexflow.record.conditions import OPERATORS, conditions
from alexflow.record.index import update
from alexflow.record.index.place import index_path
from alexflow.record.index.rows import IndexedRows
from alexflow.record.lines import AttemptLine, Completion, CompletionLine
from alexflow.record.row_source import EntryFilter, RowSource
from alexflow.record.rows import Row
from alexflow.record.scan import ScannedRows
from alexflow.storage import PrefixStorage
from tests.kit.effort import examples
from tests.record.segments import HandWritten

VALUES = [
    0,
    1,
    -3,
    2**70,
    2**63,
    0.5,
    1.0,
    float("inf"),
    True,
    False,
    None,
    "",
    "vit",
    "a" * 300,
    "x\0y",
    b"raw",
    (1, 2),
]
VALUES += [{"a": 1}, {"a": {"b": "vit"}}, {"a.b": 1}, Path("/data"), {"value": 3}, {}, {1: 2}]
PATHS = [
    "value",
    "value.a",
    "value.a.b",
    "value.value",
    "value.0",
    "config.lr",
    "config.name",
    "config",
    "name",
    "none",
]


@dataclass(frozen=True)
class Config:
    lr: float = 0.1
    name: Any = "resnet"


@dataclass(frozen=True)
class Load(Task):
    value: Any

    def output(self) -> Any:
        return self.build_output(JSONOutput, key="data.json")


@dataclass(frozen=True)
class Train(Task):
    data: Output[Any]
    value: Any = 3
    config: Config = Config()
    note: Any = field(default=None, compare=False)

    def input(self) -> Any:
        return self.data

    def output(self) -> Any:
        return self.build_output(JSONOutput, key="model.json"), self.build_output(JSONOutput, key="metrics.json")


values = st.sampled_from(VALUES)
loads = st.builds(Load, values)
configs = st.builds(Config, st.sampled_from([0.1, 0.5, 1e300]), values)
trains = st.builds(
    lambda load, value, config, note: Train(load.output(), value, config, note), loads, values, configs, values
)


@dataclass
class Engine:
    """Lines of one engine: tasks, and the order in which they end, by their places; a place again has run again."""

    tasks: list[Task]
    ends: list[int]
    failed: list[int]
    prefix: str
    closes: bool


engines = st.builds(
    Engine,
    st.lists(st.one_of(loads, trains), min_size=1, max_size=6),
    st.lists(st.integers(0, 5), max_size=6),
    st.lists(st.integers(0, 5), max_size=1),
    st.sampled_from(["", "", "team"]),
    st.booleans(),
)
wheres = st.dictionaries(
    st.sampled_from(PATHS),
    st.one_of(st.tuples(st.sampled_from(OPERATORS[:-1]), values), st.just(("~=", "v|^$"))),
    max_size=2,
)
filters = st.builds(
    EntryFilter,
    st.sampled_from([None, "Train", "Load", "test_index.Train", "rain"]),
    wheres.map(conditions),
    st.sampled_from([None, 0.0]),
    st.sampled_from([None, 10, 900]),
)


@given(st.lists(engines, min_size=1, max_size=4), st.lists(filters, min_size=1, max_size=6), st.data())
@settings(max_examples=examples(150), deadline=None)
def test_it_gives_what_a_scan_gives(written: list[Engine], wanted: list[EntryFilter], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as directory:
        storage = LocalStorage(directory)
        steps = [step for number, engine in enumerate(written) for step in writing(storage, engine, number)]
        looks = data.draw(
            st.sets(st.integers(0, len(steps) - 1)), "looks"
        )  # after which steps it is brought up to date
        for number, step in enumerate(steps):
            step()
            if number in looks:
                indexed(storage)
        for seen in (storage, PrefixStorage(storage, "team")):
            agree(ScannedRows(seen.reserved_below("record")), indexed(seen), wanted)


def writing(storage: LocalStorage, engine: Engine, number: int) -> Iterator[Any]:
    """Yield the steps in which an engine writes its segment."""
    segment: list[HandWritten] = []
    through = PrefixStorage(storage, engine.prefix) if engine.prefix else storage

    def begin() -> None:
        segment.append(HandWritten(through, f"20260101T00000000{number}-abcd"))
        segment[0].made(*engine.tasks)

    def end(place: int, at: int) -> None:
        stored = ((place * 400, b"\x07" * 16),) * 2
        segment[0].writer.add(CompletionLine([Completion(place, at * 10**6 + number, 1000, stored, 1)]))
        segment[0].writer.flush()

    def fail(place: int) -> None:
        segment[0].writer.add(AttemptLine(1, engine.tasks[place].task_id, 5, 1, True, "ValueError: no"))
        segment[0].writer.flush()

    yield begin
    yield from (
        [lambda place=place, at=at: end(place, at) for at, place in enumerate(engine.ends) if place < len(engine.tasks)]
    )
    yield from ([lambda place=place: fail(place) for place in engine.failed if place < len(engine.tasks)])
    yield lambda: segment[0].writer.close() if engine.closes else segment[0].writer.rest()


def indexed(storage: Any) -> IndexedRows:
    spaces = tuple(storage.reserved_below("record"))
    path = index_path(spaces)
    assert path is not None
    return IndexedRows(path, spaces)


def agree(scan: RowSource, index: RowSource, wanted: list[EntryFilter]) -> None:
    """Check that both sources answer everything alike."""
    tasks = {rows[0].task_id: rows for rows in scan.tasks()}
    assert {rows[0].task_id: said(rows) for rows in index.tasks()} == {key: said(rows) for key, rows in tasks.items()}
    keys = {key for rows in tasks.values() for row in rows for key in row.keys}
    for task_id, rows in tasks.items():
        assert said(index.of_task(task_id)) == said(rows)
        alike = [each for each in scan.alike(rows[0]) if each[0].cls == rows[0].cls]
        assert sorted(map(said, index.alike(rows[0]))) == sorted(map(said, alike))
    for key in keys:
        assert said(index.of_key(key)) == said(scan.of_key(key))
    for each in wanted:
        found, expected = list(index.newest(each)), list(scan.newest(each))
        assert sorted(said(found)) == sorted(said(expected)), each
        assert [row.finished for row in found] == [row.finished for row in expected]
    for text in {*beginnings(tasks), *beginnings(keys), "", "Tr", "data", "model.json", "team/tests", "zz"}:
        found_tasks, found_keys = index.beginning_with(text, 10**6)
        scanned_tasks, scanned_keys = scan.beginning_with(text, 10**6)
        assert (found_tasks, found_keys) == (scanned_tasks, scanned_keys), text
    assert index.runs() == scan.runs()


def beginnings(names: Any) -> Iterator[str]:
    for name in sorted(names)[:3]:
        yield from (
            name,
            name[: len(name) // 2],
            name.rpartition(".")[0][-38:],
            f"{name[-42:]}",
            name.partition(".")[2],
        )
        yield from (part[:2] for part in name.split("."))


def said(rows: Any) -> list[tuple[Any, ...]]:
    return [said_of(row) for row in rows]


def said_of(row: Row) -> tuple[Any, ...]:
    completion = repr(row.completion)
    return row.task_id, row.keys, row.finished or 0.0, completion, row.run_id, row.input_keys(), repr(row.fields())


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    """A storage whose record has 40 tasks in two segments."""
    (tmp_path / "storage").mkdir()
    storage = LocalStorage(tmp_path / "storage")
    for first in (0, 20):
        segment = HandWritten(storage, f"20260101T0000000{first}0-abcd")
        segment.made(*(Load(number) for number in range(first, first + 20)))
        for number in range(20):
            segment.done(number, first + number, [(7, b"\x01" * 16)])
        segment.writer.close()
    return storage


def fields_in(index: RowSource) -> list[int]:
    return sorted(row.fields()["value"] for row in index.newest(EntryFilter()))


def test_only_what_is_new_is_read(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    indexed(storage)
    space = storage.reserved("record")
    read: list[tuple[str, int]] = []
    original = type(space).read

    def counted(self: Any, name: str, start: int = 0) -> bytes:
        read.append((name, start))
        return original(self, name, start)

    monkeypatch.setattr(type(space), "read", counted)
    assert fields_in(indexed(storage)) == [*range(40)]
    assert read == []

    segment = HandWritten(storage)
    segment.made(Load(40))
    segment.done(0, 1)
    indexed(storage)
    [(name, start)] = read
    assert start == 0
    size = (Path(storage.base_path) / ".alexflow/record" / name).stat().st_size
    segment.made(Load(41))
    assert fields_in(indexed(storage)) == [*range(42)]
    assert read[1:] == [(name, size)]
    segment.writer.close()


def test_segments_that_are_gone_are_left_out(storage: LocalStorage) -> None:
    indexed(storage)
    space = storage.reserved("record")
    space.remove(next(name for name in space.names() if name.endswith(".segment")))  # either: names are not in order
    left = fields_in(indexed(storage))
    assert left in ([*range(20)], [*range(20, 40)])
    assert left == fields_in(ScannedRows(storage.reserved_below("record")))


@pytest.mark.parametrize("damage", ["cut", "scrambled", "no database"])
def test_a_damaged_index_is_made_again(storage: LocalStorage, damage: str) -> None:
    path = Path(index_path(tuple(storage.reserved_below("record"))) or "")
    indexed(storage)
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "scrambled":
        path.write_bytes(content[:100] + bytes(len(content) - 100))
    else:
        path.write_bytes(b"no database at all" * 100)
    assert fields_in(indexed(storage)) == [*range(40)]


def test_damage_that_is_met_while_reading_is_mended(storage: LocalStorage) -> None:
    path = Path(index_path(tuple(storage.reserved_below("record"))) or "")
    index = indexed(storage)
    content = bytearray(path.read_bytes())
    page = int.from_bytes(content[16:18])
    with sqlite3.connect(path) as connection:
        [(root,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'task'")
    connection.close()
    content[(root - 1) * page : root * page] = os.urandom(page)
    path.write_bytes(content)
    assert index.of_task(Load(3).task_id)[0].fields() == {"value": 3}


def test_an_update_that_fails_changes_nothing(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    indexed(storage)
    segment = HandWritten(storage)
    segment.made(Load(40))
    segment.done(0, 1)
    segment.writer.close()

    def broken(data: bytes, start: int) -> Any:
        raise OSError("the disk's")

    with monkeypatch.context() as patched:
        patched.setattr(update, "frames_in", broken)
        with pytest.raises(OSError, match="the disk's"):
            indexed(storage)
    assert fields_in(indexed(storage)) == [*range(41)]


def test_small_records_have_no_index(storage: LocalStorage) -> None:
    assert len(list(Record(storage).entries())) == 40
    assert not [name for name in storage.reserved("record").names() if "sqlite" in name]


def test_where_the_storage_cannot_be_written_it_is_in_the_cache(
    storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spaces = tuple(storage.reserved_below("record"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert str(tmp_path / "cache" / "alexflow" / "index") in (index_path(spaces) or "")
    monkeypatch.setenv("ALEXFLOW_INDEX", str(tmp_path / "own"))
    assert (index_path(spaces) or "").startswith(str(tmp_path / "own"))
    assert fields_in(indexed(storage)) == [*range(40)]
