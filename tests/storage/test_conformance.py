"""Promises that every storage keeps, in its blocking and its async form."""

import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier

import pytest
from anyio import create_task_group, to_thread

from alexflow import LocalStorage, RemoteStorage
from alexflow.errors import OutputNotFound, StorageError
from alexflow.storage import CacheStorage, PrefixStorage, Storage, Transaction
from alexflow.storage.files import CHUNK_BYTES
from alexflow.storage.local import listing, new_file
from alexflow.storage.local.read import MAX_INLINE_BYTES
from alexflow.storage.remote import connection
from alexflow.storage.remote.storage import CONCURRENCY
from tests.kit import processes

SIZES = [0, 1, MAX_INLINE_BYTES, MAX_INLINE_BYTES + 1, 2 * CHUNK_BYTES + 7]
KEYS = [
    "a",
    "a.pkl",
    "dir/a",
    "dir/sub/deep/a",
    "with space",
    "100%",
    "%2e%2e",
    "a?b=c&d#e",
    "ünïcode-日本-🐍",
    "..hidden..",
    ".dot",
    "a..b/...",
    "x" * 255,
    "-rf",
    "ab:c",
    "'\"`$(x)`;*",
    "new\nline",
]


#: What is refused, by how the URL begins.
ODD = {"az": "#?\n", "we": "#?%\n"}


class Blocking:
    """The blocking form, in a thread as it should be, so that one test covers both."""

    def __init__(self, storage: Storage):
        self.storage = storage

    def __getattr__(self, name):
        blocking = getattr(self.storage, name)

        async def call(*args, **kwargs):
            return await to_thread.run_sync(partial(blocking, *args, **kwargs))

        return call

    async def list(self, prefix=""):
        return await to_thread.run_sync(lambda: sorted(self.storage.list(prefix)))

    async def write_all(self, keys):
        """Store nothing under each of them, some at the same time."""
        remaining = iter(keys)

        async def write() -> None:
            for key in remaining:
                await self.write(key, b"")

        async with create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(write)


class Async(Blocking):
    def __getattr__(self, name):
        return getattr(self.storage, f"a{name}")

    async def list(self, prefix=""):
        return sorted([key async for key in self.storage.alist(prefix)])


@pytest.fixture(params=[Blocking, Async])
def form(request, storage):
    return request.param(storage)


# what aiohttp says to clients that give it more than 1 MiB as bytes, which Azure's and Google's do
pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")]


def content(size: int) -> bytes:
    return random.Random(size).randbytes(size)


async def test_absent(form):
    assert await form.exists_many(["a", "b/c"]) == set()
    assert await form.exists_many([]) == set()
    assert await form.list() == []
    for read in (form.read, form.size):
        with pytest.raises(OutputNotFound, match=r"nothing is stored under '(team/mine/)?b/c'") as caught:
            await read("b/c")
        assert caught.value.key == "b/c"
    await form.remove_many(["a", "b/c"])


@pytest.mark.parametrize("size", SIZES)
async def test_written_is_whole(form, published, size):
    assert await form.write("dir/key", content(size)) is True
    where = type(form)(published())
    assert await where.exists_many(["dir/key"]) == {"dir/key"}
    assert await where.read("dir/key") == content(size)
    assert await where.size("dir/key") == size
    assert await where.list() == ["dir/key"]


@pytest.mark.parametrize("size", SIZES)
async def test_staged_is_invisible_and_discarding_leaves_nothing(form, storage, size):
    staged = await form.stage("dir/key", content(size))
    assert (staged.key, staged.size) == ("dir/key", size)
    assert storage.read_staged(staged) == content(size)
    assert await form.exists_many(["dir/key"]) == set()
    assert await form.list() == []
    with pytest.raises(OutputNotFound):
        await form.read("dir/key")
    await form.discard(staged)
    assert await form.exists_many(["dir/key"]) == set()
    assert await form.list() == []


@pytest.mark.parametrize("size", SIZES)
async def test_staged_can_be_read_again_and_then_published(form, storage, published, size):
    staged = await form.stage("key", content(size))
    assert storage.read_staged(staged) == content(size)
    assert storage.read_staged(staged) == content(size)
    assert await form.publish(staged) is True
    assert await type(form)(published()).read("key") == content(size)


@pytest.mark.parametrize("size", [3, MAX_INLINE_BYTES + 1])
async def test_the_first_publisher_wins_unless_told_to_replace(form, published, size):
    first, second, third = (bytes([n]) * size for n in range(3))
    await form.write("key", first)
    where = type(form)(published())
    assert await where.write("key", second) is False
    assert await where.read("key") == first
    assert await where.write("key", third, replace=True) is True
    assert await where.read("key") == third
    assert await where.write("new", third, replace=True) is True
    assert await where.list() == ["key", "new"]


async def test_two_staged_for_one_key(form, published):
    one, other = [await form.stage("key", content(MAX_INLINE_BYTES + n)) for n in (1, 2)]
    await form.publish(one)
    published()
    await form.discard(other)
    assert await type(form)(published()).read("key") == content(MAX_INLINE_BYTES + 1)


@pytest.mark.parametrize("key", KEYS)
async def test_keys(form, published, key, request):
    if request.node.callspec.params["storage"].startswith("moto") and "\n" in key:
        pytest.skip("moto's own routes end at a line break")
    if getattr(form.storage, "url", "").startswith(("az:", "webdav:")) and not set(
        ODD[form.storage.url[:2]]
    ).isdisjoint(key):
        with pytest.raises(StorageError, match="would not keep; rename it"):
            await form.write(key, key.encode())
        return
    await form.write(key, key.encode())
    where = type(form)(published())
    assert await where.exists_many([key, f"{key[:-1]}~"]) == {key}
    assert await where.read(key) == key.encode()
    assert await where.list() == [key]
    await where.remove_many([key])
    assert await where.exists_many([key]) == set()


async def test_a_key_does_not_exist_because_others_lie_below_it(form, published):
    await form.write("dir/sub/a", b"1")
    where = type(form)(published())
    assert await where.exists_many(["dir", "dir/sub", "dir/sub/a"]) == {"dir/sub/a"}
    for read in (where.read, where.size):
        with pytest.raises(OutputNotFound):
            await read("dir/sub")
    await where.remove_many(["dir/sub", "dir"])
    assert await where.exists_many(["dir/sub/a"]) == {"dir/sub/a"}


async def test_nothing_lies_below_a_key(form, published):
    await form.write("file", b"1")
    where = type(form)(published())
    assert await where.exists_many(["file/a"]) == set()
    assert await where.list("file/") == []
    await where.remove_many(["file/a"])
    for read in (where.read, where.size):
        with pytest.raises(OutputNotFound):
            await read("file/a")


async def test_list_by_prefix(form, published):
    for key in ("a", "ab/c", "ab/d/e", "abc", "b/a", "bc"):
        await form.write(key, b"")
    where = type(form)(published())
    assert await where.list() == ["a", "ab/c", "ab/d/e", "abc", "b/a", "bc"]
    assert await where.list("a") == ["a", "ab/c", "ab/d/e", "abc"]
    assert await where.list("ab/") == ["ab/c", "ab/d/e"]
    assert await where.list("ab/d") == ["ab/d/e"]
    assert await where.list("b") == ["b/a", "bc"]
    assert await where.list("nowhere/x") == []


@pytest.fixture
def few(storage):
    """Return the number of keys that are looked for one by one, whatever else is there."""
    return connection.MAX_SINGLE_QUESTIONS if isinstance(storage, RemoteStorage) else listing.MAX_INLINE_KEYS


@pytest.mark.parametrize("directory", ["", "dir/"])
@pytest.mark.parametrize("count", ["one", "few", "one more", "many"])
async def test_exists_many_few_and_many(form, published, few, directory, count):
    number = {"one": 1, "few": few, "one more": few + 1, "many": 4 * few}[count]
    stored = [f"{directory}{n}" for n in range(0, number, 2)]
    await form.write_all(stored)
    where = type(form)(published())
    asked = [f"{directory}{n}" for n in range(number)] + ["elsewhere/1"] * 2
    assert await where.exists_many(asked) == set(stored)


async def test_exists_many_asks_for_few_of_a_large_directory(form, published, few):
    await form.write_all([*(f"large/{n}" for n in range(50)), *(f"many/{n}" for n in range(few + 1))])
    where = type(form)(published())
    asked = ["large/7", "large/none", *(f"many/{n}" for n in range(2 * few))]
    assert await where.exists_many(asked) == {"large/7", *(f"many/{n}" for n in range(few + 1))}


async def test_remove_many(form, published, few):
    keys = [f"d{n % 3}/{n}" for n in range(max(2 * few, 3 * CONCURRENCY))]
    await form.write_all(keys)
    where = type(form)(published())
    await where.remove_many(iter([*keys[1:], "never"]))
    assert await where.list() == keys[:1]
    assert await where.write(keys[1], b"again") is True


def test_eight_threads_race(storage, published):
    if isinstance(storage, Transaction):
        pytest.skip("a transaction belongs to one attempt")
    for round_ in range(20 if storage.answers_at_once else 4):
        barrier = Barrier(8)

        def publish(n, round_=round_, barrier=barrier):
            staged = storage.stage(f"key/{round_}", bytes([n]) * (MAX_INLINE_BYTES + 1 if round_ % 2 else 10))
            barrier.wait(timeout=30)
            return n if storage.publish(staged) else None

        with ThreadPoolExecutor(8) as threads:
            winners = [n for n in threads.map(publish, range(8)) if n is not None]
        assert len(winners) == 1
        assert set(storage.read(f"key/{round_}")) == set(winners)


def test_eight_threads_store_where_no_directory_is_yet(storage):
    if isinstance(storage, Transaction):
        pytest.skip("a transaction belongs to one attempt")
    for round_ in range(4):
        barrier = Barrier(8)

        def write(n, round_=round_, barrier=barrier):
            barrier.wait(timeout=30)
            return storage.write(f"new/in/{round_}/{n}", b"")

        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(write, range(8))) == [True] * 8


RACER = """
import sys
from alexflow import LocalStorage, RemoteStorage
from alexflow.storage import PrefixStorage
from alexflow.storage.local.read import MAX_INLINE_BYTES
from alexflow.storage.local import new_file
path, number, named = sys.argv[1:]
if named == "True":
    new_file.UNNAMED_FILE = None
storage = LocalStorage(path)
staged = [storage.stage(f"key/{n}", number.encode() * (MAX_INLINE_BYTES + 1)) for n in range(20)]
print("ready", flush=True)
sys.stdin.readline()
print(*(n for n, item in enumerate(staged) if storage.publish(item)))
"""


def test_four_processes_race(storage):
    if not isinstance(storage, LocalStorage):
        pytest.skip("cannot be reached from another process")
    command = [sys.executable, "-c", RACER, storage.base_path]
    processes = [
        subprocess.Popen(
            [*command, str(n), str(new_file.UNNAMED_FILE is None)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    assert list(storage.list()) == []
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    won = [process.communicate(timeout=60)[0].split() for process in processes]
    assert sorted(int(n) for numbers in won for n in numbers) == list(range(20))
    for number, numbers in enumerate(won):
        for n in numbers:
            assert storage.read(f"key/{n}") == str(number).encode() * (MAX_INLINE_BYTES + 1)


# -- nothing is left behind


def open_descriptors(storage: Storage) -> int:
    """Count them, without the sockets of a client that keeps some connections for its next requests.

    Such a client opens one more where a reply's connection has not come back to it yet.
    """
    found = processes.open_descriptors().values()
    pooled = [each for each in found if isinstance(storage, RemoteStorage) and each.startswith("socket:")]
    assert len(pooled) < CONCURRENCY
    return len(found) - len(pooled)


def files_below(path: Path) -> set[str]:
    return {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc/self/fd")
async def test_no_descriptor_and_no_file_is_left(form, storage, published, tmp_path):
    async def use(name):
        for size in (10, MAX_INLINE_BYTES + 1):
            for times in range(2):
                await form.write(f"{name}/{size}", content(size), replace=bool(times))
            await form.write(f"{name}/{size}", content(size))
            await form.discard(await form.stage(f"{name}/{size}", content(size)))
            await form.read(f"{name}/{size}")
        if isinstance(storage, Transaction):
            storage.publish_all()

    await use("warm-up")
    before = open_descriptors(storage)
    await use("a")
    if isinstance(storage, Transaction):
        await form.write("a/10", content(10))
        await form.write("a/x", content(MAX_INLINE_BYTES + 1))
        await storage.adiscard_all()
    assert open_descriptors(storage) == before
    if (tmp_path / "storage").exists():
        keys = {f"{name}/{size}" for name in ("warm-up", "a") for size in (10, MAX_INLINE_BYTES + 1)}
        below = "team/mine/" if isinstance(storage, PrefixStorage) else ""
        assert files_below(tmp_path / "storage") == {f"{below}{key}" for key in keys}


async def test_the_time_of_publication_is_kept(form, published):
    assert await form.modified("key") is None
    before = time.time()
    await form.write("key", b"first")
    where = type(form)(published())
    first = await where.modified("key")
    if isinstance(where.storage, CacheStorage):  # the storage's time is not that of its copies
        assert first is None
        return
    assert before - 2 < first < time.time() + 2  # servers keep whole seconds
    await where.remove_many(["key"])
    assert await where.modified("key") is None
