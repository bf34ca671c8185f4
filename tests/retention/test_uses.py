"""Last uses of outputs: noted by engines, read by tasks."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, MemoryStorage, Output, Task, open_record
from alexflow.engine.uses import PREPARED_FROM, NotedNames, Uses
from alexflow.record.uses import SECONDS_PER_DAY, USES_PREFIX, notes_in, short_name, short_names
from alexflow.retention import Limits, select, stored_tasks, sweep_notes
from alexflow.storage.reserved import ReservedSpace

pytestmark = pytest.mark.anyio

DAY = SECONDS_PER_DAY


@dataclass(frozen=True)
class Number(Task):
    value: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: Any, output: Any) -> None:
        await output.astore(self.value)


@dataclass(frozen=True)
class Twice(Number):
    of: Output[int]

    def input(self) -> Output[int]:
        return self.of


class Clock:
    """Goes as the real one, so many days before it."""

    def __init__(self) -> None:
        self.days_ago = 0
        self._time = time.time

    def __call__(self) -> float:
        return self._time() - self.days_ago * DAY


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


def days_unused(storage: MemoryStorage, task: Task) -> int:
    """Whole days since a task's output was used."""
    (used,) = (each.used for each in stored_tasks(open_record(storage)).tasks if each.task_id == task.task_id)
    assert used is not None
    return int((time.time() - used) // DAY)


def space(storage: MemoryStorage) -> ReservedSpace:
    found = storage.reserved("record")
    assert found is not None
    return found


def notes(storage: MemoryStorage) -> list[str]:
    return space(storage).names(USES_PREFIX)


async def ran(storage: MemoryStorage, *tasks: Task) -> int:
    async with Engine(storage, workers=1) as engine:
        return (await engine.run(list(tasks))).ran


@pytest.mark.parametrize("by", ["run", "task", "load", "list"])
async def test_what_an_engine_finds_is_used(by: str, clock: Clock) -> None:
    storage, task, other = MemoryStorage(), Number(1), Number(2)
    clock.days_ago = 30
    await ran(storage, task, other)
    assert notes(storage) == []  # what was made is in the record
    clock.days_ago = 10
    async with Engine(storage, workers=1) as engine:
        if by == "run":
            assert (await engine.run(task.output())).ran == 0
        elif by == "task":
            assert (await engine.run(task)).ran == 0
        elif by == "load":
            assert await engine.load(task.output()) == 1
        else:
            assert await engine.load([task.output()]) == [1]
    clock.days_ago = 0
    assert days_unused(storage, task) in (9, 10)
    assert days_unused(storage, other) == 30
    selection = select(stored_tasks(open_record(storage)), Limits(unused_since=time.time() - 20 * DAY), ())
    assert [each.task_id for each in selection.tasks] == [other.task_id]


async def test_what_a_task_reads_is_used(clock: Clock) -> None:
    storage, task = MemoryStorage(), Number(1)
    clock.days_ago = 30
    await ran(storage, task)
    clock.days_ago = 5
    await ran(storage, Twice(2, task.output()))
    clock.days_ago = 0
    for name in notes(storage):
        space(storage).remove(name)  # as where the engine was killed
    assert days_unused(storage, task) == 5


async def test_a_program_that_is_run_again_and_again_leaves_one_note_a_day(clock: Clock) -> None:
    storage, tasks = MemoryStorage(), [Number(number) for number in range(20)]
    clock.days_ago = 4
    await ran(storage, *tasks)
    for _ in range(3):
        await ran(storage, *tasks)
    assert len(notes(storage)) == 1
    clock.days_ago = 2
    await ran(storage, *tasks[:10])
    assert len(notes(storage)) == 2
    keys = [task.output().key for task in tasks]
    assert sweep_notes(storage, keys) == 0  # the older one has what the newer one has not
    assert sweep_notes(storage, keys[:10]) == 1
    clock.days_ago = 0
    assert days_unused(storage, tasks[0]) in (1, 2)
    assert sweep_notes(storage, []) == 1


async def test_an_engine_without_a_record_notes_nothing() -> None:
    storage = MemoryStorage()
    await ran(storage, Number(1))
    async with Engine(storage, workers=1, record=False) as engine:
        await engine.load(Number(1).output())
        await engine.run(Number(1))
    assert notes(storage) == []


async def test_notes_that_cannot_be_written_hinder_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = MemoryStorage()
    await ran(storage, Number(1))

    def refuse(name: str, data: bytes) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(type(space(storage)), "write", lambda self, name, data: refuse(name, data))
    assert await ran(storage, Number(1)) == 0


A_DIGEST, ANOTHER = "0123456789" * 4, "abcdef" * 6 + "0000"


@pytest.mark.parametrize(
    "names",
    [
        [],
        [f"a.B.{A_DIGEST}", f"a.B.{ANOTHER}", f"c.D.{A_DIGEST}"],
        [f"a.B.{A_DIGEST}", f"a.B.{ANOTHER}.value.pkl"],
        [f"a.B.{A_DIGEST}", "a key of one's own"],
        [f"a.B.{A_DIGEST}", f"a.B.{ANOTHER.upper()}"],
        [f"a.B.{A_DIGEST}", f"a.B.{A_DIGEST[:-1]}\n"],
    ],
)
async def test_many_names_are_shortened_as_each_one_is(names: list[str]) -> None:
    assert short_names(names) == {short_name(name) for name in names}


@pytest.mark.parametrize("more", [(), ("a key", "another")])
async def test_a_note_that_was_prepared_is_the_same(more: tuple[str, ...]) -> None:
    notes: list[list[list[str]]] = []
    for is_prepared in (False, True):
        storage = MemoryStorage()
        uses = Uses(storage)
        uses.add(f"a.B.{number:040x}" for number in range(PREPARED_FROM))
        if is_prepared:
            uses.prepare()
        uses.names.update(more)
        await uses.aclose()
        notes.append([note.used for note in notes_in(space(storage))])
    assert notes[0] == notes[1]
    assert len(notes[0][0]) == PREPARED_FROM + len(more)


def test_names_that_were_noted_are_remembered_in_a_fixed_amount_of_memory() -> None:
    noted = NotedNames(day=1)
    names = {f"{number:040x}" for number in range(100_000)}
    some = {*list(names)[:1000]}
    assert noted.without(some) == some
    noted.add(some)
    assert noted.without(names) == names - some
    noted.add(names - some)
    assert len(noted.without(names)) < 20  # of hashes whose places go round in a circle, one has none
    further = {f"{number:040x}" for number in range(100_000, 400_000)}
    noted.add(further)
    assert len(noted.without(names | further)) < 200_000  # more than fit; some are forgotten


async def test_what_waits_for_a_note_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An application that loads more in a minute than it may keep in mind has notes written sooner."""
    monkeypatch.setattr("alexflow.engine.loading.MOST_WAITING", 10)
    monkeypatch.setattr("alexflow.engine.uses.MOST_WAITING", 10)
    storage = MemoryStorage()
    tasks = [Number(n) for n in range(100)]
    await ran(storage, *tasks)
    before = len(notes(storage))
    async with Engine(storage) as engine:
        uses = engine._loads.uses
        assert uses is not None
        for task in tasks:
            await engine.load(task.output())
            assert len(uses.names) <= 12
            await asyncio.sleep(0.001)
        assert len(notes(storage)) > before
