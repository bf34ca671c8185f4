"""The usage of tasks, as the record says: tasks of their class are admitted by it in the next engine."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass

import pytest

from alexflow import Engine, JSONOutput, ResourceSpec, Task, open_record
from alexflow.executors.process.past_usage import NO_USAGE, PastUsage, usage_of

pytestmark = [pytest.mark.anyio, pytest.mark.processes]

MIB = 1 << 20

#: What the engine may use here: two of the tasks below do not fit.
MEMORY = 600 * MIB

LARGE = 350


@dataclass(frozen=True)
class Holds(Task):
    """Allocates so much, holds it for a moment, and stores from when to when."""

    number: int
    mebibytes: int = LARGE
    seconds: float = 0.1

    def output(self):
        return self.build_output(JSONOutput, key="span.json")

    def run(self, input, output):
        started = time.monotonic()
        held = bytearray(self.mebibytes * MIB)  # of zeros, which are written
        held[::4096] = b"1" * len(held[::4096])
        time.sleep(self.seconds)
        output.store([started, time.monotonic()])


@dataclass(frozen=True)
class Says(Holds):
    """Asks for memory, so that the engine shares it out."""

    resource_spec = ResourceSpec(memory="1MiB")


@dataclass(frozen=True)
class Small(Holds):
    mebibytes: int = 1


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr("alexflow.executors.supply.memory", lambda: MEMORY)


async def spans(place, tasks, workers=3):
    async with Engine(place, workers=workers) as engine:
        await engine.run([task.output() for task in tasks])
        return sorted([await engine.load(task.output()) for task in tasks])


def together(found):
    return max(sum(begin <= at < end for begin, end in found) for at, _ in found)


@pytest.mark.local_pool
@pytest.mark.usefixtures("little_memory")
async def test_tasks_whose_class_has_needed_much_do_not_run_together(tmp_path):
    asks = Says(0, 1)
    assert together(await spans(tmp_path, [Holds(n, seconds=0.5) for n in range(3)])) > 1  # nothing asks for memory
    found = await spans(tmp_path, [asks, *(Holds(n) for n in range(10, 16))])
    assert together(found[1:]) == 1


@pytest.mark.local_pool
@pytest.mark.usefixtures("little_memory")
async def test_so_does_what_this_engine_has_seen(tmp_path):
    async with Engine(tmp_path, workers=3) as engine:
        await engine.run([Says(0, 1).output(), Holds(0).output()])  # of which the record said nothing
        tasks = [Holds(n) for n in range(10, 16)]
        await engine.run([task.output() for task in tasks])
        found = sorted([await engine.load(task.output()) for task in tasks])
    assert together(found) == 1


async def test_a_task_is_not_charged_for_what_ran_in_its_process_before(tmp_path):
    async with Engine(tmp_path, workers=1) as engine:
        for task in (Small(0), Holds(0), Small(1), Holds(1, 100), Small(2)):
            await engine.run(task)
    record = open_record(tmp_path)
    peaks = {entry.task_id: entry.peak_rss_bytes / MIB for entry in record.entries()}
    assert len({entry.worker for entry in record.entries()}) == 1
    base = peaks[Small(0).task_id]
    assert peaks[Holds(0).task_id] > base + LARGE - 16
    assert peaks[Holds(1, 100).task_id] == pytest.approx(base + 100, abs=32)
    for number in (1, 2):
        assert peaks[Small(number).task_id] == pytest.approx(base, abs=32)


async def test_a_task_is_not_charged_for_one_that_failed_in_its_process(tmp_path):
    async with Engine(tmp_path, workers=1) as engine:
        await engine.run([Small(0).output(), Fails(0).output()], on_error="continue")
        await engine.run(Small(1))
    peaks = {entry.task_id: entry.peak_rss_bytes / MIB for entry in open_record(tmp_path).entries()}
    assert peaks[Small(1).task_id] == pytest.approx(peaks[Small(0).task_id], abs=32)


KEPT: list[bytes] = []


@dataclass(frozen=True)
class Keeps(Task):
    """Lets its worker use a MiB more, in less time than is worth a look."""

    number: int

    def output(self):
        return self.build_output(JSONOutput, key="number.json")

    def run(self, input, output):
        KEPT.append(bytes(range(256)) * 4096)
        output.store(self.number)


async def test_what_many_brief_tasks_use_is_seen(tmp_path):
    async with Engine(tmp_path, workers=1) as engine:
        await engine.run([Keeps(number) for number in range(100)])
    peaks = [entry.peak_rss_bytes / MIB for entry in open_record(tmp_path).entries() if entry.peak_rss_bytes]
    assert max(peaks) - min(peaks) > 50


@dataclass(frozen=True)
class Fails(Holds):
    def run(self, input, output):
        super().run(input, output)
        raise ValueError("after all")


async def test_the_largest_of_the_newest_counts(tmp_path):
    await spans(tmp_path, [Holds(0, 200), Holds(1, 10), Small(0)], workers=1)
    async with Engine(tmp_path) as engine:
        found = usage_of(engine.storage, {"holds": Holds, "small": Small, "says": Says})
    assert found["holds"].peak > 200 * MIB
    assert 0 < found["small"].peak < 200 * MIB
    assert found["says"] == NO_USAGE


async def test_the_usual_duration_is_that_in_the_middle(tmp_path):
    await spans(tmp_path, [Small(n, seconds=seconds) for n, seconds in enumerate((0.01, 0.2, 0.5))])
    async with Engine(tmp_path) as engine:
        found = usage_of(engine.storage, {"small": Small})
    _, usual, _ = sorted(entry.seconds for entry in open_record(tmp_path).entries(Small))
    assert found["small"].seconds == usual


async def test_a_record_that_cannot_be_read_says_nothing(tmp_path):
    async with Engine(tmp_path) as engine:
        said = asyncio.get_running_loop().create_future()
        past = PastUsage(Broken(engine.storage), lambda *found: said.set_result(found))
        past.look_up("holds", Holds(0))
        assert await said == ("holds", NO_USAGE)


class Broken:
    """A storage of which nothing can be read."""

    def __init__(self, storage):
        self._storage = storage

    def __getattr__(self, name):
        raise OSError(5, "Input/output error")


@pytest.mark.usefixtures("little_memory")
async def test_tasks_wait_no_longer_than_a_second_for_a_record_that_takes_long(tmp_path, monkeypatch):
    monkeypatch.setattr("alexflow.executors.process.past_usage.LONGEST_WAIT", 0.1)
    read = threading.Event()
    monkeypatch.setattr("alexflow.executors.process.past_usage.usage_of", lambda *_: read.wait() and {})
    try:
        await spans(tmp_path, [Says(0, 1), Small(0), Small(1)])
    finally:
        read.set()
