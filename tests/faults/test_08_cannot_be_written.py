"""8: a storage that is read-only, or not ours to write: an error before any task runs; what is cached can be read."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import alexflow
from alexflow import Engine, LocalStorage, Retry
from alexflow.errors import RunFailed, StorageDenied
from alexflow.storage.local.lock_file import LEASES_FILE as LEASES
from tests.faults.disks import keys_in, remount
from tests.faults.workflows import Number, Sum

NOBODY = 65534


@pytest.mark.anyio
@pytest.mark.parametrize("on_error", ["stop", "continue"])
async def test_read_only(disk, log, on_error):
    cached = Number(1, str(log))
    async with Engine(disk, workers=1) as engine:
        await engine.run(cached)
    log.write_text("")
    remount(disk, "ro")

    async with Engine(disk, workers=1) as engine:
        result = await engine.run(cached)
        assert (result.ran, result.cached, result.output.load()) == (0, 1, 1)
        new = Sum((cached.output(), Number(2, str(log)).output()), log=str(log))
        for _ in range(2):
            with pytest.raises(StorageDenied) as denied:
                await engine.run(new, on_error=on_error)
            assert str(denied.value) == f"cannot write in {disk}: Read-only file system (EROFS)"
            assert (denied.value.path, denied.value.errno) == (str(disk), errno.EROFS)
        with pytest.raises(StorageDenied):
            await engine.run(cached, force=True)
        assert log.read_text() == ""
        assert await engine.load(cached.output()) == 1

        remount(disk, "rw")
        assert (await engine.run(new)).output.load() == 3


@pytest.mark.anyio
async def test_it_becomes_read_only(disk, log):
    """Seen when it is too late to see it before: the task fails once."""
    async with Engine(disk, workers=1, retry=Retry(3, delay=0)) as engine:
        await engine.run(Number(1, str(log)))
        await asyncio.to_thread(wait_until_gone, f"{disk}/{LEASES}")
        async with asyncio.timeout(30):
            while open_below(disk):  # noqa: ASYNC110  # an engine with nothing to do has no file open
                await asyncio.sleep(0.01)
        remount(disk, "ro")
        log.write_text("")
        with pytest.raises(RunFailed) as failed:
            await engine.run(Number(2, str(log)))
        (error,) = failed.value.exceptions
        assert isinstance(error.__cause__, StorageDenied)
        assert error.__cause__.errno == errno.EROFS
        assert log.read_text() == "2\n"
        remount(disk, "rw")


def wait_until_gone(path):
    while os.path.exists(path):
        time.sleep(0.01)


def test_no_permission(everybodys):
    shared = everybodys / "shared"
    alexflow.run(Number(1), storage=shared, executor="thread")
    os.chmod(shared, 0o555)
    loaded, message, code = as_somebody_else(WHAT_IS_THERE_AND_WHAT_IS_NOT, shared)
    assert loaded == "1"
    assert message == f"StorageDenied: cannot write in {shared}: Permission denied (EACCES)"
    assert code == str(errno.EACCES)
    assert keys_in(shared) == {Number(1).output().key}


def test_no_permission_further_down(everybodys):
    """A directory inside the storage: found when the task is done, told at once, with the path."""
    shared = everybodys / "shared"
    (shared / "dir").mkdir(parents=True)
    os.chmod(shared, 0o777)
    os.chmod(shared / "dir", 0o555)
    attempts, message = as_somebody_else(FURTHER_DOWN, shared)
    assert attempts == "1"
    assert message == f"StorageDenied: cannot write {shared}/dir/key: Permission denied (EACCES)"


def test_what_is_not_there_cannot_be_made(disk):
    remount(disk, "ro")
    with pytest.raises(StorageDenied, match=r"cannot make the storage .*: Read-only file system \(EROFS\)"):
        LocalStorage(disk / "new").prepare()


#: Root may do everything; whoever is not, loads all that he will need while he still may, and then is somebody else.
BECOME_SOMEBODY_ELSE = f"""
import os, sys
import alexflow
from alexflow import Retry
from alexflow.errors import RunFailed, StorageDenied
from tests.faults.workflows import NamesItsKey, Number, StoresNothing

place = sys.argv[1]
try:
    alexflow.run([Number(1), StoresNothing(1)], storage=place + "-of-root", executor="thread")
except RunFailed:
    pass
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})
"""

WHAT_IS_THERE_AND_WHAT_IS_NOT = """
print(alexflow.run(Number(1), storage=place, executor="thread").output.load())
try:
    alexflow.run(Number(2), storage=place, executor="thread")
except StorageDenied as error:
    print(f"{type(error).__name__}: {error}")
    print(error.errno)
"""

FURTHER_DOWN = """
try:
    alexflow.run(NamesItsKey(1, "dir/key", "/dev/null"), storage=place, executor="thread", retry=Retry(3))
except RunFailed as failed:
    (error,) = failed.exceptions
    print(error.attempts)
    print(f"{type(error.__cause__).__name__}: {error.__cause__}")
"""


def open_below(place: Path) -> list[str]:
    """The files below a directory that this process has open."""
    return [name for name in map(_target, os.listdir("/proc/self/fd")) if name.startswith(f"{place}/")]


def _target(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except FileNotFoundError:  # the one of the listing
        return ""


def as_somebody_else(script: str, place: Path) -> list[str]:
    """The lines that a script prints that runs without root's rights."""
    done = subprocess.run(
        [sys.executable, "-c", BECOME_SOMEBODY_ELSE + script, str(place)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()
