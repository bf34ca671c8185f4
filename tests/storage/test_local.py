"""Faults that only a directory on a disk can have."""

import asyncio
import contextlib
import errno
import io
import os
import pickle
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from alexflow import LocalStorage, MemoryStorage
from alexflow.errors import StorageDenied, StorageError, StorageFull, UnknownStorage
from alexflow.storage import background, open_storage
from alexflow.storage.files import CHUNK_BYTES
from alexflow.storage.local import listing, new_file, staging_area
from alexflow.storage.local.listing import MAX_INLINE_KEYS, MIN_KEYS_TO_LIST
from alexflow.storage.local.read import MAX_INLINE_BYTES
from tests.kit.processes import open_descriptors

NAMED = [pytest.param(False, id="unnamed"), pytest.param(True, id="named")]


@pytest.fixture(params=NAMED)
def storage(request, tmp_path):
    if request.param:
        request.getfixturevalue("named_files")
    storage = LocalStorage(tmp_path / "storage")
    storage.prepare()
    return storage


def everything_below(path) -> list[str]:
    """All files and directories, but for the directories that a storage keeps for itself."""
    below = {str(file.relative_to(path)) for file in Path(path).rglob("*")}
    return sorted(below - {".alexflow", ".alexflow/staging"})


def open_below(path) -> list[str]:
    """Return the files that this process has open there; others come and go with the threads of earlier tests."""
    return [each for each in open_descriptors().values() if each.startswith(f"{path}/")]


# -- opening


def test_it_is_made_where_its_parent_is(tmp_path):
    storage = LocalStorage(str(tmp_path / "new"))
    storage.prepare()
    storage.prepare()
    assert (tmp_path / "new").is_dir()


def test_a_missing_parent(tmp_path):
    with pytest.raises(UnknownStorage, match=r"there is no directory .*/typo; create it or correct the path"):
        LocalStorage(tmp_path / "typo" / "results").prepare()
    assert not (tmp_path / "typo").exists()


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="a file system that makes no directories")
def test_a_storage_where_the_system_makes_no_directories():
    with pytest.raises(UnknownStorage, match=r"in /proc the system makes no directories; name another place"):
        LocalStorage("/proc/results").prepare()


def test_a_file_instead_of_a_directory(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UnknownStorage, match=r"file is a file, not a directory"):
        LocalStorage(tmp_path / "file").prepare()
    with pytest.raises(UnknownStorage, match=r"cannot make the storage .*: Not a directory"):
        LocalStorage(tmp_path / "file" / "below").prepare()


def test_equal_by_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert LocalStorage("x") == LocalStorage(tmp_path / "x") == LocalStorage(f"{tmp_path}/y/../x/")
    monkeypatch.chdir("/")
    assert LocalStorage("x") != LocalStorage(tmp_path / "x")


@pytest.mark.parametrize("url", ["s4://bucket/x", "http://host/x", "unknown+x://a"])
def test_an_unknown_scheme(url):
    with pytest.raises(UnknownStorage, match=r"no storage is known for .*://.* in .*; use a directory"):
        open_storage(url)


@pytest.mark.parametrize("what", [1, b"path", object(), ["path"], ""])
def test_no_path_at_all(what):
    with pytest.raises(UnknownStorage):
        open_storage(what)


def test_opening(tmp_path, monkeypatch):
    assert open_storage(tmp_path) == open_storage(str(tmp_path)) == open_storage(f"file://{tmp_path}")
    assert isinstance(open_storage("memory://"), MemoryStorage)
    storage = MemoryStorage()
    assert open_storage(storage) is storage
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALEXFLOW_STORAGE", raising=False)
    assert open_storage(None) == LocalStorage(tmp_path / ".alexflow")
    monkeypatch.setenv("ALEXFLOW_STORAGE", str(tmp_path / "elsewhere"))
    assert open_storage(None) == LocalStorage(tmp_path / "elsewhere")


def test_case(storage):
    assert storage.case_sensitive is (not Path(storage.base_path.upper()).exists())
    assert everything_below(storage.base_path) == []


# -- a fault leaves nothing behind, and names the path


def test_a_key_in_the_way_of_a_directory(storage):
    storage.write("file", b"1")
    for size in (1, MAX_INLINE_BYTES + 1):
        with pytest.raises(StorageError, match=r"cannot write .*/file/below"):
            storage.write("file/below", bytes(size))
    assert everything_below(storage.base_path) == ["file"]


@pytest.mark.parametrize("replace", [False, True])
def test_a_directory_in_the_way_of_a_key(storage, replace):
    storage.write("dir/a", b"1")
    for size in (1, MAX_INLINE_BYTES + 1):
        with pytest.raises(StorageError, match=r"cannot publish .*/dir: Is a directory \(EISDIR\); .* move it away"):
            storage.write("dir", bytes(size), replace=replace)
    assert everything_below(storage.base_path) == ["dir", "dir/a"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *[(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull), (errno.EFBIG, StorageFull)],
        *[(errno.EROFS, StorageDenied), (errno.EACCES, StorageDenied), (errno.EIO, StorageError)],
    ],
)
@pytest.mark.parametrize("size", [10, MAX_INLINE_BYTES + 1])
def test_writing_fails(storage, monkeypatch, code, kind, size):
    storage.write("old", b"1")
    real = os.write

    def write(fd, data):
        if len(data) >= 10:
            real(fd, bytes(data[:5]))  # the beginning still fits
            raise OSError(code, os.strerror(code))
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(kind, match=rf"cannot write .*/new: .* \({errno.errorcode[code]}\)") as caught:
        storage.write("new", bytes(size))
    monkeypatch.undo()
    assert type(caught.value) is kind
    assert (caught.value.path, caught.value.errno) == (storage.path_of("new"), code)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.path, again.errno) == (str(caught.value), caught.value.path, code)
    assert everything_below(storage.base_path) == ["old"]
    assert not open_below(storage.base_path)
    assert storage.read("old") == b"1"


def test_linking_fails(storage, monkeypatch):
    def link(*args, **kwargs):
        raise OSError(errno.EDQUOT, "quota")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(StorageError, match=r"cannot publish .*/new: quota"):
        storage.write("new", b"1")
    assert everything_below(storage.base_path) == []


def test_a_server_that_has_made_the_link_and_could_not_say_so(storage, named_files):
    """As NFS: the call is made again, and finds the name taken, by this very file."""
    staging = storage.open_staging("key")
    staging.file.write(bytes(MAX_INLINE_BYTES + 1))
    staged = staging.finish()
    os.link(staged.place.name, storage.path_of("key"))
    assert storage.publish(staged)
    assert storage.read("key") == bytes(MAX_INLINE_BYTES + 1)
    assert not storage.publish(storage.stage("key", b"too late"))
    assert storage.read("key") == bytes(MAX_INLINE_BYTES + 1)


def test_what_was_in_the_way_is_gone_again(storage, monkeypatch, named_files):
    def link(*args, **kwargs):
        raise FileExistsError(errno.EEXIST, "somebody was first, and removes it now")

    monkeypatch.setattr(os, "link", link)
    assert not storage.publish(storage.stage("key", bytes(MAX_INLINE_BYTES + 1)))
    assert everything_below(storage.base_path) == []


def test_a_file_system_without_links(storage, monkeypatch, named_files):
    def link(*args, **kwargs):
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", link)
    assert storage.write("key", b"1") is True
    assert storage.write("key", b"2") is False
    assert storage.read("key") == b"1"
    assert everything_below(storage.base_path) == ["key"]


def test_a_file_system_that_refuses_unnamed_files(tmp_path, monkeypatch):
    if new_file.UNNAMED_FILE is None:
        pytest.skip("so does this platform")
    real = os.open

    def open_(path, flags, mode=0o777, **kwargs):
        if flags & new_file.UNNAMED_FILE == new_file.UNNAMED_FILE:
            raise OSError(errno.EOPNOTSUPP, "no unnamed files")
        return real(path, flags, mode, **kwargs)

    monkeypatch.setattr(os, "open", open_)
    storage = LocalStorage(tmp_path)
    assert storage.write("dir/key", bytes(MAX_INLINE_BYTES + 1)) is True
    assert everything_below(tmp_path) == ["dir", "dir/key"]


def test_what_is_half_written_is_not_listed(storage, named_files):
    staged = storage.stage("dir/key", bytes(MAX_INLINE_BYTES + 1))
    assert list(storage.list()) == []
    assert len(everything_below(storage.base_path)) == 2  # there is a temporary file
    storage.discard(staged)
    assert everything_below(storage.base_path) == ["dir"]


@pytest.mark.parametrize("count", [MIN_KEYS_TO_LIST - 1, MIN_KEYS_TO_LIST, MAX_INLINE_KEYS, 2 * MAX_INLINE_KEYS])
def test_what_the_storage_keeps_to_itself_is_no_output(storage, named_files, count):
    keys = [f"{number}" for number in range(count)]
    for key in keys:
        storage.write(key, b"1")
    waiting = storage.stage("large", bytes(MAX_INLINE_BYTES + 1))
    asked = [*keys, *(f"not-{key}" for key in keys)]
    assert storage.exists_many(asked) == set(keys)
    assert sorted(storage.list()) == sorted(keys)
    (Path(storage.base_path) / "not-0").mkdir()
    assert storage.exists_many(asked) == set(keys)
    storage.discard(waiting)


def test_a_large_directory_whose_size_says_nothing_is_not_listed_for_few(storage, monkeypatch):
    """As on SMB: its size is always 0. It may be the event loop that would wait for all of its entries."""
    keys = [f"{number}" for number in range(MIN_KEYS_TO_LIST * 20)]
    for key in keys:
        storage.write(key, b"1")
    read = 0

    @contextlib.contextmanager
    def counting(path):
        def each(entries):
            nonlocal read
            for entry in entries:
                read += 1
                yield entry

        with real(path) as entries:
            yield each(entries)

    real, stat = os.scandir, os.stat
    monkeypatch.setattr(listing.os, "scandir", counting)
    monkeypatch.setattr(listing.os, "stat", lambda path: SimpleNamespace(st_size=0, st_mode=stat(path).st_mode))
    assert storage.exists_many([*keys[:MIN_KEYS_TO_LIST], "none"]) == set(keys[:MIN_KEYS_TO_LIST])
    assert 0 < read <= 4 * (MIN_KEYS_TO_LIST + 1) + 1


@pytest.mark.parametrize("place", ["", "/dev/shm"], ids=["disk", "memory"])
def test_a_directory_is_listed_only_if_most_of_it_is_asked_for(place, tmp_path, monkeypatch):
    """In memory 20 bytes a name are said: some hundred keys of a few thousand cost 14 µs each there, and cost 2."""
    if place and not os.path.isdir(place):
        pytest.skip("this system has no /dev/shm")
    listed = []
    for call in ("listdir", "scandir"):
        real = getattr(os, call)
        monkeypatch.setattr(listing.os, call, lambda path, real=real: listed.append(path) or real(path))
    with tempfile.TemporaryDirectory(dir=place or tmp_path) as base:
        keys = [f"module.Task.{number:040}.output.json" for number in range(1_000)]
        for key in keys:
            Path(base, key).touch()
        assert listing.existing(base, [*keys[:100], "none"]) == set(keys[:100])
        assert listed == []
        assert listing.existing(base, [*keys, "none"]) == set(keys)
        assert len(listed) == 1
        monkeypatch.undo()


def test_a_run_begins_without_a_look_at_the_outputs(storage, monkeypatch):
    storage.write("dir/key", b"1")
    looked_at: list[str] = []
    real = os.listdir
    monkeypatch.setattr(staging_area.os, "listdir", lambda path: looked_at.append(path) or real(path))
    monkeypatch.delattr(staging_area.os, "scandir")
    storage.prepare()
    assert looked_at == [f"{storage.base_path}/.alexflow/staging"]


def test_the_directory_vanished(storage):
    os.rmdir(storage.base_path)
    assert list(storage.list()) == []
    assert storage.exists_many([f"a/{n}" for n in range(1000)]) == set()


# -- on the event loop


@pytest.mark.anyio
async def test_a_cancelled_stream_leaves_nothing(storage, monkeypatch):
    """Its thread may outlive the call, so it has a descriptor of its own, which nobody else can have got meanwhile."""
    begun, go_on = threading.Event(), threading.Event()

    class SlowStream(io.BufferedWriter):
        def write(self, data):
            begun.set()
            go_on.wait(30)
            return super().write(data)

    streams: list[SlowStream] = []

    def slow_open(descriptor, mode):
        streams.append(SlowStream(io.FileIO(descriptor, mode)))
        return streams[-1]

    monkeypatch.setattr(background, "open", slow_open, raising=False)
    task = asyncio.ensure_future(storage.astage("key", bytes(2 * CHUNK_BYTES)))
    await asyncio.to_thread(begun.wait, 30)
    assert len(open_below(storage.base_path)) == 2  # the stream has one of its own
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert everything_below(storage.base_path) == []
    go_on.set()
    await asyncio.get_running_loop().shutdown_default_executor()
    assert streams[0].closed
    assert not open_below(storage.base_path)


@pytest.mark.anyio
async def test_large_ones_leave_the_loop_alone(storage):
    """Blockbuster (tests/conftest.py) raises if a large read or write happens on the loop."""
    data = os.urandom(3 * CHUNK_BYTES + 1)
    assert await storage.awrite("large", data) is True
    assert await storage.aread("large") == data
    keys = [f"{n}" for n in range(1000)]
    assert await storage.aexists_many(keys) == set()
    await storage.aremove_many(keys)


# -- how an unnamed file gets its name

needs_unnamed_files = pytest.mark.skipif(new_file.UNNAMED_FILE is None, reason="no unnamed files here")


@needs_unnamed_files
def test_a_child_publishes_its_own_file(tmp_path):
    storage = LocalStorage(tmp_path)
    storage.write("before", b"before")
    of_parent = new_file.write_unnamed(str(tmp_path), b"the parent's")
    pid = os.fork()
    if pid == 0:
        os.close(of_parent)  # so that the child's next file has its number
        with contextlib.suppress(BaseException):
            storage.write("child", b"the child's")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(of_parent)
    assert storage.read("child") == b"the child's"


@needs_unnamed_files
@pytest.mark.parametrize("other", [None, "file"])
def test_somebody_has_closed_what_files_are_linked_from(tmp_path, other):
    storage = LocalStorage(tmp_path)
    storage.write("before", b"before")
    at = new_file._process()
    os.close(at)
    if other is not None:
        fd = os.open(__file__, os.O_RDONLY)
        os.dup2(fd, at)
    storage.write("after", b"after")
    assert storage.read("after") == b"after"
    if other is not None:
        os.close(fd)
        os.close(at)
