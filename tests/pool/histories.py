"""The language of the pool's histories: short names for what happens to a world of workers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tests.pool.world import Worker, World


def names(worker: Worker) -> list[str]:
    """The jobs that a worker has, in order."""
    return [sent.job.task_id for sent in worker.place.sent.values()]


def outcome(world: World, name: str) -> Any:
    (only,) = world.ready[name].outcomes
    return only


def run(world: World, worker: Worker, many: int = 1) -> None:
    """Let a worker run jobs, and its report arrive."""
    for _ in range(many):
        world.begin(worker)
        world.end(worker)
    worker.report()
    world.arrive(worker)


def learn(world: World, key: str = "quick") -> Worker:
    """Let the pool find out that jobs of a key are quick. Returns the worker that ran one."""
    world.submit([world.job(f"first-{key}", key)])
    worker = world.workers[0]
    run(world, worker)
    return worker


def submit(world: World, text: str, key: str = "quick", **options: Any) -> None:
    world.submit([world.job(name, key, **options) for name in text.split()])


def chain(world: World, text: str) -> None:
    """Let each job be ready when the one before it is done."""
    for before, after in pairwise(text.split()):
        world.successors[before] = world.job(after)
