"""An engine that runs tasks at a pace: ``python -m benchmarks.seeing.engine STORAGE TASKS PACE [page]``.

It prints its port, or 0 where it does not serve the page itself, begins, waits for a line on its input, and prints
its figures from there to the end of the run, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from alexflow import Engine
from benchmarks.seeing.measured_loop import MeasuredLoop
from benchmarks.seeing.server import Served, with_measured_loop
from benchmarks.waiting import Wait

#: Seconds that a task waits: as many run at once as the pace has in that time.
SECONDS = 0.05


async def main(storage: str, tasks: int, pace: int, *, page: bool) -> None:
    """Run tasks, so many a second, and say what that took."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, MeasuredLoop)
    async with Engine(storage, max_concurrency=int(pace * SECONDS)) as engine:
        served = _served(engine) if page else None
        print(0 if served is None else served.port, flush=True)
        running = asyncio.create_task(engine.run([Wait(number, SECONDS) for number in range(tasks)]))
        await asyncio.to_thread(sys.stdin.readline)
        cpu, begun = time.process_time(), time.perf_counter()
        loop.begin()
        await running
        used, took = time.process_time() - cpu, time.perf_counter() - begun
        print(json.dumps({"cpu": used, "took": took} | loop.found()), flush=True)
        if served is not None:
            await served.end()


def _served(engine: Engine) -> Served:
    import alexflow.web

    return Served(alexflow.web.app(engine))


if __name__ == "__main__":
    with_measured_loop(lambda: main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), page=sys.argv[4:] == ["page"]))
