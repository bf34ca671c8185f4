"""Outputs that a process has lately published or read are at hand while it runs tasks."""

import os
import pickle

import pytest

from alexflow import LocalStorage
from alexflow.errors import OutputNotFound
from alexflow.storage.local import read_cache
from alexflow.storage.local.read_cache import MAX_CACHED_BYTES, ReadCache


@pytest.fixture
def storage(tmp_path):
    storage = LocalStorage(tmp_path / "storage")
    storage.prepare()
    return storage


@pytest.fixture
def caching(storage):
    return storage.with_read_cache()


@pytest.fixture(params=["blocking", "async"])
async def read(request):
    async def read(storage, key):
        return storage.read(key) if request.param == "blocking" else await storage.aread(key)

    return read


pytestmark = pytest.mark.anyio


async def test_what_was_published_is_at_hand(storage, caching, read):
    caching.write("key", b"one")
    storage.write("key", b"two", replace=True)
    assert await read(caching, "key") == b"one"


async def test_what_was_read_is_at_hand(storage, caching, read):
    storage.write("key", b"one")
    assert await read(caching, "key") == b"one"
    storage.write("key", b"two", replace=True)
    assert await read(caching, "key") == b"one"


async def test_what_has_been_removed_is_not(storage, caching, read):
    caching.write("key", b"one")
    storage.remove_many(["key"])
    with pytest.raises(OutputNotFound):
        await read(caching, "key")
    storage.write("key", b"two")
    assert await read(caching, "key") == b"two"


async def test_nothing_is_when_in_doubt(storage, caching, read):
    caching.write("key", b"one")
    storage.write("key", b"two", replace=True)
    caching.invalidate()
    assert await read(caching, "key") == b"two"


async def test_nothing_of_what_it_was_not_the_first_to_publish(storage, caching, read):
    storage.write("key", b"one")
    assert not caching.write("key", b"two")
    assert await read(caching, "key") == b"one"


@pytest.mark.parametrize("data", [b"two", b"2" * (MAX_CACHED_BYTES + 1)], ids=["small", "large"])
async def test_what_replaces_it_is_at_hand(caching, read, data):
    caching.write("key", b"one")
    caching.write("key", data, replace=True)
    assert await read(caching, "key") == data


async def test_what_a_stream_puts_in_its_place_is_not_hidden(caching, read):
    caching.write("key", b"one")
    staging = caching.open_staging("key")
    staging.file.write(b"two")
    assert caching.publish(staging.finish(), replace=True)
    assert await read(caching, "key") == b"two"


async def test_what_it_removes_is_gone(caching, read):
    caching.write("key", b"one")
    caching.remove_many(["key"])
    with pytest.raises(OutputNotFound):
        await read(caching, "key")


async def test_what_is_large_is_read_from_the_disk(storage, caching, read):
    caching.write("key", b"1" * MAX_CACHED_BYTES)
    storage.write("key", b"two", replace=True)
    assert await read(caching, "key") == b"two"


async def test_a_storage_that_checks_reads_from_the_disk(storage, read):
    checking = storage.checking()
    assert checking.with_read_cache() is checking


async def test_the_same_storage_does_not_remember(storage, caching, read):
    assert caching == storage
    caching.write("key", b"one")
    storage.write("key", b"two", replace=True)
    assert await read(storage, "key") == b"two"
    assert await read(pickle.loads(pickle.dumps(caching)), "key") == b"two"


# -- how much is kept

THERE = os.path.abspath(__file__)


def test_the_latest_are_kept_and_not_much_more(monkeypatch):
    monkeypatch.setattr(read_cache, "GENERATION_BYTES", 10_000)
    kept = ReadCache()
    sizes = []
    for number in range(1_000):
        kept.put(str(number), bytes(100))
        held = [other for other in range(1_000) if kept.get(str(other), THERE) is not None]
        assert held == list(range(held[0], number + 1))
        sizes.append(len(held) * (100 + read_cache.ENTRY_OVERHEAD_BYTES))
    assert max(sizes) <= 20_000
    assert min(sizes[100:]) >= 9_000


def test_what_is_put_again_is_what_was_put_last(monkeypatch):
    monkeypatch.setattr(read_cache, "GENERATION_BYTES", 1_000)
    kept = ReadCache()
    kept.put("key", b"one")
    kept.put("other", bytes(400))
    kept.put("another", bytes(400))  # and now "key" is of the older generation
    kept.put("key", b"two")
    assert kept.get("key", THERE) == b"two"
    kept.drop("key")
    assert kept.get("key", THERE) is None
    assert kept.get("other", THERE) is not None
    kept.clear()
    assert kept.get("other", THERE) is None
