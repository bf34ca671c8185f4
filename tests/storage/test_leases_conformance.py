"""Promises of leases of every form: several engines' in one process, and a clock that the test moves."""

from __future__ import annotations

import asyncio
import logging

import pytest

from alexflow import RemoteStorage, open_storage
from alexflow.storage.local.leases import LocalLeases
from alexflow.storage.local.lock_file import AVAILABLE
from alexflow.storage.local.seat import Seats
from alexflow.storage.remote.leases import ENGINES, LEASES, LOOK_FOR_PEERS_EVERY, ObjectLeases
from tests.kit.servers.proxy import proxy

pytestmark = pytest.mark.anyio

TTL = 30.0

#: ``local`` is one engine a process; ``shared`` is all of them in one.
FORMS = ["local", "shared", "memory", "moto", "seaweedfs"]


class Clock:
    """Seconds, as the test says."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def looked(clock):
    """A call after which an engine has looked who is there; gives what its renewal does."""

    async def look(leases):
        clock.now += LOOK_FOR_PEERS_EVERY
        return await leases.renew()

    return look


def objects(storage, clock):
    return ObjectLeases(storage._connection, storage._keeps_the_first, storage.url, TTL, clock)


async def objects_of(storage):
    """Return the files that leases have left there."""
    connection = storage._connection()
    found = []
    for prefix in (ENGINES, LEASES):
        pages = (await connection.backend()).pages(prefix)
        while (page := await connection.next_page(prefix, pages)) is not None:
            found += page
    return found


def remote(kind, request, tmp_path):
    if kind == "memory":
        pytest.importorskip("fsspec")
        return RemoteStorage(f"memory:///{tmp_path.name}")  # of fsspec's, a server in this process
    server = request.getfixturevalue("server")(kind)
    return open_storage(server.url(), deadline=20, **server.options)


@pytest.fixture(params=FORMS)
async def engine(request, tmp_path, clock):
    """Leases of one engine more."""
    made = []
    storage = None
    if request.param not in ("local", "shared"):
        storage = remote(request.param, request, tmp_path)
    elif not AVAILABLE:
        pytest.skip("the system has no such locks")
    shared = Seats()

    def make():
        if storage is None:
            seats = shared if request.param == "shared" else Seats()
            made.append(LocalLeases(str(tmp_path), TTL, clock, seats))
        else:
            made.append(objects(storage, clock))
        return made[-1]

    yield make
    for leases in made:
        await leases.leave()
    if storage is not None:
        assert await objects_of(storage) == []
        await storage.aclose()
    assert not list(tmp_path.iterdir())


async def settled(leases):
    """Wait until what was released is free."""
    removing = getattr(leases, "_removing", None)
    if removing is not None:
        await removing


def wanted(*keys):
    return {key.upper(): [key] for key in keys}


async def test_who_is_alone_holds_everything(engine, looked):
    one, two = engine(), engine()
    await one.join()
    assert one.everything
    assert not one.has_peers()
    await two.join()
    assert not two.everything
    assert not await looked(one)
    assert one.has_peers()
    assert await two.take(wanted("a", "b")) == set()


async def test_what_is_kept_is_held_without_a_break_and_the_rest_is_free(engine):
    one, two = engine(), engine()
    await one.join()
    await two.join()
    kept = [f"kept-{n}" for n in range(100)]
    await one.keep_only(kept)
    assert not one.everything
    free = [f"free-{n}" for n in range(100)]
    assert await two.take(wanted(*kept, *free)) == {key.upper() for key in free}
    one.release(kept[:50])
    await settled(one)
    assert await two.take(wanted(*kept)) == {key.upper() for key in kept[:50]}


async def test_nothing_kept(engine):
    one, two = engine(), engine()
    await one.join()
    await two.join()
    await one.keep_only([])
    assert await two.take(wanted("a")) == {"A"}


async def test_a_task_is_held_as_a_whole(engine):
    one, two = engine(), engine()
    await one.join()
    await two.join()
    await one.keep_only(["b"])
    assert await two.take({"task": ["a", "b"]}) == set()
    await settled(two)
    assert await one.take({"other": ["a"]}) == {"other"}  # nothing is left of what was not taken
    one.release(["a", "b"])
    await settled(one)
    assert await two.take({"task": ["a", "b"]}) == {"task"}
    assert await one.held_by_peers({"x": ["x"], "a": ["a"], "b": ["b"]}) == {"a", "b"}


async def test_who_leaves_lets_go(engine):
    one, two = engine(), engine()
    await one.join()
    await one.leave()
    await two.join()
    assert two.everything
    await one.join()
    assert not one.everything
    await two.leave()
    assert await one.take(wanted("a")) == {"A"}


async def test_one_that_renews_is_not(engine, clock):
    one, two = engine(), engine()
    await one.join()
    await two.join()
    for _ in range(20):
        clock.now += TTL / 3
        assert not await one.renew()
        assert not await two.renew()
        assert await two.take(wanted("a")) == set()


async def test_one_that_shows_no_sign_of_life_loses_what_it_holds(engine, clock):
    stopped, two, three = engine(), engine(), engine()
    for each in (stopped, two, three):
        await each.join()
    for _ in range(3):
        assert await two.take(wanted("a")) == set()
        clock.now += TTL / 3 + 1
        for alive in (two, three):
            assert not await alive.renew()
            await alive.held_by_peers(wanted("a"))
    assert await two.take(wanted("a")) == {"A"}
    assert await three.take(wanted("a")) == set()  # two is alive
    assert await three.held_by_peers(wanted("a")) == {"A"}

    assert await stopped.renew()  # too late, and it is told so
    assert not await stopped.renew()
    assert stopped.has_peers()
    await stopped.keep_only(["b"])
    assert await three.take(wanted("b")) == set()  # it is there again
    assert await stopped.held_by_peers(wanted("a")) == {"A"}


async def test_of_two_who_join_at_once_one_at_most_holds_everything(engine):
    engines = [engine() for _ in range(4)]
    await asyncio.gather(*(each.join() for each in engines))
    assert sum(each.everything for each in engines) <= 1


async def test_of_many_who_want_the_same_one_at_most_has_it(engine):
    engines = [engine() for _ in range(4)]
    for each in engines:
        await each.join()
    await engines[0].keep_only([])
    tasks = wanted(*(f"key-{n}" for n in range(50)))
    taken = await asyncio.gather(*(each.take(tasks) for each in engines))
    assert sum(map(len, taken)) == len(set().union(*taken))


@pytest.fixture(params=["memory", "seaweedfs"])
async def storage(request, tmp_path):
    storage = remote(request.param, request, tmp_path)
    yield storage
    await storage.aclose()


async def test_what_a_dead_engine_held_is_cleared_away(storage, clock):
    dead, two = objects(storage, clock), objects(storage, clock)
    await dead.join()
    await two.join()
    await dead.keep_only(["a", "b"])
    assert await two.take(wanted("a", "c")) == {"C"}
    assert await two.held_by_peers(wanted("a", "b", "c", "d")) == {"A", "B"}
    for _ in range(4):
        clock.now += TTL / 3
        await two.renew()
    assert not two.has_peers()
    assert await two.take(wanted("a", "b")) == {"A", "B"}
    await two.leave()
    assert await objects_of(storage) == []


async def test_a_lease_of_nobody_is_cleared_away(storage, clock):
    """Its engine left while the request was on its way."""
    gone, two, three = (objects(storage, clock) for _ in range(3))
    for each in (gone, two, three):
        await each.join()
    await gone.keep_only(["a"])
    gone._held.clear()
    await gone.leave()
    assert await two.take(wanted("a")) == set()
    clock.now += TTL - 1
    for each in (two, three):
        await each.renew()
    clock.now += LOOK_FOR_PEERS_EVERY
    for each in (two, three):
        await each.renew()
    assert await two.take(wanted("a")) == {"A"}
    for each in (two, three):
        await each.leave()


async def test_who_was_stopped_takes_nobodys_lease_away(storage, clock):
    stopped, two = objects(storage, clock), objects(storage, clock)
    await stopped.join()
    await two.join()
    await stopped.keep_only(["a"])
    for _ in range(4):
        clock.now += TTL / 3
        await two.renew()
    assert await two.take(wanted("a")) == {"A"}
    stopped.release(["a"])
    await settled(stopped)
    assert await stopped.renew()
    assert await stopped.take(wanted("a")) == set()
    for each in (stopped, two):
        await each.leave()


async def test_a_storage_that_does_not_keep_the_first_gives_no_leases(server, clock, caplog):
    behind = server("rclone-s3")
    storage = open_storage(behind.url(), **behind.options)
    one, two = objects(storage, clock), objects(storage, clock)
    await one.join()
    assert one.everything
    for _ in range(2):
        with pytest.raises(OSError, match="does not enforce create-if-absent"):
            await two.join()
        await two.leave()
    said = [record.getMessage() for record in caplog.records if "no leases" in record.getMessage()]
    assert len(said) == 1
    await one.leave()
    await storage.aclose()


async def test_trouble_is_told_once_and_fails_nothing(server, clock, caplog):
    behind = server("seaweedfs")
    with proxy(behind.port) as before:
        options = behind.options | {"endpoint_url": f"http://127.0.0.1:{before.port}"}
        url = behind.url()
        # whoever meets the trouble gives up soon; without it a busy machine has time
        storage, hasty = (open_storage(url, deadline=seconds, **options) for seconds in (20, 1))
        used = storage
        one = objects(storage, clock)
        two = ObjectLeases(lambda: used._connection(), storage._keeps_the_first, url, TTL, clock)
        await one.join()
        await two.join()
        await one.keep_only(["a"])
        used, before.fault = hasty, lambda request: "busy"
        with caplog.at_level(logging.WARNING, "alexflow.storage"):
            assert await two.take(wanted("a")) == {"A"}
            assert await two.held_by_peers(wanted("a")) == set()
        assert len([record for record in caplog.records if "leases failed" in record.getMessage()]) == 1
        used, before.fault = storage, lambda request: None
        clock.now += TTL / 3
        assert not await two.renew()
        assert await two.held_by_peers(wanted("a")) == {"A"}
        for each in (two, one):
            await each.leave()
        for each in (storage, hasty):
            await each.aclose()
