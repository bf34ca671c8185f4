"""Copies carry the record of what is copied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import LocalStorage, MemoryStorage, Storage
from alexflow.errors import NotRecorded
from alexflow.record import diff_storages
from alexflow.storage import PrefixStorage, copy
from tests.record.segments import HandWritten, stored_in
from tests.record.test_reading import DEEP, LOAD, TRAIN

TASKS = (LOAD, TRAIN, DEEP)
KEYS = [task.output().key for task in TASKS]


def filled(storage: Storage) -> Storage:
    storage.prepare()
    segment = HandWritten(storage)
    segment.made(*TASKS)
    for number, key in enumerate(KEYS):
        storage.write(key, b"x" * (number + 1))
        segment.done(number, 10 * (number + 1), stored_in(storage, key), seconds=number + 1)
    segment.writer.close()
    return storage


def entries(storage: Storage) -> dict[str, Any]:
    return {entry.task_id: entry.to_json() for entry in alexflow.open_record(storage).entries()}


@pytest.fixture
def source(tmp_path: Path) -> Storage:
    return filled(LocalStorage(tmp_path / "source"))


@pytest.mark.parametrize("kind", ["local", "memory", "part"])
def test_all_of_a_storage(source: Storage, kind: str, tmp_path: Path) -> None:
    local = LocalStorage(tmp_path / "target")
    target: Storage = {"local": local, "memory": MemoryStorage(), "part": PrefixStorage(local, "a/b")}[kind]
    assert copy(source, target).copied == 3
    assert entries(target) == entries(source)
    assert len(entries(target)) == 3
    record = alexflow.open_record(target)
    assert [run.to_json() for run in record.runs()] == [run.to_json() for run in alexflow.open_record(source).runs()]
    assert record.entry(DEEP).is_intact
    assert record.entry(DEEP).task() == DEEP
    assert {entry.task_id for entry in record.upstream(DEEP)} == {LOAD.task_id}
    assert diff_storages(alexflow.open_record(source), record).equal
    found = target.verify()
    assert (found.ok, found.good) == (True, 0 if kind == "memory" else 3), "memory keeps no digests"


def test_from_a_part_of_a_storage(tmp_path: Path) -> None:
    part, target = PrefixStorage(LocalStorage(tmp_path / "whole"), "a/b"), MemoryStorage()
    filled(part)
    copy(part, target)
    assert entries(target) == entries(part)


def test_done_again_it_writes_nothing(source: Storage) -> None:
    target = MemoryStorage()
    copy(source, target)
    space = target.reserved("record")
    names = space.names()
    copy(source, target)
    assert space.names() == names
    assert len(list(alexflow.open_record(target).all_generations())) == 3


def test_one_output_has_its_record_and_names_what_is_behind(source: Storage) -> None:
    target = MemoryStorage()
    assert copy(source, target, [KEYS[1]]).copied == 1
    assert list(entries(target)) == [TRAIN.task_id]
    record = alexflow.open_record(target)
    assert record.entry(TRAIN).task().task_id == TRAIN.task_id
    with pytest.raises(NotRecorded):
        record.entry(DEEP)
    copy(source, target)
    assert entries(target) == entries(source)


def test_what_was_there_keeps_its_own(source: Storage) -> None:
    target = MemoryStorage()
    target.write(KEYS[0], b"other bytes")
    assert copy(source, target).copied == 2
    assert set(entries(target)) == {TRAIN.task_id, DEEP.task_id}


def test_without_a_record_there_is_none_to_carry(tmp_path: Path) -> None:
    source, target = LocalStorage(tmp_path / "source"), MemoryStorage()
    source.prepare()
    source.write("key", b"data")
    assert copy(source, target).copied == 1
    assert entries(target) == {}


def test_a_record_that_cannot_be_read_holds_no_copy_up(source: Storage, caplog: pytest.LogCaptureFixture) -> None:
    space = source.reserved("record")
    assert space is not None
    space.write("20990101T000000.000-host-1-abc.segment", b"a record of another kind\n")
    target = MemoryStorage()
    assert copy(source, target).copied == 3
    assert entries(target) == {}
    assert len([each for each in caplog.records if "no longer carrying the record" in each.message]) == 1
