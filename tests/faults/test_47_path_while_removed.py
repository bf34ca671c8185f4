"""47: a path of any storage, while others evict, remove or replace: the file is there until its block is left."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from alexflow import LocalStorage, MemoryStorage, open_storage
from alexflow.errors import OutputNotFound
from alexflow.storage import CacheStorage, OverlayStorage, PrefixStorage, Transaction
from alexflow.storage.local.read import MAX_INLINE_BYTES
from tests.faults.disks import remount, small_disk


def local(root):
    storage = LocalStorage(root / "results")
    storage.prepare()
    return storage


def over(root):
    base = LocalStorage(root / "base")
    base.prepare()
    return OverlayStorage(base, local(root))


def cache(root):
    storage = CacheStorage(local(root), root / "copies")
    storage.prepare()
    return storage


STORAGES = {
    "local": local,
    "local, checking": lambda root: local(root).checking(),
    "local, strict": lambda root: LocalStorage(local(root).base_path, check="strict"),
    "memory": lambda root: MemoryStorage(),
    "overlay": over,
    "prefix": lambda root: PrefixStorage(local(root), "team/mine"),
    "cache": cache,
    "cache of a part": lambda root: CacheStorage(PrefixStorage(local(root), "team"), root / "copies"),
    "transaction": lambda root: Transaction(local(root)),
}


@pytest.fixture(params=[*STORAGES, "seaweedfs"])
def storage(request, tmp_path):
    if request.param not in STORAGES:
        behind = request.getfixturevalue("server")(request.param)
        return open_storage(behind.url(), **behind.options)
    return STORAGES[request.param](tmp_path)


def write(storage, key, data, **how):
    storage.write(key, data, **how)
    if isinstance(storage, Transaction):
        storage.publish_all()


@pytest.mark.parametrize("size", [10, MAX_INLINE_BYTES + 1])
@pytest.mark.parametrize("harm", ["remove", "replace", "everything"])
def test_it_stays(storage, harm, size, tmp_path):
    write(storage, "dir/key.bin", b"1" * size)
    with storage.path("dir/key.bin") as path:
        assert path.name == "key.bin"
        if harm == "remove":
            storage.remove_many(["dir/key.bin"])
        elif harm == "replace" and not isinstance(storage, Transaction):
            storage.write("dir/key.bin", b"2", replace=True)
        elif harm == "everything":
            for place in ("results/dir", "results/team", "copies"):
                for directory, _, names in os.walk(tmp_path / place):
                    for name in names:
                        if ".alexflow" not in directory:
                            os.unlink(os.path.join(directory, name))
        assert path.read_bytes() == b"1" * size
        assert os.path.getsize(path) == size
        told = [sys.executable, "-c", "import sys; print(len(open(sys.argv[1], 'rb').read()))", path]
        assert subprocess.run(told, check=True, capture_output=True).stdout.strip() == b"%d" % size
    assert not path.exists()
    assert not path.parent.exists()


def test_on_the_loop(storage):
    async def read():
        async with storage.apath("key") as path:
            await storage.aremove_many(["key"])
            return await asyncio.to_thread(path.read_bytes)

    if isinstance(storage, Transaction):
        write(storage, "key", b"1")
    else:
        asyncio.run(storage.awrite("key", b"1"))
    assert asyncio.run(read()) == b"1"


def test_what_is_not_there(storage):
    with pytest.raises(OutputNotFound) as missing, storage.path("none"):
        pass
    assert missing.value.key == "none"


def test_others_evict(tmp_path):
    """A cache that has room for a few, and many who read: no path is ever without its file, or with another's bytes."""
    far = LocalStorage(tmp_path / "far")
    far.prepare()
    for number in range(40):
        far.write(f"k{number}", bytes([number]) * 100_000)
    storage = CacheStorage(far, tmp_path / "copies", max_bytes=500_000)
    storage.prepare()
    over = threading.Event()

    def read_all_the_while():
        number = 0
        while not over.is_set():
            storage.read(f"k{number % 40}")
            number += 1

    def by_path(number):
        with storage.path(f"k{number % 40}") as path:
            first = path.read_bytes()
            os.sched_yield()
            return first == path.read_bytes() == bytes([number % 40]) * 100_000

    with ThreadPoolExecutor(6) as threads:
        reading = [threads.submit(read_all_the_while) for _ in range(2)]
        try:
            assert all(threads.map(by_path, range(1000)))
        finally:
            over.set()
        assert [each.result() for each in reading] == [None, None]
    assert os.listdir(tmp_path / "copies/.alexflow/staging") == []


def test_others_remove_and_make(tmp_path):
    storage = local(tmp_path)
    over = threading.Event()

    def make_and_remove():
        while not over.is_set():
            storage.write("key", b"1" * 1000, replace=True)
            storage.remove_many(["key"])

    found = 0
    with ThreadPoolExecutor(2) as threads:
        making = [threads.submit(make_and_remove) for _ in range(2)]
        try:
            while found < 200:
                try:
                    with storage.path("key") as path:
                        assert path.read_bytes() == b"1" * 1000
                        found += 1
                except OutputNotFound:
                    pass
        finally:
            over.set()
        assert [each.result() for each in making] == [None, None]


def test_the_file_itself_where_it_can_be(tmp_path):
    """A second name, not a copy: what is large costs nothing."""
    storage = local(tmp_path)
    storage.write("key", b"1")
    with storage.path("key") as path, CacheStorage(storage, tmp_path / "copies").path("key") as copied:
        assert os.path.samefile(path, storage.path_of("key"))
        assert not os.path.samefile(path, copied)


def test_a_copy_where_nothing_can_be_written(tmp_path):
    with small_disk(tmp_path / "disk", "size=2m") as disk:
        LocalStorage(disk).write("key", b"1" * 1000)
        remount(disk, "ro")
        with LocalStorage(disk, check=True).path("key") as path:
            assert path.read_bytes() == b"1" * 1000
            assert Path(disk) not in path.parents
        assert not path.parent.exists()


def take_all_inodes(disk):
    for number in range(100):
        (disk / f"other{number}").touch()


def test_a_copy_where_nothing_fits(tmp_path):
    with small_disk(tmp_path / "disk", "size=2m,nr_inodes=16") as disk:
        storage = LocalStorage(disk)
        storage.write("key", b"1" * 1000)
        with pytest.raises(OSError, match="No space left"):
            take_all_inodes(disk)
        with storage.path("key") as path:
            storage.remove_many(["key"])
            assert path.read_bytes() == b"1" * 1000
        assert not path.parent.exists()
        shutil.rmtree(disk, ignore_errors=True)
