"""What a process that runs tasks has at hand of the outputs it has lately published or read."""

import pickle

import pytest

from alexflow import LocalStorage
from alexflow.errors import OutputNotFound
from alexflow.storage.local import read_cache
from alexflow.storage.local.read_cache import LARGEST, Recent


@pytest.fixture
def storage(tmp_path):
    storage = LocalStorage(tmp_path / "storage")
    storage.prepare()
    return storage


@pytest.fixture
def remembering(storage):
    return storage.remembering()


@pytest.fixture(params=["blocking", "async"])
async def read(request):
    async def read(storage, key):
        return storage.read(key) if request.param == "blocking" else await storage.aread(key)

    return read


pytestmark = pytest.mark.anyio


async def test_what_was_published_is_at_hand(storage, remembering, read):
    remembering.write("key", b"one")
    storage.write("key", b"two", replace=True)
    assert await read(remembering, "key") == b"one"


async def test_what_was_read_is_at_hand(storage, remembering, read):
    storage.write("key", b"one")
    assert await read(remembering, "key") == b"one"
    storage.write("key", b"two", replace=True)
    assert await read(remembering, "key") == b"one"


async def test_what_has_been_removed_is_not(storage, remembering, read):
    remembering.write("key", b"one")
    storage.remove_many(["key"])
    with pytest.raises(OutputNotFound):
        await read(remembering, "key")
    storage.write("key", b"two")
    assert await read(remembering, "key") == b"two"


async def test_nothing_is_when_in_doubt(storage, remembering, read):
    remembering.write("key", b"one")
    storage.write("key", b"two", replace=True)
    remembering.doubt()
    assert await read(remembering, "key") == b"two"


async def test_nothing_of_what_it_was_not_the_first_to_publish(storage, remembering, read):
    storage.write("key", b"one")
    assert not remembering.write("key", b"two")
    assert await read(remembering, "key") == b"one"


@pytest.mark.parametrize("data", [b"two", b"2" * (LARGEST + 1)], ids=["small", "large"])
async def test_what_replaces_it_is_at_hand(remembering, read, data):
    remembering.write("key", b"one")
    remembering.write("key", data, replace=True)
    assert await read(remembering, "key") == data


async def test_what_a_stream_puts_in_its_place_is_not_hidden(remembering, read):
    remembering.write("key", b"one")
    staging = remembering.open_staging("key")
    staging.file.write(b"two")
    assert remembering.publish(staging.finish(), replace=True)
    assert await read(remembering, "key") == b"two"


async def test_what_it_removes_is_gone(remembering, read):
    remembering.write("key", b"one")
    remembering.remove_many(["key"])
    with pytest.raises(OutputNotFound):
        await read(remembering, "key")


async def test_what_is_large_is_read_from_the_disk(storage, remembering, read):
    remembering.write("key", b"1" * LARGEST)
    storage.write("key", b"two", replace=True)
    assert await read(remembering, "key") == b"two"


async def test_a_storage_that_checks_reads_from_the_disk(storage, read):
    checking = storage.checking()
    assert checking.remembering() is checking


async def test_the_same_storage_does_not_remember(storage, remembering, read):
    assert remembering == storage
    remembering.write("key", b"one")
    storage.write("key", b"two", replace=True)
    assert await read(storage, "key") == b"two"
    assert await read(pickle.loads(pickle.dumps(remembering)), "key") == b"two"


# -- how much is kept


def test_the_latest_are_kept_and_not_much_more(monkeypatch):
    monkeypatch.setattr(read_cache, "GENERATION", 10_000)
    kept = Recent()
    sizes = []
    for number in range(1_000):
        kept.put(str(number), bytes(100))
        held = [other for other in range(1_000) if kept.get(str(other)) is not None]
        assert held == list(range(held[0], number + 1))
        sizes.append(len(held) * (100 + read_cache.OVERHEAD))
    assert max(sizes) <= 20_000
    assert min(sizes[100:]) >= 9_000


def test_what_is_put_again_is_what_was_put_last(monkeypatch):
    monkeypatch.setattr(read_cache, "GENERATION", 1_000)
    kept = Recent()
    kept.put("key", b"one")
    kept.put("other", bytes(400))
    kept.put("another", bytes(400))  # and now "key" is of the older generation
    kept.put("key", b"two")
    assert kept.get("key") == b"two"
    kept.drop("key")
    assert kept.get("key") is None
    assert kept.get("other") is not None
    kept.clear()
    assert kept.get("other") is None
