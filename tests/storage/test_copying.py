"""Copies: by the server where it can, else by way of this process; complete, and only where there is nothing yet."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from alexflow import LocalStorage, MemoryStorage, open_storage
from alexflow.errors import DefinitionError, OutputNotFound
from alexflow.storage import CacheStorage, Copies, PrefixStorage, acopy, copy
from alexflow.storage.copying import acopy_object, copy_object
from alexflow.storage.remote.multipart import MAX_BYTES_IN_MEMORY
from tests.kit.servers.proxy import proxy
from tests.storage.conftest import SERVERS

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning"),  # as in test_conformance.py
]

CONTENTS = {
    "empty": b"",
    "dir/small": b"small",
    "with space & ü": b"x" * 1000,
    "large": os.urandom(MAX_BYTES_IN_MEMORY + 1),
}


async def contents(storage):
    return {key: await storage.aread(key) async for key in storage.alist()}


async def fill(storage, stored=CONTENTS):
    for key, data in stored.items():
        await storage.awrite(key, data)


@pytest.fixture(params=["to", "from", "within"])
def pair(request, tmp_path, kind):
    """Two storages of which one at least is of a kind."""
    local = LocalStorage(tmp_path / "local")
    local.prepare()
    return {"to": (local, kind()), "from": (kind(), local), "within": (kind(), kind())}[request.param]


@pytest.fixture(params=["local", "memory", *SERVERS])
def kind(request, tmp_path):
    def new():
        if request.param == "local":
            storage = LocalStorage(tmp_path / os.urandom(4).hex())
            storage.prepare()
            return storage
        if request.param == "memory":
            return MemoryStorage()
        server = request.getfixturevalue("server")(request.param)
        return open_storage(server.url(), **server.options)

    return new


async def test_all(pair):
    source, target = pair
    await fill(source)
    told = []
    done = await acopy(source, target, progress=told.append)
    assert done == told[-1] == Copies(copied=4, total=4)
    assert [each.copied for each in told[:4]] == [1, 2, 3, 4]
    assert await contents(target) == await contents(source) == CONTENTS
    assert await asyncio.to_thread(copy, source, target) == Copies(existed=4, total=4)
    assert (await target.averify()).ok


async def test_some(pair):
    source, target = pair
    await fill(source)
    await target.awrite("empty", b"own")
    done = await asyncio.to_thread(copy, source, target, iter(["empty", "dir/small", "none", "empty"]))
    assert done == Copies(copied=1, existed=1, total=2, missing=("none",))
    assert await contents(target) == {"empty": b"own", "dir/small": b"small"}
    assert await acopy(source, PrefixStorage(target, "below/it"), prefix="dir/") == Copies(copied=1, total=1)
    assert await target.aread("below/it/dir/small") == b"small"


@pytest.mark.parametrize("copy_one", [acopy_object, lambda *args: asyncio.to_thread(copy_object, *args)])
async def test_one(pair, copy_one):
    source, target = pair
    await fill(source)
    for key in CONTENTS:
        assert await copy_one(source, key, target, f"new/{key}") in ("copied", "linked")
        other = "empty" if key == "dir/small" else "dir/small"
        assert await copy_one(source, other, target, f"new/{key}") == "existed"
        assert await target.aread(f"new/{key}") == CONTENTS[key]
    with pytest.raises(OutputNotFound):
        await copy_one(source, "none", target)


# -- what an object store does by itself


@pytest.fixture(params=["seaweedfs", "moto", "fake-gcs"])
def seen(request, server):
    """Two storages on one server, and what comes by there."""
    behind = server(request.param)
    with proxy(behind.port) as before:
        options = behind.options | {"endpoint_url": f"http://127.0.0.1:{before.port}"}
        yield *(open_storage(behind.url(), **options) for _ in range(2)), before


async def test_no_byte_comes_by_here(seen):
    source, target, before = seen
    stored = {f"{n}": os.urandom(100 + n) for n in range(40)} | CONTENTS
    await fill(source, stored)
    await target.awrite("first", b"")
    before.requests.clear()
    below = PrefixStorage(target, "below")
    assert (await acopy(await asyncio.to_thread(CacheStorage, source, "/nowhere"), below)).copied == len(stored)
    objects = [each.path for each in before.requests if each.path.startswith("/bucket/") or "alt=media" in each.path]
    gets = [each.path for each in before.requests if each.method == "GET"]
    assert not set(objects) & set(gets)
    assert await contents(below) == stored
    found = await target.averify()
    assert (found.good, found.unrecorded) == (len(stored) + 1, 0)  # the digests have come along
    await source.aclose()
    await target.aclose()


@pytest.mark.parametrize("kind", ["seaweedfs", "moto"], indirect=True)  # fake-gcs-server keeps no condition of copies
async def test_of_many_at_once_one_wins(kind):
    source, target = kind(), kind()
    keys = [f"{n}" for n in range(8)]
    await fill(source, {key: key.encode() for key in keys})
    done = await asyncio.gather(*(target.acopy_from(source, key, "key") for key in keys))
    assert sum(done) == 1
    assert await target.aread("key") == keys[done.index(True)].encode()


@pytest.fixture
def here(tmp_path):
    storage = LocalStorage(tmp_path / "here")
    storage.prepare()
    return storage


@pytest.mark.parametrize("kind", ["memory", "moto"], indirect=True)
async def test_what_is_damaged_is_not_copied(here, kind):
    source, target = here, kind()
    await fill(source)
    await asyncio.to_thread(Path(source.path_of("large")).write_bytes, b"other")
    assert await acopy(source, target) == Copies(copied=3, total=3, damaged=("large",))
    assert not await target.aexists_many(["large"])


ARGUMENTS: dict[str, list[Any]] = {"concurrency": [0, 1.5], "keys": ["key", 5], "progress": [1]}
WRONG = [{name: value} for name, values in ARGUMENTS.items() for value in values]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
async def test_what_would_copy_nothing_is_refused(wrong):
    with pytest.raises(DefinitionError, match=next(iter(wrong))):
        await acopy(MemoryStorage(), MemoryStorage(), **wrong)


async def test_any_number_at_once_is_no_more_than_there_are():
    source, target = MemoryStorage(), MemoryStorage()
    source.write("key", b"1")
    assert await acopy(source, target, concurrency=10**30) == Copies(copied=1, total=1)
