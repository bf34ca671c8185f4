"""13 and 14 on an object store: each task runs once while leases hold; who dies or stops is followed after the TTL."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from functools import partial

import pytest

from alexflow import open_storage
from alexflow.storage.keys import RESERVED
from alexflow.storage.leases.objects import ENGINES
from tests.faults.shared_storage import MANY, end, outcome, start
from tests.faults.workflows import Held
from tests.processes import descendants_of, wait_until_stopped
from tests.servers.s3 import environment

SHORT, LONG = 3.0, 3600.0  # seconds of ttl


@pytest.fixture(params=["seaweedfs", "moto"])
def bucket(request, server):
    """A storage, and a call that starts an engine on it."""
    behind = server(request.param)
    url = behind.url()

    def begin(*arguments):
        engine = start(url, *arguments, **environment(behind.port))
        request.addfinalizer(partial(end, engine))
        return engine

    return open_storage(url, **behind.options), begin


def left_behind(storage):
    """Objects of leases."""

    async def look():
        connection = storage._connection()
        pages = (await connection.backend()).pages(RESERVED)
        found = []
        while (page := await connection.next_page(RESERVED, pages)) is not None:
            found += page
        return found

    return asyncio.run(look())


def engines_there(storage):
    return {name.removeprefix(ENGINES).split(".")[0] for name in left_behind(storage) if name.startswith(ENGINES)}


def test_each_task_runs_once_and_both_end_well(bucket, log):
    storage, begin = bucket
    engines = [begin(log, LONG, "many") for _ in range(2)]
    found = [outcome(engine)[0] for engine in engines]
    assert Counter(log.read_text().split()) == Counter(MANY)
    assert len({one["value"] for one in found}) == 1
    assert all(one["dropped"] == [] for one in found)
    assert left_behind(storage) == []


def test_one_is_killed_in_the_middle(bucket, log):
    _, begin = bucket
    victim, other = (begin(log, SHORT, "many") for _ in range(2))
    while len(log.read_text().split()) < 40:
        assert victim.poll() is None
    victim.kill()
    found, _ = outcome(other)
    ran = Counter(log.read_text().split())
    assert ran.keys() == set(MANY)
    assert ran.total() - len(MANY) <= 60  # what was in flight with it
    assert found["value"] == sum([*range(74), *range(100, 125), *range(200, 250)])


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_it_is_taken_over_when_the_holder_shows_no_sign_of_life(bucket, log, fifo, how):
    storage, begin = bucket
    told, gate, told_other, gate_other = (fifo(name) for name in ("told", "gate", "told other", "gate other"))
    holder = begin(log, SHORT, "held", told.path, gate.path)
    asyncio.run(told.hear())
    pids = [holder.pid, *descendants_of(holder.pid)]
    if how == "killed":
        holder.kill()
    else:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for pid in pids:
            wait_until_stopped(pid)
    other = begin(log, SHORT, "held", told_other.path, gate_other.path)
    asyncio.run(told_other.hear())  # it has waited in vain, and runs the task itself
    gate_other.open_gate()
    found, _ = outcome(other)
    assert (found["ran"], found["dropped"], found["value"]) == (1, [], 1)
    if how == "stopped":
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)
        gate.open_gate()
        found, said = outcome(holder)
        assert (found["ran"], found["dropped"], found["value"]) == (1, [], 1)  # equal bytes are its own publication
        assert f"this engine stood still for longer than its leases last ({SHORT:g} s)" in said
    assert left_behind(storage) == []


def test_one_waits_for_the_other(bucket, log, fifo):
    storage, begin = bucket
    told, gate, told_other, unused = (fifo(name) for name in ("told", "gate", "told other", "gate other"))
    holder = begin(log, LONG, "held", told.path, gate.path)
    asyncio.run(told.hear())
    other = begin(log, LONG, "held", told_other.path, unused.path)
    while len(engines_there(storage)) < 2:
        assert other.poll() is None
    gate.open_gate()
    found, _ = outcome(holder)
    assert (found["ran"], found["dropped"]) == (1, [])
    found, _ = outcome(other)
    assert (found["ran"], found["cached"], found["value"]) == (0, 1, 1)
    assert told_other.heard() == []
    assert storage.exists_many([Held(1).output().key])
    assert left_behind(storage) == []
