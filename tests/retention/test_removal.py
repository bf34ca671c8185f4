"""Removing beside engines that work, and being killed in the middle."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import LocalStorage, open_record
from alexflow.errors import StorageError
from alexflow.retention import Limits, pin, pins, reachable_from, remove, select, stored_tasks, unpin
from alexflow.retention.segments import merge_segments
from tests.kit.fifo import Fifo
from tests.retention.workflow import Block, Slow

pytestmark = pytest.mark.processes


def blocks(storage: Any, count: int) -> list[Block]:
    tasks = [Block(number) for number in range(count)]
    alexflow.run(tasks, storage=storage, progress=False)
    return tasks


def everything() -> Limits:
    return Limits(max_bytes=0)


def test_what_was_removed_is_reported_exactly(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    tasks = blocks(storage, 600)
    size = os.stat(storage.path_of(tasks[0].output().key)).st_size
    stored = stored_tasks(open_record(storage))
    selection = select(stored, everything(), ())
    storage.remove_many([tasks[7].output().key])  # by somebody else, meanwhile
    removed = asyncio.run(remove(storage, selection))
    assert len(removed.outputs) == 599
    assert removed.bytes == 599 * size
    assert list(storage.list()) == []
    assert removed.held == []


def test_bytes_and_times_are_those_of_the_files(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    (task,) = blocks(storage, 1)
    path = storage.path_of(task.output().key)
    os.utime(path, (4_000_000_000, os.stat(path).st_mtime))
    (stored,) = stored_tasks(open_record(storage)).tasks
    assert (stored.bytes, stored.used) == (os.stat(path).st_size, 4_000_000_000)
    storage.verify()
    assert os.stat(path).st_atime == 4_000_000_000  # a verification is no use


def test_what_a_running_engine_holds_stays(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "s")
    os.mkdir(tmp_path / "s")
    (block,) = blocks(storage, 1)
    with Fifo(tmp_path / "reports") as reports, Fifo(tmp_path / "gate") as gate:
        slow = Slow(block.output(), reports.path, gate.path)
        storage.write(slow.output().key, b"what an earlier run made")
        code = f"""
import alexflow
from tests.retention.workflow import Block, Slow
slow = Slow(Block(0).output(), {reports.path!r}, {gate.path!r})
alexflow.run(slow, storage={str(tmp_path / "s")!r}, force=True)
"""
        engine = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
        asyncio.run(reports.receive())  # it runs
        selection = select(stored_tasks(open_record(storage)), Limits(named=frozenset({slow.output().key})), ())
        removed = asyncio.run(remove(storage, selection))
        assert (removed.outputs, removed.held) == ([], [slow.output().key])
        gate.open_gate()
        assert engine.wait(60) == 0
    assert slow.output().assign_storage(storage).load() == "xxx"


KILLS = 6


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_in_the_middle_it_is_done_again(seed: int, tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    tasks = blocks(storage, 1000)
    kept = {task.output().key for task in tasks[:100]}
    for key in kept:
        pin(storage, key)
    words = [sys.executable, "-m", "alexflow", "gc", "--max-bytes", "0B", "--apply", "--json"]
    words += ["--storage", str(tmp_path)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    most = random.Random(seed).randrange(100, 1000)
    while process.poll() is None and sum(1 for _ in storage.list()) > most:
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = set(storage.list())
    size = os.stat(storage.path_of(next(iter(kept)))).st_size
    assert kept <= left
    assert storage.verify().ok
    done = subprocess.run(words, capture_output=True, check=True, cwd=Path(__file__).parents[2])
    report = json.loads(done.stdout)
    assert {each["key"] for each in report["remove"]} == left - kept
    assert report["bytes"] == size * (len(left) - 100)
    assert set(storage.list()) == kept
    assert alexflow.run(tasks[:100], storage=storage, progress=False).ran == 0
    assert alexflow.run(tasks, storage=storage, progress=False).ran == 900


def test_pins(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    pin(storage, "a/b", upstream=True, comment="for the paper")
    pin(storage, "a/b", comment="again")
    (found,) = pins(storage)
    assert (found.name, found.upstream, found.comment) == ("a/b", False, "again")
    assert unpin(storage, "a/b")
    assert not unpin(storage, "a/b")
    assert list(pins(storage)) == []
    assert list(storage.list()) == []


def test_a_storage_that_takes_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / ".alexflow").touch()  # as if it were read-only, for root, too
    with pytest.raises(StorageError, match=r"cannot write .*/\.alexflow/pins: Not a directory"):
        pin(LocalStorage(tmp_path), "a/b")


def test_so_is_one_without_a_place_for_leases(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    blocks(storage, 1)
    selection = select(stored_tasks(open_record(storage)), everything(), ())
    (tmp_path / ".alexflow-leases").mkdir()
    with pytest.raises(StorageError, match=r"without leases: .*Is a directory.*alexflow-leases"):
        asyncio.run(remove(storage, selection))
    with pytest.raises(StorageError, match="Is a directory"):
        asyncio.run(merge_segments(storage))


def test_what_is_reachable(tmp_path: Path) -> None:
    first, other = Block(1), Block(2)
    second = Block(3, before=(first.output(),))
    alexflow.run([second, other], storage=tmp_path, progress=False)
    record = open_record(tmp_path)
    assert reachable_from(record, [second.output().key]) == {first.task_id, second.task_id}
    assert reachable_from(record, [first.task_id, "unknown"]) == {first.task_id}
