"""``LocalStorage(fsync=True)``: the bytes are on the disk before the name is seen, the name before anybody is told."""

from __future__ import annotations

import asyncio
import os
import pickle
import re

import pytest

from alexflow import LocalStorage
from alexflow.storage.local import publish
from alexflow.storage.local.read import MAX_INLINE_BYTES
from tests.faults.publisher import Publisher

FILE, NAME = "file", "name"


def steps(trace: str, base: str, key: str) -> list[str]:
    """Return the paths below ``base`` that were synced, and the place where the output got its name."""
    found: list[str] = []
    for line in trace.splitlines():
        if synced := re.search(r"\bfsync\(\d+<(.*?)>", line):
            path = synced[1]
            found.append(os.path.relpath(path, base) if os.path.isdir(path) else FILE)
        elif re.search(r"\b(link|rename)\w*\(", line) and re.findall(r'"(.*?)"', line)[-1] == f"{base}/{key}":
            found.append(NAME)
    return found


@pytest.mark.parametrize("size", [10, MAX_INLINE_BYTES + 1])
@pytest.mark.parametrize("how", [(), ("named",), ("replace",)])
@pytest.mark.parametrize(("key", "way"), [("key", ["."]), ("dir/sub/key", ["dir/sub", "dir", "."])])
def test_in_this_order(tmp_path, size, how, key, way):
    storage = LocalStorage(tmp_path / "storage")
    storage.prepare()
    with Publisher(key, size, ("fsync", *how)) as publisher:
        trace = tmp_path / "trace"
        assert publisher.publish(storage, "-y", "-o", str(trace)) == 0
    assert steps(trace.read_text(), storage.base_path, key) == [FILE, NAME, *way, ".."]


def test_the_way_is_synced_once(tmp_path, monkeypatch):
    synced: list[str] = []
    monkeypatch.setattr(publish, "sync_directory", synced.append)
    storage = LocalStorage(tmp_path / "storage", fsync=True)
    storage.prepare()
    base = storage.base_path
    for key in ("dir/a", "dir/b", "c"):
        storage.write(key, b"1")
    assert synced == [f"{base}/dir", base, str(tmp_path), f"{base}/dir", base, str(tmp_path)]
    storage.write("c", b"2")  # who comes second may be told before the first, whose name it is
    assert synced[6:] == [base]


def test_the_way_ends_at_the_root(monkeypatch):
    synced: list[str] = []
    monkeypatch.setattr(publish, "sync_directory", synced.append)
    root = LocalStorage("/", fsync=True)
    publish.SyncedNames(root.base_path).sync(root.path_of("mnt/outputs/key"))
    assert synced == ["//mnt/outputs", "//mnt", "//", "//"]


def test_on_the_event_loop(tmp_path):
    """Blockbuster (tests/conftest.py) raises if the loop waits for the disk."""
    storage = LocalStorage(tmp_path / "storage", fsync=True)
    storage.prepare()
    for size in (1, MAX_INLINE_BYTES + 1):
        assert asyncio.run(storage.awrite(f"{size}", bytes(size))) is True
        assert asyncio.run(storage.awrite(f"{size}", b"other")) is False
        assert storage.read(f"{size}") == bytes(size)
    assert storage.verify().good == 2


def test_it_is_a_way_of_storing_not_another_place(tmp_path):
    plain, durable = LocalStorage(tmp_path), LocalStorage(tmp_path, fsync=True)
    assert plain == durable
    assert pickle.loads(pickle.dumps(durable)).fsync is True
