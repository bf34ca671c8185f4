"""A gigabyte passes through a few megabytes of memory, whichever way it takes."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from alexflow import LocalStorage
from alexflow.storage import Transaction
from tests.storage import streaming

ALLOWED = 64 * 1024 * 1024  # bytes beyond what the process has before
SIZE = streaming.TIMES * len(streaming.CHUNK)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory with room, in memory if there is enough."""
    shared = Path("/dev/shm")
    enough = shared.is_dir() and shutil.disk_usage(shared).free > 2 * SIZE
    with tempfile.TemporaryDirectory(dir=shared if enough else None) as directory:
        yield Path(directory)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak is read from /proc")
@pytest.mark.parametrize("way", ["write", "write_by_path", "write_async", "read", "read_async"])
def test_a_gigabyte(way: str, place: Path) -> None:
    storage = LocalStorage(place)
    if way.startswith("write"):
        storage.remove_many(["large"])
    elif not storage.exists_many(["large"]):
        transaction = Transaction(storage)
        streaming.write(transaction)
        transaction.publish_all()
    program = [sys.executable, "-m", "tests.storage.streaming", way, str(place)]
    done = subprocess.run(program, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < ALLOWED
    assert storage.size("large") == SIZE
    if way == "write_by_path":
        assert storage.examine("large").verdict == "good"
