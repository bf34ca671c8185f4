"""The writer of segments closes its file while an engine is idle, and goes on in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from alexflow import LocalStorage, MemoryStorage, Storage
from alexflow.record import segment_writer
from alexflow.record.lines import ClosedLine
from alexflow.record.segment_writer import SegmentWriter


def writer_on(storage: Storage) -> SegmentWriter:
    space = storage.reserved("record")
    assert space is not None
    return SegmentWriter(space)


def begun(storage: Storage) -> SegmentWriter:
    writer = writer_on(storage)
    writer.begin()
    writer.flush()
    return writer


@pytest.fixture(params=["local", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return LocalStorage(tmp_path) if request.param == "local" else MemoryStorage()


def contents(storage: Storage) -> list[bytes]:
    space = storage.reserved("record")
    assert space is not None
    return [space.read(name) for name in space.names()]


def test_it_goes_on_in_the_same_file_after_a_rest(storage: Storage) -> None:
    writer = begun(storage)
    (before,) = contents(storage)
    writer.rest()
    assert writer.goes_on()
    writer.add(ClosedLine(1))
    writer.flush()
    (after,) = contents(storage)
    writer.close()
    assert after.startswith(before)
    assert len(after) > len(before)


def test_the_end_is_written_after_a_rest(storage: Storage) -> None:
    writer = begun(storage)
    (before,) = contents(storage)
    writer.rest()
    writer.close()
    (after,) = contents(storage)
    assert after.startswith(before)
    assert len(after) > len(before)


def test_it_sees_that_its_file_was_removed_during_a_rest(storage: Storage) -> None:
    writer = begun(storage)
    writer.rest()
    space = storage.reserved("record")
    assert space is not None
    (name,) = space.names()
    space.remove(name)
    assert not writer.goes_on()
    assert not writer.is_open
    writer.begin()
    writer.flush()
    writer.close()
    assert len(contents(storage)) == 1


def test_it_sees_that_its_file_was_removed_while_it_was_open(tmp_path: Path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(segment_writer, "REMOVAL_SEEN_WITHIN", 0.0)
    storage = LocalStorage(tmp_path / "s")
    storage.prepare()
    writer = begun(storage)
    assert writer.goes_on()
    shutil.rmtree(tmp_path / "s")
    assert not writer.goes_on()
    writer.begin()
    writer.flush()
    writer.close()
    assert len(contents(storage)) == 1
    assert caplog.text.count("was removed while it was written: what ran since is in none") == 1
    assert caplog.text.count("was removed while it was in use; it is made again") == 1


def test_it_says_at_its_end_that_its_file_was_removed(tmp_path: Path, caplog) -> None:
    writer = begun(LocalStorage(tmp_path))
    shutil.rmtree(tmp_path / ".alexflow")
    writer.close()
    assert caplog.text.count("was removed while it was written: what ran since is in none") == 1
