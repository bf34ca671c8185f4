"""33: what a task changes in its process is put back after it, or its worker is replaced."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from alexflow import Engine
from tests.faults.changing_tasks import FOR_GOOD, MOMENTS, SETTINGS, UNSEEN, Changes, Kilobyte, Looks, Works

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("way", SETTINGS)
async def test_put_back(way, place):
    async with Engine(place, workers=1) as engine:
        before = (await engine.run(Looks(0))).output.load()
        first = (await engine.run(Changes(way, 0))).output.load()
        after = (await engine.run(Looks(1))).output.load()
        second = (await engine.run(Changes(way, 1))).output.load()
    assert after == before
    assert first == second  # in the same worker, which lives on


@pytest.mark.parametrize("way", FOR_GOOD)
async def test_the_worker_is_replaced(way, place):
    async with Engine(place, workers=1) as engine:
        before = (await engine.run(Looks(0))).output.load()
        pid = (await engine.run(Changes(way, 0))).output.load()
        after = (await engine.run(Looks(1))).output.load()
        assert after["limits"] == before["limits"]
        assert after["priority"] == before["priority"]
        assert (await engine.run(Changes("nothing", 1))).output.load() != pid


async def test_innocent_tasks_of_the_same_batch(place):
    """A limit of 200 bytes for files would fail each of them, and a mask without permissions hide what they store."""
    tasks = []
    for n in range(20):
        tasks += [Changes("size of files" if n % 2 else "umask", n), *(Kilobyte(100 * n + m) for m in range(10))]
    async with Engine(place, workers=2) as engine:
        result = await engine.run(tasks)
        assert result.ok
        innocent = [task for task in tasks if isinstance(task, Kilobyte)]
        assert [(await engine.load(task.output())) for task in innocent] == [b"%4d" % task.n * 256 for task in innocent]
        modes = {os.stat(f"{place}/{task.output().key}").st_mode & 0o777 for task in innocent}
    assert modes == {0o644 & ~_umask()}


@pytest.mark.parametrize("way", FOR_GOOD | UNSEEN)
async def test_innocent_tasks_behind_one_that_fails(way, place):
    if way in ("nobody", "root directory") and os.geteuid():
        pytest.skip("only root can change that")
    async with Engine(place, workers=1, max_deaths=0) as engine:
        before = [output.load() for output in (await engine.run([Works(n) for n in range(50)])).output]
        bad, good = Works(50, way=way), [Works(n, 0.06) for n in range(51, 56)]
        result = await engine.run([bad, *good], on_error="continue")
        assert [error.task_id for error in result.failures] == [bad.task_id]
        found = [await engine.load(task.output()) for task in good]
    assert found == before[:5]


async def test_tasks_of_one_batch(place):
    """With a worker at once, each a fraction of a millisecond after the other."""
    ways = [way for way in SETTINGS if way not in ("precision", "trace")]
    async with Engine(place, workers=1) as engine:
        before = (await engine.run(Looks(-1))).output.load()
        await engine.run([Changes("nothing", n) for n in range(50)])  # so that their class is taken for quick
        changes = [Changes(way, n) for n, way in enumerate(ways)]
        looks = [Looks(n) for n in range(len(ways))]
        result = await engine.run([task for pair in zip(changes, looks, strict=True) for task in pair])
        assert result.ok
        found = {way: await engine.load(task.output()) for way, task in zip(ways, looks, strict=True)}
    assert {way: state for way, state in found.items() if state != before} == {}


@pytest.mark.parametrize("timer", MOMENTS)
async def test_timers_behind_which_others_run(timer, place):
    """The task that sets one succeeds, and its worker does not report yet."""
    async with Engine(place, workers=1, max_deaths=0) as engine:
        await engine.run([Works(n) for n in range(50)])
        tasks = [Works(n, way=timer, fails=False) if n % 2 else Works(n, 0.0019) for n in range(50, 250)]
        assert (await engine.run(tasks)).ok


def _umask() -> int:
    umask = os.umask(0o22)
    os.umask(umask)
    return umask


MODULE = """
import os, sys, signal
from dataclasses import dataclass
from alexflow import BinaryOutput, Task

os.environ["SET_BY_MODULE"] = "1"
sys.setrecursionlimit(5000)
os.chdir("/")
signal.signal(signal.SIGTERM, signal.SIG_IGN)

@dataclass(frozen=True)
class Uses(Task):
    n: int
    def output(self):
        return self.build_output(BinaryOutput, key="found")
    def run(self, input, output):
        state = os.environ.get("SET_BY_MODULE"), sys.getrecursionlimit(), os.getcwd()
        output.store((*state, signal.getsignal(signal.SIGTERM) is signal.SIG_IGN))
"""


async def test_what_a_module_sets_when_it_is_imported_stays(place, tmp_path, monkeypatch):
    (tmp_path / "settings_of_a_module.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SET_BY_MODULE", "")
    monkeypatch.chdir(tmp_path)
    limit, handler = sys.getrecursionlimit(), signal.getsignal(signal.SIGTERM)
    try:
        import settings_of_a_module as module

        async with Engine(place, workers=1) as engine:
            found = [(await engine.run(module.Uses(n))).output.load() for n in range(3)]
    finally:
        sys.setrecursionlimit(limit)
        signal.signal(signal.SIGTERM, handler)
    assert found == [("1", 5000, "/", False)] * 3  # SIGTERM is the worker's own
