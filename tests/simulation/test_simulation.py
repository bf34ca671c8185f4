"""Simulations themselves: virtual time, and faults of the tasks and outputs that they name."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

import alexflow.testing
from alexflow import DynamicTask, JSONOutput, Output, Retry, Task
from alexflow.errors import RunFailed, TaskTimeout, WorkerDied
from alexflow.events import EngineEvent, TaskWaiting
from alexflow.testing import (
    DelayedReply,
    FailedAnswer,
    FailedStore,
    LostWorker,
    RaisedError,
    RandomFaults,
    SimulatedStorage,
    Simulation,
    SlowTask,
    Standstill,
    VanishedOutput,
    VirtualLoop,
    clock,
)


@dataclass(frozen=True)
class One(Task):
    n: int = 1

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="one.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(self.n)


@dataclass(frozen=True)
class Next(One):
    before: Output[int] | None = None

    def input(self) -> Any:
        return self.before

    def run(self, input: Any, output: Any) -> None:
        output.store(input.load() + self.n)


@dataclass(frozen=True)
class NextOnLoop(Next):
    async def run(self, input: Any, output: Any) -> None:
        await asyncio.sleep(3600)
        await output.astore(await input.aload() + self.n)


@dataclass(frozen=True)
class Many(DynamicTask):
    count: int

    def generate(self, input: Any, output: Any) -> Any:
        return (One(n) for n in range(self.count))


@dataclass(frozen=True)
class Waits(One):
    async def run(self, input: Any, output: Any) -> None:
        await asyncio.Event().wait()


@dataclass(frozen=True)
class WaitsForASlot(Waits):
    tags: ClassVar[tuple[str, ...]] = ("db",)


TWO = Next(before=One().output())


def test_an_hour_takes_no_time():
    started = time.monotonic()
    result = Simulation().run(NextOnLoop(before=One().output()))
    assert result.output.load() == 2
    assert 3601 < result.seconds < 3605
    assert time.monotonic() - started < 60


def test_plain_generators_need_no_thread():
    simulation = Simulation(workers=3)
    assert simulation.run(Many(10)).ran == 11
    assert simulation.attempts("One") == 10


def test_a_lost_worker_costs_an_attempt():
    simulation = Simulation([LostWorker("Next"), LostWorker(TWO.task_id, 2, late=True)])
    assert simulation.run(TWO).output.load() == 2
    assert (simulation.attempts("One"), simulation.attempts("Next")) == (1, 3)


def test_too_many_of_them():
    simulation = Simulation([LostWorker("Next", None)])
    with pytest.raises(RunFailed) as caught:
        simulation.run(TWO)
    assert isinstance(caught.value.exceptions[0], WorkerDied)


def test_slower_than_its_timeout():
    simulation = Simulation([SlowTask("One", seconds=60)], timeout=30)
    with pytest.raises(RunFailed) as caught:
        simulation.run(TWO)
    assert isinstance(caught.value.exceptions[0], TaskTimeout)


@pytest.mark.parametrize("stored", [False, True])
def test_a_store_that_fails_is_tried_again(stored):
    simulation = Simulation([FailedStore("one.json", stored=stored)], retry=Retry(1))
    assert simulation.run(One()).output.load() == 1
    assert simulation.attempts("One") == 2


def test_a_vanished_output_is_made_again():
    simulation = Simulation([VanishedOutput(One().output().key, seconds=0.5)])
    assert simulation.run(TWO).output.load() == 2
    assert simulation.attempts("One") == 2


def test_a_storage_that_does_not_answer():
    simulation = Simulation([FailedAnswer("exists")], storage=SimulatedStorage())
    with pytest.raises(OSError, match=r"fails to answer \(exists\)"):
        simulation.run(TWO)
    assert simulation.run(TWO).ok


def test_a_later_run_goes_on_with_what_is_stored():
    simulation = Simulation([RaisedError("Next"), DelayedReply("One")])
    with pytest.raises(RunFailed):
        simulation.run(TWO)
    later = Simulation(storage=simulation.storage)
    assert (later.run(TWO).ran, later.attempts("One")) == (1, 0)


def test_waiting_for_ever_raises():
    with pytest.raises(Standstill):
        Simulation().run(Waits())


def test_waiting_for_ever_for_a_limit_stands_still_when_somebody_listens():
    """No timer is set for waits of which there has been an event."""
    events: list[EngineEvent] = []

    async def scene(engine):
        engine.broadcast.listen(events.append)
        await engine.run([WaitsForASlot(n=n) for n in range(3)])

    with pytest.raises(Standstill):
        Simulation(limits={"db": 1}).play(scene)
    assert sum(isinstance(event, TaskWaiting) for event in events) == 2


def test_a_timer_that_is_set_again_and_again_raises(monkeypatch):
    monkeypatch.setattr(clock, "MOST_JUMPS", 1000)

    async def scene(engine):
        while True:  # noqa: ASYNC110  # that is what is tested
            await asyncio.sleep(1.0)

    with pytest.raises(clock.Endless, match="no end after 1000 timers, at 1000 s: one is set again and again"):
        Simulation().play(scene)


def test_random_faults_are_the_same_each_time():
    def history(seed):
        simulation = Simulation(RandomFaults(seed), retry=Retry(5))
        try:
            simulation.run([TWO, Many(5)], on_error="continue")
        finally:
            return str(simulation.history)  # noqa: B012  # whatever came of it

    histories = [history(seed) for seed in range(10)]
    assert histories == [history(seed) for seed in range(10)]
    assert len(set(histories)) > 1


def test_the_clock_moves_when_it_is_looked_at():
    loop = VirtualLoop(5.0, tick=0.5)
    try:
        assert (loop.time(), loop.time()) == (5.5, 6.0)
    finally:
        loop.close()


def test_all_that_is_promised_is_there():
    assert set(alexflow.testing.__all__) <= set(dir(alexflow.testing))
