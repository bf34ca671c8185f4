"""The storage that results go to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import alexflow
from alexflow import LocalStorage, MemoryStorage
from alexflow.errors import IncompatibleStorage, UnknownStorage
from tests.engine.workflows import ProcessStep, Step, ThreadStep


@pytest.mark.parametrize("kind", ["text", "path", "url", "storage", "memory", "memory url"])
def test_every_kind(kind, tmp_path):
    place = tmp_path / "results"
    storage = {
        "text": str(place),
        "path": place,
        "url": f"file://{place}",
        "storage": LocalStorage(place),
        "memory": MemoryStorage(),
        "memory url": "memory://",
    }[kind]
    result = alexflow.run(Step(1), storage=storage)
    assert result.output.load() == 1
    assert result.output.storage is not None
    if "memory" not in kind:
        assert sorted(os.listdir(place)) == [".alexflow", Step(1).output().key]


def test_none_is_the_environments(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXFLOW_STORAGE", str(tmp_path / "elsewhere"))
    assert alexflow.run(Step(1)).output.load() == 1
    assert os.listdir(tmp_path / "elsewhere")


def test_none_without_environment_is_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.delenv("ALEXFLOW_STORAGE", raising=False)
    monkeypatch.chdir(tmp_path)
    assert alexflow.run(ProcessStep(1), workers=1).output.load() == 1
    assert os.listdir(tmp_path / ".alexflow")


def test_a_directory_that_is_missing_with_its_parent(tmp_path):
    with pytest.raises(UnknownStorage, match="there is no directory"):
        alexflow.run(Step(1), storage=tmp_path / "no" / "results")


def test_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UnknownStorage, match="is a file, not a directory"):
        alexflow.run(Step(1), storage=tmp_path / "file")


def test_a_link_that_leads_nowhere(tmp_path):
    (tmp_path / "link").symlink_to("nowhere/results")
    with pytest.raises(UnknownStorage, match="is a symbolic link that leads nowhere"):
        alexflow.run(Step(1), storage=tmp_path / "link")


def test_memory_cannot_be_reached_from_processes(ran):
    with pytest.raises(IncompatibleStorage) as caught:
        alexflow.run([Step(1), Step(2, (ProcessStep(3).output(),))], storage=MemoryStorage())
    assert ProcessStep(3).task_id in str(caught.value)
    assert "use a LocalStorage, or executor='thread'" in str(caught.value)
    assert ran == []  # before anything ran


def test_memory_with_threads():
    tasks = [ThreadStep(1), Step(2)]
    assert [output.load() for output in alexflow.run(tasks, storage=MemoryStorage()).output] == [1, 2]
    engine_wide = alexflow.run(ProcessStep(3), storage=MemoryStorage(), executor="thread")
    assert engine_wide.output.load() == 3


def test_the_storage_of_an_engine_is_known_before_it_opens(tmp_path):
    engine = alexflow.Engine(Path(tmp_path) / "results")
    assert isinstance(engine.storage, LocalStorage)
    assert not (tmp_path / "results").exists()
