"""Streams and paths: published when they are left in peace, never half, whatever the storage."""

import asyncio
import errno
import io
import os
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from alexflow import LocalStorage, MemoryStorage, Storage, open_storage
from alexflow.errors import OutputDamaged, OutputNotFound, StorageError, StorageFull
from alexflow.storage import Transaction
from alexflow.storage.digest import record_of
from alexflow.storage.local import staging_area
from alexflow.storage.local.read import MAX_INLINE_BYTES
from tests.faults.disks import small_disk

LARGE = 3 * MAX_INLINE_BYTES + 17


def contents(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


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


def test_what_a_transaction_holds_is_read_back_as_a_stream(tmp_path, named_or_not):
    transaction = Transaction(named_or_not)
    for size in (10, LARGE):
        with transaction.writer("a") as file:
            file.write(contents(size))
        with transaction.reader("a") as first, transaction.reader("a") as second:
            assert first.read() == second.read() == contents(size)
        with transaction.path("a") as path:
            assert path.name == "a"
            assert path.read_bytes() == contents(size)
    transaction.discard_all()
    assert list(named_or_not.list()) == []


@pytest.fixture(params=["unnamed", "named"])
def named_or_not(request, tmp_path):
    if request.param == "named":
        request.getfixturevalue("named_files")
    storage = LocalStorage(tmp_path / "storage")
    storage.prepare()
    return storage


def test_what_comes_too_late_for_a_transaction_is_forgotten(named_or_not, tmp_path):
    transaction = Transaction(named_or_not)
    with transaction.writer("a") as file:
        file.write(contents(LARGE))
        transaction.discard_all()
    assert not transaction.staged
    transaction.publish_all()
    assert list(named_or_not.list()) == []


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


# -- what only a directory can get wrong


def sequential(file: io.BufferedIOBase) -> None:
    for _ in range(5):
        file.write(contents(MAX_INLINE_BYTES))


def patched(file) -> None:
    file.write(contents(LARGE))
    file.seek(7)
    file.write(b"header")


def cut(file) -> None:
    file.write(contents(LARGE))
    file.flush()
    file.truncate(LARGE - 10)


def past_us(file) -> None:
    file.write(contents(LARGE))
    file.flush()
    os.pwrite(file.fileno(), b"header", 0)


def by_a_child(file) -> None:
    file.write(contents(LARGE))
    file.flush()
    subprocess.run(["sh", "-c", "echo more"], stdout=file, check=True)


def views(file) -> None:
    file.write(memoryview(contents(LARGE * 4)[: LARGE // 4 * 4]).cast("I"))


@pytest.mark.parametrize("write", [sequential, patched, cut, past_us, by_a_child, views])
def test_the_digest_is_that_of_what_is_there(named_or_not, write):
    with named_or_not.writer("a") as file:
        write(file)
    examined = named_or_not.examine("a")
    assert examined.verdict == "good"
    assert record_of(named_or_not.read("a")).hex().endswith(examined.actual.value)


def test_the_digest_of_what_came_by_path(named_or_not):
    with named_or_not.path("a", "w") as path:
        path.write_bytes(contents(LARGE))
    assert named_or_not.examine("a").verdict == "good"


def test_what_is_damaged_is_neither_streamed_nor_given_by_path(tmp_path):
    storage = LocalStorage(tmp_path / "storage", check=True)
    storage.prepare()
    for use in (storage.reader, storage.local_path):
        with storage.writer("a") as file:
            file.write(contents(LARGE))
        storage.reader("a").close()
        with open(storage.path_of("a"), "r+b") as file:
            file.write(b"flipped")
        with pytest.raises(OutputDamaged):
            use("a")
        assert storage.exists_many(["a"]) == set()


def test_a_file_stays_while_it_is_read(named_or_not):
    named_or_not.write("a", contents(LARGE))
    with named_or_not.reader("a") as file:
        named_or_not.remove_many(["a"])
        assert file.read() == contents(LARGE)


def test_a_path_is_the_file_itself(named_or_not):
    named_or_not.write("a", b"1")
    with named_or_not.path("a") as path:
        assert os.path.samefile(path, named_or_not.path_of("a"))


def test_what_is_large_is_moved_not_copied(named_or_not):
    with named_or_not.path("a", "w") as path:
        path.write_bytes(contents(LARGE))
        inode = path.stat().st_ino
    assert os.stat(named_or_not.path_of("a")).st_ino == inode


def test_no_descriptor_waits_for_a_small_one(named_or_not):
    transaction = Transaction(named_or_not)
    for number in range(50):
        with transaction.writer(f"a{number}") as file:
            file.write(b"1")
        with transaction.path(f"b{number}", "w") as path:
            path.write_bytes(b"1")
    assert all(staged.place is None for staged in transaction.staged.values())
    transaction.publish_all()
    assert len(list(named_or_not.list())) == 100


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", "size=2m") as path:
        yield path


def test_a_full_disk(disk):
    storage = LocalStorage(disk)
    told = r"cannot write .*/a: No space left on device \(ENOSPC\)"
    with pytest.raises(StorageFull, match=told), storage.writer("a") as file:
        file.write(contents(100 * MAX_INLINE_BYTES))
    assert list(storage.list()) == []
    storage.write("b", b"1")


def silently(path: Path) -> None:
    """As HDF5 does."""
    with suppress(OSError), open(path, "wb", buffering=0) as file:
        while file.write(contents(MAX_INLINE_BYTES)):
            pass


def in_words(path: Path) -> None:
    """As what is written in Rust does, which cleans up after itself."""
    raise RuntimeError(f"I/O error: {os.strerror(errno.ENOSPC)} (os error 28)")


def as_an_error_of_its_own(path: Path) -> None:
    silently(path)
    raise RuntimeError("-1")


@pytest.mark.parametrize("write", [silently, in_words, as_an_error_of_its_own])
def test_a_library_that_meets_a_full_disk(disk, write):
    storage = LocalStorage(disk)
    with (
        pytest.raises(StorageFull, match=r"cannot write .*/a: No space left on device"),
        storage.path("a", "w") as path,
    ):
        write(path)
    assert list(storage.list()) == []
    storage.write("b", b"1")


def test_litter_of_a_path_is_swept(tmp_path):
    storage = LocalStorage(tmp_path)
    context = storage.scratch()
    directory = context.__enter__()
    (directory / "half").write_bytes(b"1")
    assert storage.sweep(older_than=0) == 0, "its maker is alive"
    process, _, rest = directory.name.partition("-")
    other = subprocess.Popen(["true"])
    other.wait()
    left = directory.with_name(f"{process}-{other.pid}-{rest.partition('-')[2]}")
    directory.rename(left)
    assert storage.sweep(older_than=0) == 1
    assert not left.exists()
    assert staging_area.sweep(str(tmp_path), 0) == 0


def test_two_at_once(named_or_not):
    ready = threading.Barrier(2)

    def write(number: int) -> None:
        with named_or_not.writer("a") as file:
            file.write(bytes([number]) * LARGE)
            ready.wait()

    threads = [threading.Thread(target=write, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert named_or_not.read("a") in (b"\1" * LARGE, b"\2" * LARGE)
    assert named_or_not.examine("a").verdict == "good"
    assert list(Path(named_or_not.base_path).rglob("*-*")) == []
