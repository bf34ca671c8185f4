"""5: SIGKILL at each system call of publishing: the final key is absent or complete; what is left is swept by age."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from alexflow import LocalStorage
from alexflow.storage.local import digest_store
from alexflow.storage.local.read import MAX_INLINE_BYTES
from alexflow.storage.local.staging_area import STALE_AFTER
from tests.faults.publisher import Publisher
from tests.faults.publisher_process import content

#: What the interpreter does for itself.
OWN = {"brk", "mmap", "munmap", "mremap", "madvise", "futex", "read", "restart_syscall", "exit_group", "rt_sigprocmask"}

LARGE = MAX_INLINE_BYTES + 1

WAYS = {
    "small": ("key", 20, ()),
    "large": ("key", LARGE, ()),
    "directory": ("dir/sub/key", 20, ()),
    "named": ("key", 20, ("named",)),
    "named, large": ("dir/key", LARGE, ("named",)),
    "replace": ("key", 20, ("replace",)),
    "replace, named": ("key", LARGE, ("replace", "named")),
    "notes": ("dir/key", 20, ("notes",)),
    "notes, named": ("key", 20, ("notes", "named")),
    "stream": ("dir/key", LARGE, ("stream",)),
    "stream, named": ("key", LARGE, ("stream", "named")),
    "path": ("dir/key", LARGE, ("path",)),
    "fsync": ("dir/key", 20, ("fsync",)),
    "fsync, small": ("key", 20, ("fsync",)),
    "fsync, replace": ("key", 20, ("fsync", "replace")),
}


@pytest.fixture
def disk() -> Iterator[Path]:
    """A directory that is not below the test's own: a path of constant length, whatever the test is called."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


@pytest.mark.parametrize("way", WAYS)
def test_killed_at_each_system_call(disk, way, monkeypatch):
    key, size, how = WAYS[way]
    if "notes" in how:
        monkeypatch.setattr(digest_store, "_set", None)
        monkeypatch.setattr(digest_store, "_get", None)
    old = content(10, b"0") if "replace" in how else None
    new = content(size, b"2" if "replace" in how else b"1")

    with Publisher(key, size, how) as publisher:
        storage = prepared(disk / "first", key, old)
        trace = disk / "trace"
        assert publisher.publish(storage, "-o", str(trace)) == 0
        assert storage.read(key) == new
        calls = Counter(re.findall(r"^(?:\d+ +)?(\w+)\(", trace.read_text(), re.MULTILINE))
        assert "write" in calls
        assert any(name.startswith(("link", "rename")) for name in calls)  # which of them depends on the machine

        outcomes = Counter[bytes | None]()
        for name in sorted(set(calls) - OWN):
            for nth in range(1, calls[name] + 1):
                storage = prepared(disk / f"{name}-{nth}", key, old)
                inject = f"inject={name}:signal=KILL:when={nth}"
                assert publisher.publish(storage, "-e", inject) == -signal.SIGKILL
                outcomes[absent_or_complete(storage, key, old, new)] += 1
                swept_by_age(storage, key)
                assert storage.write(key, new, replace="replace" in how) or storage.read(key) == new
                assert storage.verify().good == 1
    assert outcomes[old] >= 3  # before the link, and
    assert outcomes[new] >= 1  # after it: the descriptor is closed, the directory synced


def test_a_file_system_that_refuses_unnamed_files(disk):
    storage = prepared(disk / "storage", "key", None)
    with Publisher("key", 20, ()) as publisher:
        trace = disk / "trace"
        refuse = ("-e", "inject=openat:error=EOPNOTSUPP:when=1..2")
        assert publisher.publish(storage, *refuse, "-o", str(trace)) == 0
    assert "O_TMPFILE" in trace.read_text()
    assert ".alexflow/staging/" in trace.read_text()
    assert storage.read("key") == content(20, b"1")
    assert files_below(storage) == {"key"}


def prepared(path: Path, key: str, old: bytes | None) -> LocalStorage:
    storage = LocalStorage(path)
    storage.prepare()
    if old is not None:
        storage.write(key, old)
    return storage


def absent_or_complete(storage: LocalStorage, key: str, old: bytes | None, new: bytes) -> bytes | None:
    """Return the bytes under the key, which are the old or the new ones, with their digest."""
    found = storage.verify()
    assert (found.damaged, found.unrecorded) == ((), 0)
    if storage.exists_many([key]):
        assert (found.good, list(storage.list())) == (1, [key])
        assert storage.read(key) in (old, new)
        return storage.read(key)
    assert old is None
    assert list(storage.list()) == []
    return None


def swept_by_age(storage: LocalStorage, key: str) -> None:
    """Stale files are left alone while they are young, and are gone once they are old."""
    left = sorted(Path(storage.base_path, ".alexflow/staging").glob("*"))
    assert len(left) <= 2  # a file, and where it was written to through a path, its directory
    storage.prepare()
    then = time.time() - STALE_AFTER - 1
    for file in left:
        assert file.exists()
        os.utime(file, (then, then))
    storage.prepare()
    assert not any(file.exists() for file in left)
    assert files_below(storage) <= {key, f".alexflow/digests/{key}"}


def files_below(storage: LocalStorage) -> set[str]:
    base = Path(storage.base_path)
    return {str(file.relative_to(base)) for file in base.rglob("*") if file.is_file()}
