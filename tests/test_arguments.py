"""Values of a wrong type, where users give them: each is refused at once, by a line that names it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import LocalStorage, MemoryStorage, RemoteStorage, ResourceSpec
from alexflow.errors import AlexflowError, UnknownStorage
from alexflow.storage import CacheStorage, PrefixStorage

#: What takes a value: a name that the message has, a call, and values that are none.
TAKEN: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "prefix": (lambda value, path: PrefixStorage(MemoryStorage(), value), [None, 3, b"x", Path("x"), ["x"]]),
    "CacheStorage.directory": (lambda value, path: CacheStorage(MemoryStorage(), value), [None, 3, b"x"]),
    "CacheStorage.max_bytes": (
        lambda value, path: CacheStorage(MemoryStorage(), path, value),
        [None, "1GB", 1.5, True],
    ),
    "base_path": (lambda value, path: LocalStorage(value), [None, 3, b"x", ["x"], MemoryStorage()]),
    "remote storage": (lambda value, path: RemoteStorage(value), [None, 3, b"s3://x", Path("s3://x/y")]),
    "concurrency": (lambda value, path: RemoteStorage("s3://b/x", concurrency=value), [0, "1", math.nan]),
    "ResourceSpec.gpus": (lambda value, path: ResourceSpec(gpus=value), [math.nan, math.inf, "two"]),
    "ResourceSpec.cpus": (lambda value, path: ResourceSpec(cpus=value), [math.nan, "two"]),
    "a prefix of keys": (lambda value, path: list(LocalStorage(path).list(value)), [3, [], {"a": 1}]),
    "cls": (lambda value, path: list(record(path).entries(value)), [3, b"x", ["Train"], object()]),
    "newer": (lambda value, path: list(record(path).entries(newer=value)), ["2d", 3, object()]),
    "where": (lambda value, path: list(record(path).entries(where=value)), ["depth=3", 3, [("depth", 3)]]),
    "the path of a condition": (lambda value, path: list(record(path).entries(where={value: 3})), [1, None]),
    "values": (lambda value, path: record(path).table("Train", value), ["m.json:a", 3, ["m.json:a"]]),
    "the column a": (lambda value, path: record(path).table("Train", {"a": value}), [1, None]),
    "the record is asked for": (lambda value, path: record(path).reports(value), [None, 3, b"x"]),
    "workers": (lambda value, path: alexflow.Engine(path, workers=value), [True]),
    "max_concurrency": (lambda value, path: alexflow.Engine(path, max_concurrency=value), [True]),
    "max_deaths": (lambda value, path: alexflow.Engine(path, max_deaths=value), [True]),
    "lease_ttl": (lambda value, path: alexflow.Engine(path, lease_ttl=value), [True]),
    "Recycle.tasks": (lambda value, path: alexflow.Recycle(tasks=value), [True]),
}


def test_a_working_directory_that_was_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(UnknownStorage, match="the working directory has been removed, so 'results' leads nowhere"):
        alexflow.open_storage("results")
    assert alexflow.open_storage(tmp_path) == LocalStorage(tmp_path)


def record(path: Path) -> Any:
    return alexflow.open_record(LocalStorage(path))


def cases() -> list[tuple[str, Any]]:
    return [(name, value) for name, (_, values) in TAKEN.items() for value in values]


@pytest.mark.parametrize(("name", "value"), cases())
def test_it_is_refused(tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(AlexflowError, match=name) as refused:
        TAKEN[name][0](value, tmp_path)
    assert "\n" not in str(refused.value)
