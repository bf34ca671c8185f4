"""Waiting until all workers are ready takes a look or two for each, however many there are."""

from __future__ import annotations

import asyncio

from alexflow.executors.process.ready_workers import ReadyWorkers


class Process:
    """A worker's process, which counts how often it is looked at."""

    has_started = True
    looks = 0

    @property
    def pid(self) -> int:
        Process.looks += 1
        return 1


class Worker:
    """A worker that has been told of one definition."""

    is_leaving = False

    def __init__(self):
        self.process = Process()
        self.known = {1}
        self.imported = 0


class WorkerSet:
    """Workers, of which only these are asked for."""

    def __init__(self, size):
        self.workers = [Worker() for _ in range(size)]


async def looks_until_ready(size):
    workers = WorkerSet(size)
    ready = ReadyWorkers(workers, size)
    waiting = asyncio.ensure_future(ready.wait(lambda: None))
    await asyncio.sleep(0)
    Process.looks = 0
    for worker in workers.workers:
        assert not waiting.done()
        worker.imported = 1
        ready.check()
    await waiting
    return Process.looks


def test_many_workers_take_a_few_looks_each():
    assert asyncio.run(looks_until_ready(1000)) <= 4 * 1000


def test_a_worker_that_leaves_is_not_waited_for():
    async def main():
        workers = WorkerSet(3)
        ready = ReadyWorkers(workers, 2)
        waiting = asyncio.ensure_future(ready.wait(lambda: None))
        await asyncio.sleep(0)
        for worker in workers.workers[:2]:
            worker.imported = 1
        workers.workers.pop().is_leaving = True
        ready.check()
        await asyncio.wait_for(waiting, 10)

    asyncio.run(main())
