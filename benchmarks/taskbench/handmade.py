"""The METG of asyncio, a ProcessPoolExecutor and a pickle per task: each waits for what it reads, and no more."""

from __future__ import annotations

import asyncio
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.contestants.handmade import Pipeline, load, save
from benchmarks.measure import Stopwatch
from benchmarks.taskbench import sweep
from benchmarks.taskbench.kernel import spin
from benchmarks.taskbench.patterns import Graph, Place, stored

WORKERS = 2


def store_point(path: str, step: int, point: int, turns: int, before: list[str]) -> None:
    values = [load(other) for other in before]
    spin(turns)
    save(path, stored(step, point, values))


def run(graph: Graph, turns: int, directory: Path) -> tuple[float, int]:
    async def main() -> tuple[float, int]:
        with ProcessPoolExecutor(WORKERS) as pool:
            pipeline = Pipeline(directory, pool)
            await asyncio.gather(
                *(pipeline.make(f"warm-{number}", store_point, -1, number, 200_000, []) for number in range(WORKERS))
            )
            watch = Stopwatch()
            paths = await points(pipeline, graph, turns)
            watch.stop()
            return watch.seconds, sum(map(load, paths))

    return asyncio.run(main())


async def points(pipeline: Pipeline, graph: Graph, turns: int) -> list[str]:
    made: dict[Place, asyncio.Task[str]] = {}

    async def one(step: int, point: int) -> str:
        before = [await made[other] for other in graph.reads[step, point]]
        return await pipeline.make(f"{step}-{point}", store_point, step, point, turns, before)

    for place in graph.places:
        made[place] = asyncio.create_task(one(*place))
    await asyncio.gather(*made.values())
    return [made[place].result() for place in graph.ends]


if __name__ == "__main__":
    sweep.main(run)
