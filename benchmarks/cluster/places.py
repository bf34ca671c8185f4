"""A thousand simulated places: what a job costs the engine, beside the ruler of :mod:`benchmarks.ruler`."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median

from alexflow import Engine
from benchmarks.cluster.quick_agents import QuickAgents
from benchmarks.cluster.tasks import joined
from benchmarks.ruler import of_encoding, said, scaled


async def measure(directory: Path, options: Namespace) -> Iterator[str]:
    """Measure. Returns the lines of the table; where there is a bar, as a multiple of the ruler of the same seconds."""
    lines = []
    rulers = []
    for agents, seconds, jobs in ((2, 0.0, 10_000), (100, 0.0, 10_000), (1_000, 0.0, 10_000), (1_000, 0.1, 20_000)):
        costs, over = [], []
        for round in range(options.rounds):
            before = of_encoding(50_000)
            place = directory / f"{agents}-{seconds}-{round}"
            costs.append(await cost(place, agents, seconds, int(jobs * options.scale)))
            rulers += [before, of_encoding(50_000)]
            over.append(costs[-1][0] / mean(rulers[-2:]))
        each, batch = min(costs)
        beside = f", {median(over):.0f} × the ruler (bar: {scaled(35):.0f})" if agents == 1_000 else ""
        lines.append(
            f"{agents:5} places, jobs of {seconds * 1e3:3.0f} ms: {each:5.1f} µs of the engine's CPU a job{beside}, "
            f"{batch:.1f} jobs a frame"
        )
    lines.append(said(rulers))
    return iter(lines)


async def cost(directory: Path, agents: int, seconds: float, jobs: int) -> tuple[float, float]:
    """Run a fan; return µs of CPU a job, without what the simulated agents take, and jobs a frame."""
    executor = QuickAgents(agents, seconds)
    async with Engine(directory, executor=executor, record=False) as engine:
        executor.last = joined(1, agents)
        await engine.run(executor.last)  # so that all workers are there, and estimates
        before = [(line.own, line.jobs, line.messages) for line in executor.lines]
        target = executor.last = joined(0, jobs)
        looked = executor.answers.own
        started = time.process_time()
        await engine.run(target)
        took = time.process_time() - started
        own = sum(line.own - was for line, (was, _, _) in zip(executor.lines, before, strict=True))
        own += executor.answers.own - looked
        sent = sum(line.jobs - was for line, (_, was, _) in zip(executor.lines, before, strict=True))
        frames = sum(line.messages - was for line, (_, _, was) in zip(executor.lines, before, strict=True))
    return (took - own) / jobs * 1e6, sent / max(1, frames)
