"""13 on an object store: each task runs once while leases hold; who dies is followed after the TTL."""

from __future__ import annotations

import asyncio
from collections import Counter

from alexflow.storage.remote.leases import ENGINES, LEASES
from tests.faults.shared_storage import MANY, left_behind, outcome
from tests.faults.workflows import Held

SHORT, LONG = 3.0, 3600.0  # seconds of ttl


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


def test_one_waits_for_the_other(bucket, log, fifo):
    storage, begin = bucket
    told, gate, told_other, unused = (fifo(name) for name in ("told", "gate", "told other", "gate other"))
    holder = begin(log, LONG, "held", told.path, gate.path)
    asyncio.run(told.receive())
    other = begin(log, LONG, "held", told_other.path, unused.path)
    while len(engines_there(storage)) < 2:
        assert other.poll() is None
    gate.open_gate()
    found, _ = outcome(holder)
    assert (found["ran"], found["dropped"]) == (1, [])
    found, _ = outcome(other)
    assert (found["ran"], found["cached"], found["value"]) == (0, 1, 1)
    assert told_other.received() == []
    assert storage.exists_many([Held(1).output().key])
    assert left_behind(storage) == []


def test_the_next_engine_of_the_machine_goes_on_at_once(bucket, log):
    storage, begin = bucket
    victim = begin(log, LONG, "many")
    while len(log.read_text().split()) < 40:
        assert victim.poll() is None
    victim.kill()  # and is not reaped: a process that has ended may still have its number
    found, _ = outcome(begin(log, LONG, "many"))
    assert set(log.read_text().split()) == set(MANY)
    assert found["value"] == sum([*range(74), *range(100, 125), *range(200, 250)])
    assert not any(name.startswith((ENGINES, LEASES)) for name in left_behind(storage))
