"""Large objects elsewhere: by way of a file, uploaded in parts, visible when they are complete, never by halves."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import pytest

from alexflow import open_storage
from alexflow.errors import OutputNotFound, StorageError, StorageFull
from alexflow.storage import Transaction
from alexflow.storage.remote import multipart, spool
from alexflow.storage.remote import storage as storage_module
from alexflow.storage.remote.multipart import MAX_BYTES_IN_MEMORY, PART_BYTES
from alexflow.storage.remote.ranges import FIRST_RANGE_BYTES
from tests.faults.disks import small_disk
from tests.kit.servers.proxy import first, proxy
from tests.kit.servers.s3 import BUCKET, client
from tests.storage.conftest import SERVERS

SIZE = 2 * PART_BYTES + MAX_BYTES_IN_MEMORY // 2 + 12_345  # three parts and a bit

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning"),  # as in test_conformance.py
]


def content(seed: int = 0, size: int | None = None) -> bytes:
    return random.Random(seed).randbytes(SIZE if size is None else size)


@pytest.fixture(params=SERVERS)
def storage(request, server, monkeypatch):
    behind = server(request.param)
    if not behind.base.startswith("s3:"):  # the same with less, since some of them are slow; S3 takes no smaller parts
        monkeypatch.setattr(multipart, "PART_BYTES", PART_BYTES // 16)
        monkeypatch.setattr(spool, "MAX_BYTES_IN_MEMORY", MAX_BYTES_IN_MEMORY // 16)
        monkeypatch.setattr(storage_module, "MAX_BYTES_IN_MEMORY", MAX_BYTES_IN_MEMORY // 16)
        monkeypatch.setattr(sys.modules[__name__], "SIZE", SIZE // 16)
    return open_storage(behind.url(), deadline=20, **behind.options)


@pytest.fixture(params=["seaweedfs", "moto"])
def s3(request, server):
    return server(request.param)


@pytest.fixture
def bucket(s3):
    """A storage, and a call that tells which keys have uploads that are not complete."""
    storage = open_storage(s3.url(), deadline=20, **s3.options)
    prefix = storage.url.removeprefix("s3://bucket/") + "/"

    def unfinished() -> list[str]:
        with client(s3.port) as opened:
            found = opened.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ())
        return [upload["Key"].removeprefix(prefix) for upload in found if upload["Key"].startswith(prefix)]

    return storage, unfinished


# -- written and read, over all servers


async def write_async(storage, key, data):
    async with storage.awriter(key) as file:
        for start in range(0, len(data), PART_BYTES):
            await file.write(data[start : start + PART_BYTES])


async def write(storage, key, data):
    def write():
        with storage.writer(key) as file:
            for start in range(0, len(data), PART_BYTES):
                file.write(data[start : start + PART_BYTES])

    await asyncio.to_thread(write)


async def write_by_path(storage, key, data):
    async with storage.apath(key, "w") as path:
        path.write_bytes(data)


async def store(storage, key, data):
    await asyncio.to_thread(storage.write, key, data)


async def store_async(storage, key, data):
    await storage.awrite(key, data)


WAYS = pytest.mark.parametrize("way", [write, write_async, write_by_path, store, store_async])


@WAYS
async def test_written_and_read(storage, way):
    data = content()
    await way(storage, "dir/large", data)
    assert await storage.asize("dir/large") == SIZE
    assert await storage.aread("dir/large") == data
    async with storage.areader("dir/large") as file:
        assert await file.read(10) == data[:10]
        assert await file.seek(-10, 2) == SIZE - 10
        assert await file.read() == data[-10:]
        await file.seek(SIZE // 3)
        assert await file.read(SIZE // 3) == data[SIZE // 3 : SIZE // 3 * 2]
    async with storage.apath("dir/large") as path:
        assert path.name == "large"
        assert path.read_bytes() == data


@pytest.mark.parametrize("size", [0, 1, FIRST_RANGE_BYTES, FIRST_RANGE_BYTES + 1, 3 * FIRST_RANGE_BYTES])
async def test_read_in_pieces(storage, size):
    data = content(size=size)
    await storage.awrite("key", data)

    def read():
        with storage.reader("key") as file:
            assert b"".join(iter(lambda: file.read(10_000), b"")) == data
            for _ in range(10):
                at = random.randrange(size + 1)
                file.seek(at)
                assert file.read(1000) == data[at : at + 1000]
            assert file.seek(1, 2) == size + 1
            assert file.read() == b""

    await asyncio.to_thread(read)


async def test_nothing_to_read(storage):
    with pytest.raises(OutputNotFound):
        async with storage.areader("key"):
            pass


async def test_the_first_stays_and_a_forced_one_replaces(storage):
    one, other = content(1), content(2)
    assert await storage.awrite("key", one) is True
    assert await storage.awrite("key", other) is False
    assert await storage.aread("key") == one
    assert await storage.awrite("key", one) is True  # as if no reply had told of it
    assert await storage.awrite("key", other, replace=True) is True
    assert await storage.aread("key") == other


@WAYS
async def test_staged_it_is_seen_by_its_task_alone(storage, way):
    data = content()
    transaction = Transaction(storage)
    await way(transaction, "key", data)
    assert await storage.aexists_many(["key"]) == set()
    assert await transaction.aread("key") == data
    async with transaction.areader("key") as file:
        assert await file.read(100) == data[:100]
    await transaction.apublish_all()
    assert await storage.aread("key") == data


# -- what is left on the server


@WAYS
async def test_nothing_is_left_of_what_is_discarded(bucket, way):
    storage, unfinished = bucket
    transaction = Transaction(storage)
    await way(transaction, "key", content())
    assert unfinished() == ["key"]
    await way(transaction, "key", content(1))
    assert unfinished() == ["key"]
    await transaction.adiscard_all()
    assert unfinished() == []
    await way(transaction, "key", content())  # a thread that comes too late
    await asyncio.to_thread(wait_until, lambda: unfinished() == [])
    await way(transaction := Transaction(storage), "key", content())
    await asyncio.to_thread(transaction.discard_all)
    assert unfinished() == []


def wait_until(true):
    while not true():
        pass


async def test_nothing_is_left_of_the_second(bucket):
    storage, unfinished = bucket
    transactions = [Transaction(storage) for _ in range(3)]
    for number, transaction in enumerate(transactions):
        await transaction.awrite("key", content(number))
    assert len(unfinished()) == 3
    for transaction in transactions:  # these servers look and complete in two steps
        await transaction.apublish_all()
    assert unfinished() == []
    assert [transaction.overtaken for transaction in transactions] == [(), ("key",), ("key",)]


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_nothing_is_left_of_what_fails(s3, bucket, method):
    storage, unfinished = bucket
    with proxy(s3.port) as before:
        options = {**s3.options, "endpoint_url": f"http://127.0.0.1:{before.port}"}
        through = open_storage(storage.url, deadline=6, **options)
        through._opened.keeps = True  # nobody has to find out
        before.fault = lambda request: "busy" if request.method == method and "uploadId" in request.path else None
        with pytest.raises(StorageError, match="within 6 s"):
            await through.awrite("key", content())
        await through.aclose()
    assert unfinished() == []
    assert not await storage.aexists_many(["key"])


async def test_cancelled_while_it_is_uploaded(s3, bucket):
    storage, unfinished = bucket
    with proxy(s3.port) as before:
        options = {**s3.options, "endpoint_url": f"http://127.0.0.1:{before.port}"}
        through = open_storage(storage.url, **options)
        met = asyncio.Event()
        loop = asyncio.get_running_loop()

        def hang(request):
            if request.method == "PUT" and "partNumber=2" in request.path:
                loop.call_soon_threadsafe(met.set)
                return "hang"
            return None

        before.fault = hang
        going = asyncio.create_task(through.awrite("key", content()))
        await met.wait()
        assert unfinished() == ["key"]
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        await through.aclose()
    assert unfinished() == []


async def test_a_lost_reply_to_the_last_request(s3, bucket):
    storage, unfinished = bucket
    with proxy(s3.port) as before:
        options = {**s3.options, "endpoint_url": f"http://127.0.0.1:{before.port}"}
        through = open_storage(storage.url, deadline=20, **options)
        before.fault = first(1, "lose the reply", "POST", "uploadId")
        assert await through.awrite("key", content()) is True
        assert before.count("POST", "uploadId") == 2
        await through.aclose()
    assert await storage.aread("key") == content()
    assert unfinished() == []


async def test_an_upload_that_somebody_removed_is_made_again(server):
    behind = server("seaweedfs")  # moto fails at uploads that it does not know
    storage = open_storage(behind.url(), **behind.options)
    transaction = Transaction(storage)
    await transaction.awrite("key", content())
    assert await storage.asweep(older_than=-3600) == 1
    await transaction.apublish_all()
    assert transaction.overtaken == ()
    assert await storage.aread("key") == content()


MAKER = """
import sys
from alexflow import open_storage
from tests.kit.servers.s3 import s3_options
url, port = sys.argv[1:]
storage = open_storage(url, **s3_options(int(port)))
storage.stage("key", bytes(20 * 2**20))
print("staged", flush=True)
sys.stdin.read()
"""


def be_killed_when_staged(url, port):
    maker = subprocess.Popen(
        [sys.executable, "-c", MAKER, url, str(port)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert maker.stdout.readline() == "staged\n"
    maker.kill()
    maker.communicate()


async def test_what_a_killed_process_has_uploaded_is_swept(s3, bucket):
    storage, unfinished = bucket
    await asyncio.to_thread(be_killed_when_staged, storage.url, s3.port)
    assert unfinished() == ["key"]
    assert not await storage.aexists_many(["key"])
    await asyncio.to_thread(storage.sweep, -3600)
    assert unfinished() == []


async def test_a_local_disk_that_is_full(server, tmp_path, monkeypatch):
    behind = server("seaweedfs")
    storage = open_storage(behind.url(), **behind.options)
    with small_disk(tmp_path / "disk", "size=2m") as disk:
        monkeypatch.setenv("TMPDIR", str(disk))
        monkeypatch.setattr("tempfile.tempdir", None)
        for way in (write, write_async, store, store_async):
            with pytest.raises(StorageFull, match=str(disk)):
                await way(storage, "key", content())
        assert list(disk.iterdir()) == []
    assert not await storage.aexists_many(["key"])
