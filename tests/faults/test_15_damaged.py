"""15: a byte of a stored output is flipped, or its tail is cut off: found, quarantined, computed again; never good."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path

import pytest

from alexflow import Engine, LocalStorage
from alexflow.errors import OutputDamaged
from tests.faults.bulky_tasks import BulkyOnLoop
from tests.faults.disks import keys_in, small_disk
from tests.faults.workflows import Number, Reader, Sum

pytestmark = pytest.mark.anyio


def flip(path: str) -> None:
    with open(path, "r+b") as file:
        byte = file.read(1)
        file.seek(0)
        file.write(bytes([byte[0] ^ 1]))


def cut_off(path: str) -> None:
    os.truncate(path, os.path.getsize(path) - 1)


HARMS = pytest.mark.parametrize("harm", [flip, cut_off])


def quarantined(place: str) -> list[Path]:
    return sorted(path for path in Path(place, ".alexflow/quarantine").rglob("*") if path.is_file())


def get_in_the_way(place: str) -> None:
    """Put a file where the quarantine would be."""
    Path(place, ".alexflow", "quarantine").touch()


@pytest.fixture
def checked(place):
    return LocalStorage(place, check=True)


@HARMS
async def test_verified(place, log, harm):
    parts = tuple(Number(n, str(log)).output() for n in range(20))
    total = Sum(parts, "total", str(log))
    async with Engine(place, workers=2) as engine:
        await engine.run(total)
        for key in (parts[3].key, parts[7].key):
            harm(f"{place}/{key}")
        found = await engine.storage.averify()
        assert (found.good, found.unrecorded, found.missing) == (19, 0, ())
        assert {damaged.key for damaged in found.damaged} == {parts[3].key, parts[7].key}
        assert {damaged.moved_to for damaged in found.damaged} == {str(path) for path in quarantined(place)}
        assert parts[3].key not in keys_in(place)
        log.write_text("")
        result = await engine.run([total, *parts])
        assert Counter(log.read_text().split()) == {"3": 1, "7": 1}
        assert [output.load() for output in result.output] == [sum(range(20)), *range(20)]
        again = await engine.storage.averify()
        assert (again.ok, again.good) == (True, 21)


@HARMS
async def test_a_file_system_without_attributes(tmp_path, log, harm):
    with small_disk(tmp_path / "disk", "mode=755", "ramfs") as disk:
        parts = tuple(Number(n, str(log)).output() for n in range(20))
        total = Sum(parts, "total", str(log))
        async with Engine(disk, workers=2) as engine:
            await engine.run(total)
            with pytest.raises(OSError, match="supported"):
                os.setxattr(disk / total.output().key, "user.any", b"1")
            harm(f"{disk}/{parts[3].key}")
            found = await engine.storage.averify()
            assert (found.good, found.unrecorded, found.missing) == (20, 0, ())
            assert [damaged.key for damaged in found.damaged] == [parts[3].key]
            result = await engine.run([total, *parts])
            assert result.ran == 1
            assert (await engine.storage.averify()).good == 21


@HARMS
async def test_read_by_a_task(checked, log, harm):
    """A worker finds it; its task waits until the input has been computed again, and loses no attempt."""
    source = Number(1, str(log))
    reader = Reader(2, str(log), source.output())
    async with Engine(checked, workers=2) as engine:
        await engine.run(source)
        harm(f"{checked.base_path}/{source.output().key}")
        result = await engine.run(reader)
        assert result.ok
        assert await result.output.aload() == 1
        assert Counter(log.read_text().split()) == {"1": 2, "reader-2": 2}
        assert len(quarantined(checked.base_path)) == 1
        found = await engine.storage.averify()
        assert (found.ok, found.good) == (True, 2)


@HARMS
async def test_read_by_a_task_while_it_runs(checked, log, fifo, harm):
    told, gate = fifo("told"), fifo("gate")
    source = Number(1, str(log))
    reader = Reader(2, str(log), source.output(), told.path, gate.path)
    async with Engine(checked, workers=2) as engine:
        run = asyncio.create_task(engine.run(reader))
        await told.receive()
        harm(f"{checked.base_path}/{source.output().key}")
        gate.open_gate()
        await told.receive()
        gate.open_gate()
        assert (await (await run).output.aload()) == 1


@HARMS
@pytest.mark.parametrize("size", [10, 1_000_000])
async def test_read_by_the_program(checked, log, harm, size):
    output = BulkyOnLoop(1, str(log), size).output()
    async with Engine(checked, workers=1) as engine:
        value = await engine.load(output)
        harm(f"{checked.base_path}/{output.key}")
        assert await engine.load(output) == value == bytes(size)
        assert log.read_text().split() == ["1", "1"]
        harm(f"{checked.base_path}/{output.key}")
        with pytest.raises(OutputDamaged):
            await output.assign_storage(checked).aload()
        assert (await engine.run(output)).ran == 1
    assert len(quarantined(checked.base_path)) == 2


async def test_it_cannot_be_moved_away(checked, log):
    """Then it fails, rather than to go round for ever, or to be taken for good."""
    source = Number(1, str(log))
    async with Engine(checked, workers=1, executor="thread") as engine:
        await engine.run(source)
        flip(f"{checked.base_path}/{source.output().key}")
        get_in_the_way(checked.base_path)
        result = await engine.run(Reader(2, str(log), source.output()), on_error="continue")
        (error,) = result.failures
        assert isinstance(error.__cause__, OutputDamaged)
        assert error.__cause__.moved_to == ""
