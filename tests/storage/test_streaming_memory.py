"""Large outputs pass through a few megabytes of memory, whichever way they take."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from alexflow import LocalStorage, open_storage
from alexflow.storage import Transaction
from tests.kit.servers.s3 import environment
from tests.storage import streaming

ALLOWED = 64 * 1024 * 1024  # bytes beyond what the process has before
MEBIBYTES = 1024
SIZE = MEBIBYTES * len(streaming.CHUNK)

WAYS = pytest.mark.parametrize("way", ["write", "write_by_path", "write_async", "read", "read_async", "read_by_path"])

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak is read from /proc")


def taken(way: str, place: str, mebibytes: int, **environment: str) -> int:
    """Memory that it took, in bytes."""
    program = [sys.executable, "-m", "tests.storage.streaming", way, place, str(mebibytes)]
    env = os.environ | environment
    root = Path(__file__).parents[2]
    done = subprocess.run(program, cwd=root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory with room, in memory if there is enough."""
    shared = Path("/dev/shm")
    enough = shared.is_dir() and shutil.disk_usage(shared).free > 2 * SIZE
    with tempfile.TemporaryDirectory(dir=shared if enough else None) as directory:
        yield Path(directory)


@WAYS
def test_a_gigabyte(way: str, place: Path) -> None:
    storage = LocalStorage(place)
    if way.startswith("write"):
        storage.remove_many(["large"])
    elif not storage.exists_many(["large"]):
        transaction = Transaction(storage)
        streaming.write(transaction, MEBIBYTES)
        transaction.publish_all()
    assert taken(way, str(place), MEBIBYTES) < ALLOWED
    assert storage.size("large") == SIZE
    if way == "write_by_path":
        assert storage.examine("large").verdict == "good"


@WAYS
def test_a_quarter_of_it_in_a_bucket(way: str, server) -> None:
    """As much as is allowed for a gigabyte: it is three parts on their way, however many there are."""
    behind = server("seaweedfs")
    storage = open_storage(behind.url(), **behind.options)
    if way.startswith("read"):
        transaction = Transaction(storage)
        streaming.write(transaction, MEBIBYTES // 4)
        transaction.publish_all()
    assert taken(way, storage.url, MEBIBYTES // 4, **environment(behind.port)) < ALLOWED
    assert storage.size("large") == SIZE // 4
    storage.remove_many(["large"])
