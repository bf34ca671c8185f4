"""The own pool, an agent over TCP, ``client.map`` and ``ray.get``: two places each.

``client.map`` has the quickest of its usual forms: an asynchronous client, a scheduler and two workers of one thread as
processes without nannies and dashboard, ``pure=False``, so that no key is made of arguments. Interleaved, one worker of
two threads took 1.0 to 1.3 × as long, ``batch_size=50`` 1.7 ×, and tasks of a ``map`` of 10,000 as long as of one of
500 (0.9 to 1.1 ×), so it has fewer.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from alexflow import Engine
from alexflow.cluster import AgentExecutor
from benchmarks.cluster.tasks import Leaf, fan, layered, store
from benchmarks.measure import Sample
from benchmarks.ruler import of_encoding, said, scaled

#: How many tasks of those that a cluster runs by itself are measured for each of ours: they take that much longer.
FEWER = 20

#: What the others are given, as the table says it.
FORMS = {"client.map": " (two workers of a thread, pure=False)", "ray.get": " (a task each, two CPUs)"}

#: Runs one round of a case; returns µs a task.
Measure = Callable[[int], Awaitable[float]]


async def measure(directory: Path, options: Namespace) -> Iterator[str]:
    """Measure. Returns the lines of the table."""
    scale: float = options.scale
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(Engine(directory / "pool", workers=2))
        agent = await stack.enter_async_context(engine_with_agent(directory / "agent"))
        cases: dict[tuple[str, str], Measure] = {}
        for name, engine in (("pool", pool), ("agent", agent)):
            cases["fan", name] = case_of(engine, lambda round: fan(round, int(10_000 * scale)))
            cases["layered", name] = case_of(engine, lambda round: layered(round, int(19 * scale) + 1))
            cases["awaited", name] = awaited(engine, int(200 * scale) + 1)
        count = int(10_000 / FEWER * scale) + 1
        if find_spec("distributed") is not None and not options.ours:
            cases["fan", "client.map"] = await stack.enter_async_context(dask(directory, count))
        if find_spec("ray") is not None and not options.ours:
            cases["fan", "ray.get"] = await stack.enter_async_context(ray(directory, count))
        for measured in cases.values():
            await measured(-1)  # so that workers are there and know the classes
        values: dict[tuple[str, str], list[float]] = {case: [] for case in cases}
        rulers = []
        for round in range(options.rounds):
            rulers.append(of_encoding(50_000))
            for case, measured in cases.items():
                values[case].append(await measured(round))
    return table({case: Sample(tuple(each)) for case, each in values.items()}, Sample(tuple(rulers)))


def table(samples: dict[tuple[str, str], Sample], ruler: Sample) -> Iterator[str]:
    """Yield the lines: medians, and ratios round by round, with their bars, and the ruler."""
    for (case, name), sample in samples.items():
        least, most = sample.spread
        yield f"{case:8} {name:10} {sample.median:9.1f} µs a task ({least:.1f} to {most:.1f})"
    more = samples["fan", "agent"].minus(samples["fan", "pool"])
    yield (
        f"fan: the agent takes {more.median:+.1f} µs more than the pool, "
        f"{more.over(ruler).median:+.0f} × the ruler (bar: {scaled(5):.0f})"
    )
    for case, bar in (("layered", 1.5), ("awaited", 3.0)):
        yield f"{case}: {samples[case, 'agent'].over(samples[case, 'pool']).median:.2f} × the pool (bar: {bar})"
    for name, bar in (("client.map", 30), ("ray.get", 12)):
        other = samples.get(("fan", name))
        if other is not None:
            ratio = other.over(samples["fan", "agent"]).median
            yield f"fan: {ratio:.0f} × below {name}{FORMS[name]} (bar: {bar})"
    yield said(ruler.values)


def case_of(engine: Engine, graph: Callable[[int], list[Any]]) -> Measure:
    """Run a graph of its own in each round."""

    async def measured(round: int) -> float:
        tasks = graph(round)
        started = time.perf_counter()
        result = await engine.run(tasks)
        return (time.perf_counter() - started) / result.ran * 1e6

    return measured


def awaited(engine: Engine, count: int) -> Measure:
    """Ask for one task after the other."""

    async def measured(round: int) -> float:
        seconds = []
        for number in range(count):
            task = Leaf(1_000 + round, number)
            started = time.perf_counter()
            await engine.run(task)
            seconds.append(time.perf_counter() - started)
        return statistics.median(seconds) * 1e6

    return measured


def start(command: list[str], **variables: str) -> subprocess.Popen[bytes]:
    """Start a process that says nothing.

    It has a session of its own, as on another machine: Linux shares processors out among sessions (autogroup), and an
    agent in the engine's took 15 % of a fan's time from it.
    """
    quiet = subprocess.DEVNULL
    environment = {**os.environ, **variables}
    return subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet, start_new_session=True)


@asynccontextmanager
async def engine_with_agent(storage: Path) -> AsyncIterator[Engine]:
    """Have an engine with one agent of two places."""
    executor = AgentExecutor()
    async with Engine(storage, executor=executor) as engine:
        command = [sys.executable, "-m", "alexflow", "agent", "--connect", executor.address, "--places", "2"]
        process = start(command, ALEXFLOW_AGENT_TOKEN=executor.token)
        try:
            yield engine
        finally:
            process.kill()
            process.wait()


@asynccontextmanager
async def dask(directory: Path, count: int) -> AsyncIterator[Measure]:
    """Have a scheduler and two workers of one thread, as processes."""
    import distributed  # deferred: an extra

    Client: Any = distributed.Client
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    host, port = address.split(":")
    scheduler = ["dask_scheduler", "--host", host, "--port", port]
    worker = ["dask_worker", f"tcp://{address}", "--nthreads", "1", "--no-nanny", "--host", host]
    processes = [
        start([sys.executable, "-m", f"distributed.cli.{name}", *options, "--no-dashboard"])
        for name, *options in (scheduler, worker, worker)
    ]
    (directory / "dask").mkdir()
    try:
        async with Client(f"tcp://{address}", asynchronous=True, set_as_default=False) as client:
            await client.wait_for_workers(2)

            async def measured(round: int) -> float:
                numbers = range(round * count, (round + 1) * count)
                started = time.perf_counter()
                await client.gather(client.map(store, [str(directory / "dask")] * count, numbers, pure=False))
                return (time.perf_counter() - started) / count * 1e6

            yield measured
    finally:
        for process in processes:
            process.kill()
            process.wait()


@asynccontextmanager
async def ray(directory: Path, count: int) -> AsyncIterator[Measure]:
    """Have a Ray of two CPUs."""
    import ray as library  # deferred: an extra

    (directory / "ray").mkdir()
    await asyncio.to_thread(library.init, "local", num_cpus=2, log_to_driver=False, include_dashboard=False)
    remote = library.remote(store)

    async def measured(round: int) -> float:
        numbers = range(round * count, (round + 1) * count)
        started = time.perf_counter()
        library.get([remote.remote(str(directory / "ray"), number) for number in numbers])
        return (time.perf_counter() - started) / count * 1e6

    try:
        yield measured
    finally:
        library.shutdown()
