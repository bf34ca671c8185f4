"""A worker has the next link of a chain before it has finished the one before."""

from __future__ import annotations

import asyncio
import os

import pytest

from alexflow import Engine, Retry, RunFailed
from alexflow.executors.process.machine import PoolMachine
from tests.process.workflows import Chained, ChainedHeld

pytestmark = pytest.mark.anyio

#: Enough of them, run before, for the pool to know that they are quick.
KNOWN = 50


def chain(length, start, cls=Chained, **fields):
    """The last of some links."""
    link = cls(start, **fields)
    for n in range(start + 1, start + length):
        link = cls(n, link.output(), **fields)
    return link


def numbers_in(log):
    """Return the links that have begun, in order."""
    with open(log) as file:
        return [int(line) for line in file]


@pytest.fixture
def speculative(monkeypatch):
    """Count the jobs that were with a worker speculatively when they became ready."""
    counts: list[int] = []
    claim, collect = PoolMachine._claim, PoolMachine.collect

    def count(self, task_ids):
        counts.append(sum(task_id in self.assigned for task_id in task_ids))
        claim(self, task_ids)

    def count_collected(self, task_ids):
        collected = collect(self, task_ids)
        counts.append(len(collected))
        return collected

    monkeypatch.setattr(PoolMachine, "_claim", count)
    monkeypatch.setattr(PoolMachine, "collect", count_collected)
    return counts


async def test_a_chain_has_one_worker(place):
    async with Engine(place, workers=2) as engine:
        await engine.run(chain(5, 0))
        counts = engine.stats().workers
        assert counts.alive + counts.starting == 1
        await engine.run([Chained(n) for n in range(100, 110)])
        counts = engine.stats().workers
        assert counts.alive + counts.starting == 2


async def test_most_links_are_there_before_they_are_submitted(place, speculative):
    async with Engine(place, workers=2) as engine:
        await engine.run(chain(KNOWN, 0))
        speculative.clear()
        result = await engine.run(chain(300, 1000))
        assert result.ran == 300
        assert result.output.load() == list(range(1000, 1300))
        assert sum(speculative) > 150


@pytest.mark.parametrize("on_error", ["stop", "continue"])
async def test_a_link_fails_and_none_behind_it_runs(place, tmp_path, on_error):
    log = str(tmp_path / "log")
    async with Engine(place, workers=2) as engine:
        await engine.run(chain(KNOWN, 0, log=log))
        os.truncate(log, 0)
        last = chain(40, 1000, log=log, fails_at=1020)
        if on_error == "stop":
            with pytest.raises(RunFailed, match="19 that need it"):
                await engine.run(last)
        else:
            result = await engine.run(last, on_error="continue")
            assert (result.ran, result.failed, result.skipped) == (20, 1, 19)
        assert numbers_in(log) == list(range(1000, 1021))


async def test_a_link_fails_once_and_what_was_behind_it_comes_after_it(place, tmp_path):
    log, mark = str(tmp_path / "log"), str(tmp_path / "mark")
    async with Engine(place, workers=2, retry=Retry(1, delay=0)) as engine:
        await engine.run(chain(KNOWN, 0, log=log))
        os.truncate(log, 0)
        result = await engine.run(chain(40, 1000, log=log, fails_at=1020, unless=mark))
        assert result.output.load() == list(range(1000, 1040))
        assert numbers_in(log) == [*range(1000, 1021), *range(1020, 1040)]


async def test_a_link_kills_its_worker_once(place, tmp_path):
    """The links before it are done, although the worker had no time to report the last ones, which were speculative."""
    log, mark = str(tmp_path / "log"), str(tmp_path / "mark")
    async with Engine(place, workers=2) as engine:
        await engine.run(chain(KNOWN, 0, log=log))
        os.truncate(log, 0)
        result = await engine.run(chain(40, 1000, log=log, fails_at=1020, unless=mark, kills=True))
        assert result.output.load() == list(range(1000, 1040))
        assert result.ran == 40
        assert numbers_in(log) == [*range(1000, 1021), *range(1020, 1040)]


async def test_a_link_kills_every_worker(place):
    async with Engine(place, workers=2) as engine:
        await engine.run(chain(KNOWN, 0))
        result = await engine.run(chain(40, 1000, fails_at=1020, kills=True), on_error="continue")
        assert (result.ran, result.failed, result.skipped) == (20, 1, 19)
        assert "SIGKILL" in str(result.failures[0])


async def test_what_was_sent_ahead_is_not_run_once_the_run_is_cancelled(place, tmp_path, fifo):
    """The link that holds is itself one that was sent ahead."""
    log, told, gate = str(tmp_path / "log"), fifo("told"), fifo("gate")
    async with Engine(place, workers=2) as engine:
        await engine.run(chain(KNOWN, 0, ChainedHeld, log=log))
        os.truncate(log, 0)
        last = chain(40, 1000, ChainedHeld, log=log, held=1020, told=told.path, gate=gate.path)
        run = asyncio.create_task(engine.run(last))
        await told.receive()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        result = await engine.run(chain(5, 2000, ChainedHeld, log=log))
        assert result.ran == 5
        assert numbers_in(log) == [*range(1000, 1021), *range(2000, 2005)]
        gate.open_gate()
        result = await engine.run(last)
        assert result.output.load() == list(range(1000, 1040))
        assert result.ran == 20


async def test_a_forced_link_runs_again_though_it_was_sent_ahead(place, tmp_path):
    log = str(tmp_path / "log")
    async with Engine(place, workers=2) as engine:
        last = chain(KNOWN, 0, log=log)
        await engine.run(last)
        os.truncate(log, 0)
        result = await engine.run(last, force=Chained)
        assert result.ran == KNOWN
        assert numbers_in(log) == list(range(KNOWN))
