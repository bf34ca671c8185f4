"""Streams and paths in a directory, and what only a directory can get wrong."""

import errno
import io
import os
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from alexflow import LocalStorage
from alexflow.errors import OutputDamaged, StorageFull
from alexflow.storage import Transaction
from alexflow.storage.digest import record_of
from alexflow.storage.local import staging_area
from alexflow.storage.local.read import MAX_INLINE_BYTES
from tests.storage.stream_contents import LARGE, contents


@pytest.fixture(params=["unnamed", "named"])
def named_or_not(request, tmp_path):
    if request.param == "named":
        request.getfixturevalue("named_files")
    storage = LocalStorage(tmp_path / "storage")
    storage.prepare()
    return storage


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


def test_what_comes_too_late_for_a_transaction_is_forgotten(named_or_not, tmp_path):
    transaction = Transaction(named_or_not)
    with transaction.writer("a") as file:
        file.write(contents(LARGE))
        transaction.discard_all()
    assert not transaction.staged
    transaction.publish_all()
    assert list(named_or_not.list()) == []


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
