"""28: an output is removed before or during a run: it is computed again, and the next run is all hits."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from alexflow import Engine, JSONOutput, Output, Task, TaskOptions
from tests.faults.workflows import Number, Reader

pytestmark = pytest.mark.anyio


def graph(log, told="", gate=""):
    source = Number(0, log)
    middle = Reader(1, log, source.output(), told, gate)
    return source, middle, Reader(2, log, middle.output())


async def test_removed_before_the_run(place, log):
    source, middle, last = graph(str(log))
    async with Engine(place, workers=2) as engine:
        assert (await engine.run(last)).ran == 3
        for removed, runs in [
            ([last], ["reader-2"]),
            ([middle], []),  # nobody looks behind a target that exists
            ([last], ["reader-1", "reader-2"]),
            ([source, middle, last], ["0", "reader-1", "reader-2"]),
        ]:
            for task in removed:
                task.output().assign_storage(engine.storage).remove()
            log.write_text("")
            result = await engine.run(last)
            assert log.read_text().split() == runs
            assert (result.ran, result.output.load()) == (len(runs), 0)
        assert (await engine.run([source, middle, last])).cached == 3


async def test_an_input_is_removed_while_its_reader_runs(place, log, fifo):
    told, gate = fifo("told"), fifo("gate")
    source, middle, last = graph(str(log), told.path, gate.path)
    async with Engine(place, workers=2) as engine:
        run = asyncio.create_task(engine.run(last))
        await told.receive()
        source.output().assign_storage(engine.storage).remove()
        gate.open_gate()
        await told.receive()  # it runs again, once its input is back
        gate.open_gate()
        result = await run
        assert result.ok
        assert result.output.load() == 0
        assert Counter(log.read_text().split()) == {"0": 2, "reader-1": 2, "reader-2": 1}
        again = await engine.run([source, middle, last])
        assert (again.ran, again.cached) == (0, 3)


async def test_a_target_is_removed_while_others_run(place, log, fifo):
    told, gate = fifo("told"), fifo("gate")
    source = Number(0, str(log))
    middle = Reader(1, str(log), source.output())
    last = Reader(2, str(log), middle.output(), told.path, gate.path)
    async with Engine(place, workers=2) as engine:
        run = asyncio.create_task(engine.run([source, last]))
        await told.receive()  # only the last is left to do
        source.output().assign_storage(engine.storage).remove()
        gate.open_gate()
        result = await run
        assert result.ok
        assert [output.load() for output in result.output] == [0, 0]
        assert Counter(log.read_text().split()) == {"0": 2, "reader-1": 1, "reader-2": 1}
        again = await engine.run([source, middle, last])
        assert (again.ran, again.cached) == (0, 3)


async def test_the_record_says_done(place, log):
    """No engine asks it."""
    source, middle, last = graph(str(log))
    async with Engine(place, workers=2) as engine:
        assert (await engine.run(last)).ran == 3
        for task in (source, last):
            task.output().assign_storage(engine.storage).remove()
        storage = engine.storage
    log.write_text("")
    async with Engine(storage, workers=2) as engine:
        assert (await engine.run([source, middle, last])).ran == 2
        assert Counter(log.read_text().split()) == {"0": 1, "reader-2": 1}
        assert (await engine.run([source, middle, last])).cached == 3


@pytest.mark.parametrize("executor", ["process", "thread"])
@pytest.mark.parametrize("removed", [1, 4, 8])
async def test_several_inputs_are_removed_before_their_reader_runs(place, log, executor, removed):
    parts = [Number(n, str(log)).output() for n in range(8)]
    total = SumAfter(parts, Removes(removed, parts).output())
    async with Engine(place, workers=2, executor=executor) as engine:
        result = await engine.run(total)
        assert result.output.load() == sum(range(8))
        ran = Counter(log.read_text().split())
        assert ran == {str(n): 2 if n < removed else 1 for n in range(8)}
        assert (await engine.run([total, *(part.src_task for part in parts)])).ran == 0


async def test_inputs_are_removed_at_different_times(place, log):
    """Each time that the reader runs another one is gone."""
    parts = [Number(n, str(log)).output() for n in range(7)]
    async with Engine(place, workers=1) as engine:
        result = await engine.run(RemovesOneEachTime(parts, str(log)))
        assert result.output.load() == sum(range(7))
    assert Counter(log.read_text().split()) == {**{str(n): 2 for n in range(7)}, "reader": 8}


@dataclass(frozen=True)
class Removes(Task):
    """Stands for a cleaner of the disk."""

    count: int
    parts: list[Output[int]]
    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")

    def input(self):
        return self.parts

    def output(self):
        return self.build_output(JSONOutput[int], key="done.json")

    def run(self, input, output):
        for part in input[: self.count]:
            part.remove()
        output.store(0)


@dataclass(frozen=True)
class SumAfter(Task):
    parts: list[Output[int]]
    after: Output[int]

    def input(self):
        return [*self.parts, self.after]

    def output(self):
        return self.build_output(JSONOutput[int], key="total.json")

    def run(self, input, output):
        output.store(sum(each.load() for each in input))


@dataclass(frozen=True)
class RemovesOneEachTime(Task):
    """Reads its inputs, and loses one that it has not lost before."""

    parts: list[Output[int]]
    log: str = field(compare=False)

    def input(self):
        return self.parts

    def output(self):
        return self.build_output(JSONOutput[int], key="total.json")

    def run(self, input, output):
        with open(self.log, "a") as log:
            log.write("reader\n")
        with open(self.log) as log:
            attempt = log.read().split().count("reader")
        if attempt <= len(input):
            input[attempt - 1].remove()
        output.store(sum(each.load() for each in input))
