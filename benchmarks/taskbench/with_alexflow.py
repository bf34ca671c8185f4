"""alexflow's METG."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import alexflow
import alexflow.engine.embedded
from alexflow.engine.garbage import RUN_GC_THRESHOLD
from benchmarks.measure import Stopwatch
from benchmarks.taskbench import sweep
from benchmarks.taskbench.patterns import Graph
from benchmarks.taskbench.tasks import Point, ends

WORKERS = 2


def run(graph: Graph, turns: int, directory: Path) -> tuple[float, int]:
    async def main() -> tuple[float, int]:
        async with alexflow.Engine(directory, workers=WORKERS) as engine:
            # until the workers are there and have imported what they need
            await engine.run([Point(-1, number, 200_000, ()) for number in range(WORKERS)])
            gc.set_threshold(RUN_GC_THRESHOLD)  # as alexflow.run does; an Engine leaves it to its process
            watch = Stopwatch()
            result = await engine.run(ends(graph, turns))
            watch.stop()
            return watch.seconds, sum(output.load() for output in result.output)

    return asyncio.run(main())


if __name__ == "__main__":
    sweep.main(run)
