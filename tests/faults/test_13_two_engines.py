"""13: two engines, same target, same storage: each task runs once while leases hold; both end well."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from dataclasses import dataclass
from functools import partial

import pytest

from alexflow import BinaryOutput, Engine, Output, Task
from alexflow.events import TasksMadeElsewhere
from tests.faults.shared_storage import MANY, end, has_joined, outcome, start
from tests.faults.workflows import Exclusive, Held, HeldInThread, Number, Sum, WaitsForEvent, gates, said

TTL = 3600.0  # seconds: nothing here is taken over because of it


@pytest.mark.parametrize("engines", [2, 4])
def test_each_task_runs_once_and_all_end_well(place, log, engines):
    running = [start(place, log, TTL, "many") for _ in range(engines)]
    found = [outcome(engine)[0] for engine in running]
    assert Counter(log.read_text().split()) == Counter(MANY)
    assert len({one["value"] for one in found}) == 1
    assert all(one["dropped"] == [] for one in found)
    assert not [name for name in os.listdir(place) if "Passing" in name]
    assert not [name for name in os.listdir(place) if name.startswith(".alexflow-")]


def test_one_is_killed_in_the_middle(place, log, request):
    """The other takes over at once what it was running; nothing else runs twice."""
    victim, other = (start(place, log, TTL, "many") for _ in range(2))
    request.addfinalizer(partial(end, victim))
    while len(log.read_text().split()) < 40:
        assert victim.poll() is None
    victim.kill()
    found, _ = outcome(other)
    ran = Counter(log.read_text().split())
    assert ran.keys() == set(MANY)
    # in flight with it: what its two workers had, and what was on its loop; and what it had read of what passes
    assert ran.total() - len(MANY) <= 60
    assert found["value"] == sum([*range(74), *range(100, 125), *range(200, 250)])


def test_it_is_taken_over_at_once_when_the_holder_is_killed(place, log, fifo, request):
    told, gate, told_other, gate_other = (fifo(name) for name in ("told", "gate", "told other", "gate other"))
    holder = start(place, log, TTL, "held", told.path, gate.path)
    request.addfinalizer(partial(end, holder))
    asyncio.run(told.receive())
    other = start(place, log, TTL, "held", told_other.path, gate_other.path)
    request.addfinalizer(partial(end, other))
    has_joined(place, other)
    holder.kill()
    asyncio.run(told_other.receive())  # long before the time to live is over
    gate_other.open_gate()
    assert outcome(other)[0]["ran"] == 1
    assert log.read_text().split() == ["1"]


async def until_made(engine, task):
    """Wait until a task's output exists."""
    while not await engine.storage.aexists_many([task.output().key]):  # noqa: ASYNC110  # there is nobody who would tell
        await asyncio.sleep(0)


async def until_made_elsewhere(engine):
    """Return the number of tasks that another engine has made, as soon as it has made any."""
    async for event in engine.events():
        if isinstance(event, TasksMadeElsewhere):
            return len(event.task_ids)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [Held, HeldInThread])
async def test_in_one_process(place, log, fifo, kind):
    told, gate = fifo("told"), fifo("gate")
    task = kind(1, str(log), told.path, gate.path)
    async with Engine(place, workers=1) as one, Engine(place, workers=1) as two:
        first = asyncio.create_task(one.run(task))
        await told.receive()
        told_of = asyncio.create_task(until_made_elsewhere(two))
        second = asyncio.create_task(two.run([task, Number(2, str(log))]))
        await until_made(two, Number(2))
        gate.open_gate()
        assert (await first).ran == 1
        result = await second
        assert (result.ran, result.cached, await told_of) == (1, 1, 1)
    assert sorted(log.read_text().split()) == ["1", "2"]
    assert not [name for name in os.listdir(place) if name.startswith(".alexflow-")]


@dataclass(frozen=True)
class TaggedWait(WaitsForEvent):
    """Takes the same slot as another."""

    @property
    def tags(self):
        return {"gpu"}


@pytest.mark.anyio
async def test_one_that_waits_holds_no_slot_and_can_be_cancelled(place, log, fifo, tmp_path, said):
    """The task that it waits for goes on with the other engine."""
    gates["open"] = asyncio.Event()
    task = TaggedWait(1, event="open")
    exclusive = Exclusive(2, str(log), str(tmp_path / "lock"))
    async with Engine(place) as one, Engine(place, workers=1, limits={"gpu": 1}) as two:
        first = asyncio.create_task(one.run(task))
        await said.reach(1)
        waiting = asyncio.create_task(two.run(Sum((task.output(), exclusive.output()), log=str(log))))
        await until_made(two, exclusive)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gates["open"].set()
        assert (await first).ran == 1
        assert (await two.run(Number(3, str(log)))).ran == 1
    assert said == ["began 1"]


@dataclass(frozen=True)
class Passes(Task):
    """Reads what passes, and what it makes passes, too."""

    before: Output[int]
    name: str

    def input(self):
        return self.before.as_ephemeral()

    def output(self):
        return self.build_output(BinaryOutput, key=self.name)

    async def run(self, input, output):
        said.append(self.name)
        await output.astore(await input.aload() + 1)


@pytest.mark.anyio
async def test_several_of_what_passes_turn_out_to_be_made_at_once(place, said):
    """One engine is about to begin a chain of which another one has made the last links, and removed the rest."""
    gates.update(company=asyncio.Event(), chain=asyncio.Event())
    first = WaitsForEvent(1, event="chain")
    links = [Passes(first.output(), "a")]
    for name in ("b", "c", "d"):
        links.append(Passes(links[-1].output(), name))
    async with Engine(place) as one, Engine(place) as two:
        company = asyncio.create_task(one.run(WaitsForEvent(2, event="company")))
        await said.reach(1)
        run = asyncio.create_task(two.run(links[-1]))
        await said.reach(2)
        for made in links[1:3]:
            await made.output().assign_storage(one.storage).astore(7)
        gates["chain"].set()
        result = await run
        assert (result.ran, result.cached, result.output.load()) == (2, 2, 8)
        gates["company"].set()
        await company
    assert said == ["began 2", "began 1", "d"]


@pytest.mark.anyio
async def test_without_leases_each_does_its_own_work(place, log, fifo):
    """And the first to publish wins."""
    told, gate = fifo("told"), fifo("gate")
    task = Held(1, str(log), told.path, gate.path)
    async with Engine(place, lease_ttl=None) as one, Engine(place, lease_ttl=None) as two:
        running = [asyncio.create_task(engine.run(task)) for engine in (one, two)]
        await told.receive(2)
        gate.open_gate(2)
        assert [(await run).ran for run in running] == [1, 1]
    assert log.read_text().split() == ["1", "1"]
