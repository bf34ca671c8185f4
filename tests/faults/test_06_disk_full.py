"""6: a full disk: the task fails once, with ENOSPC and the path; nothing is under its key; other storages go on."""

from __future__ import annotations

import asyncio
import errno

import pytest

from alexflow import Engine, Retry
from alexflow.errors import RunFailed, StorageFull
from alexflow.storage.local.read import MAX_INLINE_BYTES
from tests.faults.bulky_tasks import Bulky, BulkyInThread, BulkyOnLoop, Scratch, StoresTwo
from tests.faults.disks import free_bytes, keys_in, small_disk
from tests.faults.workflows import Number

pytestmark = pytest.mark.anyio

MB = 1024 * 1024


def the_fault(failed: RunFailed) -> StorageFull:
    """Return the error of a failed run: of one task that the storage had no room for."""
    (error,) = failed.exceptions
    assert isinstance(error.__cause__, StorageFull)
    assert error.attempts == 1
    return error.__cause__


@pytest.mark.parametrize("kind", [Bulky, BulkyInThread, BulkyOnLoop])
async def test_larger_than_the_disk(disk, log, kind, tmp_path):
    before = free_bytes(disk)
    task = kind(1, str(log), 3 * MB)
    async with Engine(disk, workers=1, retry=Retry(3, delay=0)) as engine, Engine(tmp_path / "other") as other:
        elsewhere = asyncio.create_task(other.run(task))
        with pytest.raises(RunFailed) as failed:
            await engine.run(task)
        fault = the_fault(failed.value)
        path = f"{disk}/{task.output().key}"
        assert (fault.errno, fault.path) == (errno.ENOSPC, path)
        assert f"cannot write {path}: No space left on device (ENOSPC)" in str(failed.value.exceptions[0])
        assert (await elsewhere).ok
        assert log.read_text().split() == ["1", "1"]  # once here, and once elsewhere

        assert keys_in(disk) == set()
        assert free_bytes(disk) >= before - 64 * 1024  # but for what directories need
        assert (await engine.run(Number(1))).output.load() == 1


async def test_full_of_small_ones(disk, log):
    """Each fits until the last: those that fitted are there and whole, and the rest has no file at all."""
    tasks = [Bulky(n, str(log), MAX_INLINE_BYTES // 2) for n in range(30)]
    async with Engine(disk, workers=2, retry=Retry(3, delay=0)) as engine:
        result = await engine.run(tasks, on_error="continue")
    assert 0 < len(result.failures) < 30
    assert all(isinstance(error.__cause__, StorageFull) for error in result.failures)
    assert sorted(map(int, log.read_text().split())) == list(range(30))
    found = await engine.storage.averify()
    assert (found.ok, found.good, found.unrecorded) == (True, 30 - len(result.failures), 0)
    size = len(Bulky(0).output().encode(bytes(MAX_INLINE_BYTES // 2)))
    assert {await engine.storage.asize(key) for key in keys_in(disk)} == {size}


async def test_room_comes_back(disk, log):
    too_much, enough = StoresTwo(1, str(log), 3 * MB), StoresTwo(2, str(log), MB)
    async with Engine(disk, workers=1) as engine:
        for _ in range(3):
            with pytest.raises(RunFailed) as failed:
                await engine.run(too_much)
            the_fault(failed.value)
            assert keys_in(disk) == set()  # not the small one either
        assert (await engine.run(enough)).ok


async def test_what_was_there_stays(disk, log):
    """Also where it was to be replaced."""
    old = Bulky(1, str(log), MB)
    async with Engine(disk, workers=1) as engine:
        before = await engine.load(old.output())
        with pytest.raises(RunFailed) as failed:
            await engine.run(old, force=True)  # needs room for both
        the_fault(failed.value)
        assert await engine.load(old.output()) == before
        found = await engine.storage.averify()
        assert (found.ok, found.good, keys_in(disk)) == (True, 1, {old.output().key})


async def test_a_file_of_the_tasks_own(disk, log, place):
    """The task may know better than to give up: it follows its retries."""
    task = Scratch(1, str(log), str(disk / "scratch"))
    async with Engine(place, workers=1, retry=Retry(2, delay=0)) as engine:
        with pytest.raises(RunFailed) as failed:
            await engine.run(task)
        (error,) = failed.value.exceptions
        assert isinstance(error.__cause__, OSError)
        assert error.__cause__.errno == errno.ENOSPC
        assert log.read_text().split() == ["1"] * 3


async def test_full_before_anything_runs(disk, log):
    with small_disk(disk.parent / "full", "size=4k,nr_inodes=1") as full:  # its root is the only inode that it has
        async with Engine(full, workers=1) as engine:
            with pytest.raises(StorageFull, match=rf"cannot write in {full}: No space left on device \(ENOSPC\)"):
                await engine.run(Number(1, str(log)))
    assert log.read_text() == ""
