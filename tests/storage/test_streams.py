"""Streams and paths: published when they are left in peace, never half, whatever the storage."""

import asyncio
import os

import pytest

from alexflow import LocalStorage, MemoryStorage, Storage, open_storage
from alexflow.errors import OutputNotFound, StorageError
from alexflow.storage import Transaction
from alexflow.storage.local.read import MAX_INLINE_BYTES
from tests.storage.stream_contents import LARGE, contents


class Plain(MemoryStorage):
    """An adapter that gives what it must and nothing more."""

    open_staging = Storage.open_staging


@pytest.fixture(params=["local", "local-named", "memory", "plain", "transaction", "transaction-plain"])
def storage(request, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "system"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "system").mkdir()
    if request.param == "local-named":
        request.getfixturevalue("named_files")
    below = {"memory": MemoryStorage, "plain": Plain}.get(request.param.removeprefix("transaction-"))
    storage = below() if below else LocalStorage(tmp_path / "storage")
    storage.prepare()
    return Transaction(storage) if "transaction" in request.param else storage


@pytest.fixture
def litter_of(storage, tmp_path):
    """Files that are neither outputs nor gone, also of the process."""

    def look() -> list[str]:
        left = list((tmp_path / "system").rglob("*"))
        left += (tmp_path / "storage" / ".alexflow" / "staging").rglob("*")
        return sorted(map(str, left))

    LocalStorage(tmp_path / "another").write("key", b"")  # with it a process opens what it keeps
    opened = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    yield look
    del storage
    if opened:
        assert len(os.listdir("/proc/self/fd")) <= opened


def visible(storage, key):
    """The bytes that everybody sees; None if there are none."""
    below = storage.storage if isinstance(storage, Transaction) else storage
    return below.read(key) if below.exists_many([key]) else None


def own(storage, key):
    """The bytes that the writer sees."""
    return storage.read(key) if storage.exists_many([key]) else None


def settle(storage):
    if isinstance(storage, Transaction):
        storage.publish_all()


# -- one after the other


@pytest.mark.parametrize("key", ["a.bin", "below/it/a.bin"])
@pytest.mark.parametrize("size", [0, 1, MAX_INLINE_BYTES, MAX_INLINE_BYTES + 1, LARGE])
def test_written_in_pieces_read_in_pieces(storage, published, litter_of, size, key):
    data = contents(size)
    with storage.writer(key) as file:
        for start in range(0, size, 10_000):
            file.write(data[start : start + 10_000])
        assert own(storage, key) is None
    assert own(storage, key) == data
    if isinstance(storage, Transaction):
        assert visible(storage, key) is None
    below = published()
    with below.reader(key) as file:
        assert b"".join(iter(lambda: file.read(10_000), b"")) == data
        assert file.seek(-1, os.SEEK_END) == size - 1 if size else True
        assert file.read() == data[-1:]
    assert below.size(key) == size
    assert litter_of() == []


@pytest.mark.parametrize("size", [1, LARGE])
def test_a_stream_that_breaks_off_leaves_nothing(storage, published, litter_of, size):
    def break_off() -> None:
        with storage.writer("a") as file:
            file.write(contents(size))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert own(storage, "a") is None
    published()
    assert visible(storage, "a") is None
    assert litter_of() == []


@pytest.mark.parametrize("size", [1, LARGE])
def test_the_first_stays(storage, published, size):
    with storage.writer("a") as file:
        file.write(b"first")
    below = published()
    with below.writer("a") as file:
        file.write(contents(size))
    assert below.read("a") == b"first"


def test_a_stream_that_is_used_after_its_end(storage):
    with storage.writer("a") as file:
        file.write(b"1")
    with pytest.raises(ValueError, match="closed"):
        file.write(b"2") and file.flush()
    settle(storage)
    assert visible(storage, "a") == b"1"


def test_nothing_to_read(storage):
    with pytest.raises(OutputNotFound):
        storage.reader("none")
    with pytest.raises(OutputNotFound), storage.path("none"):
        pass
    with pytest.raises(OutputNotFound):
        asyncio.run(read_async(storage, "none"))


# -- by path


@pytest.mark.parametrize("key", ["model.h5", "below/it/model.h5"])
@pytest.mark.parametrize("size", [0, 1, MAX_INLINE_BYTES, LARGE])
def test_by_path(storage, published, litter_of, size, key):
    with storage.path(key, "w") as path:
        assert path.name == "model.h5"
        assert list(path.parent.iterdir()) == []
        path.write_bytes(contents(size))
        (path.parent / "something else").touch()
        assert own(storage, key) is None
    below = published()
    with below.path(key) as path:
        assert path.name == "model.h5"
        assert path.read_bytes() == contents(size)
    assert below.read(key) == contents(size)
    assert litter_of() == []


def test_a_path_that_is_left_by_an_exception(storage, published, litter_of):
    def break_off() -> None:
        with storage.path("a", "w") as path:
            path.write_bytes(contents(LARGE))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    published()
    assert visible(storage, "a") is None
    assert litter_of() == []


def test_a_path_to_which_nothing_was_written(storage, litter_of):
    told = r"dir/a\.npy: no file was written to .*/a\.npy; what is there is a\.npy\.tmp"
    with pytest.raises(StorageError, match=told), storage.path("dir/a.npy", "w") as path:
        path.with_name("a.npy.tmp").touch()
    with pytest.raises(StorageError, match=r"no file was written"), storage.path("a", "w") as path:
        path.mkdir()
    with pytest.raises(StorageError, match=r"no file was written"), storage.path("a", "w") as path:
        path.symlink_to("/etc/passwd")
    assert litter_of() == []


def test_wrong_mode(storage):
    with pytest.raises(ValueError, match="for reading, 'r', or for writing, 'w', not 'a'"), storage.path("a", "a"):
        pass


# -- on the event loop


async def write_async(storage, key, data):
    async with storage.awriter(key) as file:
        for start in range(0, len(data), 100_000):
            await file.write(data[start : start + 100_000])


async def read_async(storage, key) -> bytes:
    async with storage.areader(key) as file:
        parts = []
        while part := await file.read(100_000):
            parts.append(part)
        return b"".join(parts)


@pytest.mark.parametrize("size", [0, 1, MAX_INLINE_BYTES, LARGE])
def test_async(storage, litter_of, size):
    asyncio.run(write_async(storage, "a", contents(size)))
    assert own(storage, "a") == contents(size)
    assert asyncio.run(read_async(storage, "a")) == contents(size)
    settle(storage)
    assert visible(storage, "a") == contents(size)
    assert asyncio.run(read_async(storage, "a")) == contents(size)
    assert litter_of() == []


def test_async_seek_and_lines(storage):
    async def main():
        async with storage.awriter("a") as file:
            await file.write(b"xxx\nb\n")
            assert await file.tell() == 6
            await file.seek(0)
            await file.write(b"aaa")
        async with storage.areader("a") as file:
            assert await file.readline() == b"aaa\n"
            await file.seek(4)
            assert await file.tell() == 4
            assert await file.read() == b"b\n"

    asyncio.run(main())


def test_async_path(storage, litter_of):
    async def main():
        async with storage.apath("a.txt", "w") as path:
            await asyncio.to_thread(path.write_bytes, b"1")
        async with storage.apath("a.txt") as path:
            assert await asyncio.to_thread(path.read_bytes) == b"1"
        with pytest.raises(ZeroDivisionError):
            async with storage.apath("b.txt", "w") as path:
                raise ZeroDivisionError

    asyncio.run(main())
    assert own(storage, "b.txt") is None
    assert litter_of() == []


def test_a_cancelled_async_writer_leaves_nothing(storage, litter_of):
    async def write_and_wait():
        async with storage.awriter("a") as file:
            await file.write(contents(LARGE))
            waits.set()
            await asyncio.Event().wait()

    async def main():
        global waits
        waits = asyncio.Event()
        task = asyncio.create_task(write_and_wait())
        await waits.wait()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(main())
    settle(storage)
    assert visible(storage, "a") is None
    assert litter_of() == []


# -- behind a URL, by what every adapter has


def test_on_an_object_store(server):
    there = server("moto")
    storage = open_storage(there.url(), deadline=20, **there.options)
    storage.prepare()
    data = contents(LARGE)
    with storage.writer("written/a.bin") as file:
        file.write(data)
        assert not storage.exists_many(["written/a.bin"])
    with storage.path("by-path.bin", "w") as path:
        path.write_bytes(data)
    asyncio.run(write_async(storage, "async.bin", data))
    for key in ("written/a.bin", "by-path.bin", "async.bin"):
        with storage.reader(key) as file:
            assert file.read() == data
        with storage.path(key) as path:
            assert (path.name, path.read_bytes()) == (key.rpartition("/")[2], data)
        assert asyncio.run(read_async(storage, key)) == data
    with pytest.raises(OutputNotFound), storage.path("none"):
        pass
