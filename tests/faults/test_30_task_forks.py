"""30: a task forks: the child ends where its code ends, the parent's result counts, tasks after it are right."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from alexflow import Engine
from alexflow.events import TaskPrinted
from tests.faults.forking_tasks import (
    WAYS,
    Forks,
    ForksBesideItself,
    ForksInGenerate,
    ForksInThread,
    ForksOnLoop,
    ForksWithinStream,
    LeavesChildren,
)
from tests.faults.workflows import Number
from tests.kit.fifo import Fifo
from tests.kit.processes import descendants_of, still_alive

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


async def value_of(place, task, **options):
    async with Engine(place, workers=1, **options) as engine:
        return await engine.load(task.output())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [Forks, ForksInThread, ForksOnLoop], ids=["process", "thread", "loop"])
async def test_the_child_ends_there(kind, way, place):
    assert await value_of(place, kind(1, way=way)) == WAYS[way][1]


async def test_a_child_that_awaits_ends_there(place):
    assert await value_of(place, ForksOnLoop(1, awaits=True)) == 0


@pytest.mark.parametrize("way", ["returns", "raises", "sys.exit(3)"])
async def test_a_generator_forks(way, place):
    assert await value_of(place, ForksInGenerate(way)) == WAYS[way][1]


@pytest.mark.parametrize("how", ["forkpty", "multiprocessing", "thread", "asks"])
async def test_other_ways_to_fork(how, place):
    assert await value_of(place, ForksBesideItself(1, how=how, source=Number(5).output())) == 7


@pytest.mark.parametrize("executor", ["process", "thread"])
@pytest.mark.parametrize("how", ["open", "path"])
@pytest.mark.parametrize("way", ["leaves", "goes on"])
async def test_an_output_that_is_being_written_is_the_parents(way, how, executor, place):
    assert await value_of(place, ForksWithinStream(way, how), executor=executor) == b"begun, ended"


@pytest.mark.parametrize(
    ("way", "stdout", "stderr"),
    [
        ("returns", "printed by the child\n", ""),
        ("sys.exit(text)", "printed by the child\n", "an explanation\n"),
        ("raises", "printed by the child\n", "ValueError: in the child\n"),
    ],
)
async def test_what_the_child_prints(way, stdout, stderr, place):
    printed = []
    async with Engine(place, workers=1) as engine:
        engine.broadcast.listen(lambda event: printed.append(event) if isinstance(event, TaskPrinted) else None)
        await engine.run(Forks(1, way=way))
    (event,) = printed
    assert event.stdout == stdout
    assert event.stderr.endswith(stderr)


@pytest.mark.parametrize("way", ["returns", "raises", "sys.exit()"])
async def test_tasks_after_it(way, place, tmp_path):
    """In the worker in which one has forked, among others that fork."""
    log = tmp_path / "log"
    log.touch()
    tasks = [Number(n, log=str(log)) for n in range(1000)]
    async with Engine(place, workers=1) as engine:
        await engine.run([Forks(n, way=way) for n in range(5)])
        result = await engine.run([*tasks[:500], *(Forks(n, way=way) for n in range(5, 10)), *tasks[500:]])
    assert result.ok
    assert Counter(log.read_text().split()) == Counter(str(n) for n in range(1000))
    assert [task.output().assign_storage(engine.storage).load() for task in tasks] == list(range(1000))


async def test_children_that_leave_later(place, tmp_path):
    """While other tasks run, which their ends do not touch."""
    with Fifo(tmp_path / "gate") as gate:
        async with Engine(place, workers=1) as engine:
            await engine.run([LeavesChildren(n, gate=gate.path) for n in range(20)])
            gate.open_gate(20)
            result = await engine.run([Number(n) for n in range(100, 600)])
            children = descendants_of(os.getpid())
    assert result.ran == 500
    assert still_alive(children, 5.0) == set()
