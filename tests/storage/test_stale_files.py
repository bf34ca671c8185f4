"""Files that a killed process leaves half written are found."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alexflow import LocalStorage, MemoryStorage
from alexflow.storage.local import staging_area

HOUR = 3600.0

STAGES_AND_DIES = """
import os, signal, sys
from alexflow import LocalStorage
from alexflow.storage.local import new_file
new_file.UNNAMED_FILE = None
storage = LocalStorage(sys.argv[1])
storage.stage("large", bytes(1_000_000))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def storage(tmp_path):
    storage = LocalStorage(tmp_path / "storage")
    storage.prepare()
    return storage


def staged(storage) -> list[Path]:
    return sorted(Path(storage.base_path, ".alexflow/staging").glob("*"))


def leave(storage) -> Path:
    """Let a process die half way."""
    command = [sys.executable, "-c", STAGES_AND_DIES, storage.base_path]
    assert subprocess.run(command, env={**os.environ, "PYTHONPATH": os.getcwd()}).returncode == -9
    (left,) = staged(storage)
    return left


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_swept_when_it_is_old_and_its_maker_gone(storage):
    left = leave(storage)
    storage.prepare()
    assert storage.sweep() == 0
    age(left, HOUR + 1)
    storage.prepare()
    assert staged(storage) == []


def test_swept_when_asked(storage):
    leave(storage)
    assert storage.sweep(older_than=0) == 1
    leave(storage)
    assert asyncio.run(storage.asweep(older_than=0)) == 1
    assert staged(storage) == []
    assert asyncio.run(storage.asweep()) == storage.sweep() == 0


def test_whoever_lives_may_take_his_time(storage, named_files):
    waiting = storage.stage("large", bytes(1_000_000))
    (file,) = staged(storage)
    age(file, 1000 * HOUR)
    assert storage.sweep(older_than=0) == 0
    assert storage.publish(waiting) is True
    assert storage.size("large") == 1_000_000
    assert staged(storage) == []


def test_another_machine_is_given_a_week(storage):
    left = leave(storage)
    other = left.with_name("0123456789ab-" + left.name.partition("-")[2])
    left.rename(other)
    age(other, 24 * HOUR)
    assert storage.sweep(older_than=0) == 0
    age(other, 8 * 24 * HOUR)
    assert storage.sweep() == 1


def test_only_some_before_a_run(storage, monkeypatch):
    monkeypatch.setattr(staging_area, "SWEEP_BATCH", 2)
    leave(storage)
    for number in range(4):
        age(leave_more(storage, number), 2 * HOUR)
    age(staged(storage)[0], 2 * HOUR)
    storage.prepare()
    assert len(staged(storage)) == 3
    assert storage.sweep() == 3


def leave_more(storage, number: int) -> Path:
    first = staged(storage)[0]
    other = first.with_name(f"{first.name}{number}")
    other.write_bytes(b"")
    return other


def test_what_is_not_ours_is_left_alone_for_a_week(storage):
    leave(storage)
    other = Path(storage.base_path, ".alexflow/staging/what-is-this")
    other.touch()
    age(other, 24 * HOUR)
    assert storage.sweep(older_than=0) == 1
    assert staged(storage) == [other]


def test_open_to_whom_the_storage_is_open_to(tmp_path, named_files):
    os.chmod(tmp_path, 0o2775)
    storage = LocalStorage(tmp_path)
    storage.write("key", b"1")
    assert (tmp_path / ".alexflow/staging").stat().st_mode & 0o7777 == 0o2775


def test_a_storage_without_litter():
    assert MemoryStorage().sweep() == 0


def test_behind_many_that_are_young(storage):
    """Only some are looked at before a run, not always the same."""
    old = leave(storage)
    for number in range(3 * staging_area.SWEEP_BATCH):
        leave_more(storage, number)
    age(old, HOUR + 1)
    for _ in range(200):
        storage.prepare()
        if not old.exists():
            break
    assert not old.exists()
    assert len(staged(storage)) == 3 * staging_area.SWEEP_BATCH
