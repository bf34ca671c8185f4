"""7: out of inodes: as a full disk."""

from __future__ import annotations

import errno

import pytest

from alexflow import Engine, Retry
from alexflow.errors import StorageFull
from tests.faults.disks import free_bytes, keys_in, small_disk
from tests.faults.workflows import Number

pytestmark = pytest.mark.anyio


async def test_out_of_inodes(tmp_path, log, place):
    with small_disk(tmp_path / "disk", "size=2m,nr_inodes=64") as disk:
        tasks = [Number(n, str(log)) for n in range(100)]
        async with Engine(disk, workers=2, retry=Retry(3, delay=0)) as engine:
            result = await engine.run(tasks, on_error="continue")
        assert free_bytes(disk) > 1024 * 1024  # it is not the room that lacks
        assert 0 < len(result.failures) < 100
        for error in result.failures:
            fault = error.__cause__
            assert isinstance(fault, StorageFull)
            assert fault.errno == errno.ENOSPC
            assert fault.path.startswith(f"{disk}/")
            assert fault.path.rpartition("/")[2] not in keys_in(disk)
        assert sorted(map(int, log.read_text().split())) == list(range(100))  # once each
        found = await engine.storage.averify()
        assert (found.ok, found.good, found.unrecorded) == (True, 100 - len(result.failures), 0)

        async with Engine(place, workers=2) as other:
            assert (await other.run(tasks)).ran == 100
