"""Segments are merged: the record says the same, to readers that come meanwhile as well."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import JSONOutput, LocalStorage, RemoteStorage, Storage, Task, open_record
from alexflow.record.index.place import index_path
from alexflow.record.index.rows import IndexedRows
from alexflow.record.merging import merge, remove_superseded, segment_groups
from alexflow.record.row_source import EntryFilter, RowSource
from alexflow.record.scan import ScannedRows
from alexflow.retention import merge_segments, would_merge
from alexflow.storage.local.spaces import LocalSpace
from tests.record.segments import HandWritten


@dataclass(frozen=True)
class Load(Task):
    number: int

    def output(self) -> Any:
        return self.build_output(JSONOutput, key="data.json")

    async def run(self, input: Any, output: Any) -> None:
        await output.astore(self.number)


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    """A storage with six segments of five tasks each."""
    (tmp_path / "storage").mkdir()
    storage = LocalStorage(tmp_path / "storage")
    for first in range(0, 30, 5):
        segment = HandWritten(storage, f"20260101T00000000{first}-abcd")
        segment.made(*(Load(number) for number in range(first, first + 5)))
        for number in range(5):
            segment.done(number, first + number)
        segment.writer.close()
    return storage


def space_of(storage: Storage) -> Any:
    return storage.reserved("record")


def segments(storage: Storage) -> list[str]:
    return [name for name in space_of(storage).names() if name.endswith(".segment")]


def numbers(rows: RowSource) -> list[int]:
    return sorted(row.fields()["number"] for row in rows.newest(EntryFilter()))


def scanned(storage: Storage) -> list[int]:
    return numbers(ScannedRows(storage.reserved_below("record")))


def indexed(storage: Storage) -> list[int]:
    spaces = tuple(storage.reserved_below("record"))
    return numbers(IndexedRows(index_path(spaces) or "", spaces))


def test_many_become_one_that_says_the_same(storage: LocalStorage) -> None:
    assert indexed(storage) == [*range(30)]
    before = ScannedRows(storage.reserved_below("record")).runs()
    assert would_merge(space_of(storage))[:2] == (6, 1)
    assert asyncio.run(merge_segments(storage))[:2] == (6, 1)
    assert len(segments(storage)) == 1
    assert scanned(storage) == indexed(storage) == [*range(30)]
    assert ScannedRows(storage.reserved_below("record")).runs() == before
    assert asyncio.run(merge_segments(storage))[:2] == (0, 0)


def test_what_was_merged_can_be_merged_again(storage: LocalStorage) -> None:
    asyncio.run(merge_segments(storage))
    segment = HandWritten(storage)
    segment.made(Load(30))
    segment.done(0, 1)
    segment.writer.close()
    assert indexed(storage) == [*range(31)]
    assert asyncio.run(merge_segments(storage))[:2] == (2, 1)
    assert scanned(storage) == indexed(storage) == [*range(31)]


def test_groups_have_a_size(storage: LocalStorage) -> None:
    one = len(space_of(storage).read(segments(storage)[0]))
    groups = list(segment_groups(space_of(storage), one * 3))
    assert [len(group.files) for group in groups] == [3, 3]


def test_a_segment_that_is_written_stays(storage: LocalStorage) -> None:
    segment = HandWritten(storage)
    segment.made(Load(30))
    asyncio.run(merge_segments(storage))
    assert len(segments(storage)) == 2
    segment.done(0, 1)
    segment.writer.close()
    assert scanned(storage) == indexed(storage) == [*range(31)]


def test_a_merge_that_is_killed_before_it_removes_anything(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert indexed(storage) == [*range(30)]
    (group,) = segment_groups(space_of(storage))
    with monkeypatch.context() as patched:
        patched.setattr(LocalSpace, "remove", lambda *_: None)
        merge(space_of(storage), group)
    assert len(segments(storage)) == 7
    assert scanned(storage) == indexed(storage) == [*range(30)]
    assert list(segment_groups(space_of(storage))) == []
    assert remove_superseded(space_of(storage)) == 6
    assert scanned(storage) == indexed(storage) == [*range(30)]


@pytest.mark.parametrize("read", [scanned, indexed])
def test_a_reader_that_has_listed_what_is_merged_meanwhile(
    storage: LocalStorage, read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = list(segment_groups(space_of(storage)))
    original = LocalSpace.read

    def meanwhile(self: Any, name: str, start: int = 0) -> bytes:
        while groups:
            merge(self, groups.pop())
        return original(self, name, start)

    monkeypatch.setattr(LocalSpace, "read", meanwhile)
    assert read(storage) == [*range(30)]
    assert groups == []


def test_parts_on_an_object_store(tmp_path: Path) -> None:
    storage = RemoteStorage(f"local://{tmp_path}/storage")
    for first in range(0, 9, 3):
        alexflow.run([Load(number) for number in range(first, first + 3)], storage=storage)
    assert len(segments(storage)) >= 6
    runs = open_record(storage).runs()
    assert asyncio.run(merge_segments(storage)).segments == 1
    assert len(segments(storage)) == 1
    assert scanned(storage) == indexed(storage) == [*range(9)]
    assert open_record(storage).runs() == runs
