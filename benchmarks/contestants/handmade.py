"""The engine that a good engineer writes in an afternoon: asyncio, a ProcessPoolExecutor, and a pickle per task.

Each result is a file of its own, written under a temporary name and renamed, so it is there whole or not at all; what
is there is not computed again. That is all: no ids from parameters (the names are chosen by hand), no retries, no
limits, no tracing, one error stops everything, and a dead worker breaks the pool.
"""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks import work
from benchmarks.measure import Stopwatch
from benchmarks.protocol import Growth, answer, parser


def save(path: str, value: Any) -> None:
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "wb") as file:
        pickle.dump(value, file, protocol=5)
    os.rename(temporary, path)


def load(path: str) -> Any:
    with open(path, "rb") as file:
        return pickle.load(file)


def is_there(path: str) -> bool:
    return os.path.exists(path)


# -- what runs in the pool


def store_leaf(path: str, number: int) -> None:
    save(path, work.leaf(number))


def store_total(path: str, parts: list[str]) -> None:
    save(path, work.total(load(part) for part in parts))


def store_successor(path: str, before: str) -> None:
    save(path, work.successor(load(before)))


def store_mixed(path: str, parts: list[str]) -> None:
    save(path, work.mixed(load(part) for part in parts))


def store_folded(path: str, parts: list[str]) -> None:
    save(path, work.folded(load(part) for part in parts))


def store_count(path: str, parts: list[str]) -> None:
    save(path, work.counted(len(parts)))


def store_burned(path: str, number: int, seconds: float) -> None:
    work.burn(seconds)
    save(path, work.leaf(number))


# -- what decides


class Pipeline:
    """Makes files that are missing, in a pool of processes."""

    def __init__(self, directory: Path, pool: ProcessPoolExecutor):
        self._base = str(directory)
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self.executed = 0

    async def make(self, name: str, function: Callable[..., None], *arguments: Any) -> str:
        """The path of a result, made if it is not there."""
        path = f"{self._base}/{name}.pkl"
        if not is_there(path):
            await self._loop.run_in_executor(self._pool, function, path, *arguments)
            self.executed += 1
        return path

    async def leaves(self, size: int) -> list[str]:
        return await asyncio.gather(*(self.make(f"leaf-{number}", store_leaf, number) for number in range(size)))

    async def fan(self, size: int) -> str:
        path = f"{self._base}/total.pkl"
        if is_there(path):
            return path
        return await self.make("total", store_total, await self.leaves(size))

    async def chain(self, size: int) -> str:
        last = await self.make("link-0", store_leaf, 0)
        for number in range(size):
            last = await self.make(f"link-{number + 1}", store_successor, last)
        return last

    async def layered(self, size: int) -> str:
        width = work.width_of(size)
        last = await self.leaves(width)
        for layer in range(1, work.LAYERS):
            last = await asyncio.gather(
                *(
                    self.make(f"mixed-{layer}-{i}", store_mixed, [last[parent] for parent in work.parents(i, width)])
                    for i in range(width)
                )
            )
        return await self.make("folded", store_folded, last)

    async def grow(self, size: int) -> str:
        return await self.make("count", store_count, await self.leaves(size))

    async def start(self, size: int) -> str:
        return await self.make(f"leaf-{size}", store_leaf, size)

    async def waiting(self, size: int, seconds: float) -> list[str]:
        async def one(number: int) -> str:
            path = f"{self._base}/leaf-{number}.pkl"
            if not is_there(path):
                await asyncio.sleep(seconds)
                save(path, work.leaf(number))
            return path

        return await asyncio.gather(*(one(number) for number in range(size)))

    async def burning(self, size: int, seconds: float, first: int = 0) -> list[str]:
        return await asyncio.gather(
            *(self.make(f"leaf-{number}", store_burned, number, seconds) for number in range(first, first + size))
        )


def run(
    directory: Path, case: str, size: int, seconds: float, workers: int, warm: bool = False
) -> tuple[Stopwatch, list[str], int]:
    """The time, the files that are the result, and how many functions were called.

    If ``warm``, the time has neither the start nor the stop of the pool in it, as in a service that keeps it.
    """
    watch = Stopwatch()

    async def main() -> tuple[list[str], int]:
        with ProcessPoolExecutor(workers) as pool:
            pipeline = Pipeline(directory, pool)
            if case == "async":
                return await pipeline.waiting(size, seconds), pipeline.executed
            if warm or case == "cpu":
                await pipeline.burning(workers, 0.02, first=size)  # until the workers are there
                pipeline.executed = 0
                watch.restart()
            if case == "cpu":
                paths = await pipeline.burning(size, seconds)
                watch.stop()
                return paths, pipeline.executed
            works = {"rerun": pipeline.fan, "fan": pipeline.fan, "chain": pipeline.chain, "layered": pipeline.layered}
            works |= {"grow": pipeline.grow, "start": pipeline.start}
            path = await works[case](size)
            if warm or case == "start":
                watch.stop()
            return [path], pipeline.executed

    paths, executed = asyncio.run(main())
    watch.stop()
    return watch, paths, executed


def prepare(directory: Path, size: int) -> None:
    """Make what a fan makes, in this process, which takes a tenth of the time: it is not measured."""
    paths = [f"{directory}/leaf-{number}.pkl" for number in range(size)]
    for number, path in enumerate(paths):
        store_leaf(path, number)
    store_total(f"{directory}/total.pkl", paths)


def main() -> None:
    """Do what the arguments say."""
    arguments = parser(description=__doc__)
    arguments.add_argument("--warm", action="store_true", help="in a pool whose processes are there")
    options = arguments.parse_args()
    if options.case in ("grow", "rerun"):
        prepare(options.directory, options.size)
        run(
            options.directory, "fan", options.size, options.seconds, options.workers
        )  # as where a program has asked before
    growth = Growth()
    watch, paths, executed = run(
        options.directory, options.case, options.size, options.seconds, options.workers, options.warm
    )
    peak = growth.peak_mib
    answer(watch.seconds, work.tasks_of(options.case, options.size), sum(map(load, paths)), peak, executed=executed)


if __name__ == "__main__":
    main()
