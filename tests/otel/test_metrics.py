"""Metrics, as a reader of the real SDK has them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk")


from alexflow import Engine, MemoryStorage, RunFailed
from alexflow.otel import instrument, names, uninstrument
from tests.otel.telemetry import Telemetry
from tests.otel.workflows import Fails, InAWorker, OnTheLoop

pytestmark = pytest.mark.anyio

LOOP = f"{OnTheLoop.__module__}.OnTheLoop"
WORKER = f"{InAWorker.__module__}.InAWorker"
FAILS = f"{Fails.__module__}.Fails"


@pytest.mark.processes
async def test_counts_are_those_of_what_happened(tmp_path: Path, telemetry: Telemetry) -> None:
    async with Engine(tmp_path, workers=2) as engine:
        instrument(engine, **telemetry.providers)
        await engine.run([*(OnTheLoop(n) for n in range(7)), *(InAWorker(n) for n in range(300))])
        await engine.run([OnTheLoop(1), Fails(1)])
        with pytest.raises(RunFailed):
            await engine.run(Fails(0))
    assert telemetry.metric(names.TASKS_ENDED) == {
        (LOOP, "succeeded"): 7,
        (LOOP, "cached"): 1,
        (WORKER, "succeeded"): 300,
        (FAILS, "retried"): 2,
        (FAILS, "succeeded"): 1,
        (FAILS, "failed"): 1,
    }
    assert telemetry.metric(names.TASK_ERRORS) == {(FAILS, "ValueError"): 3}
    seconds = telemetry.metric(names.TASK_SECONDS)
    assert seconds.keys() == {(LOOP,), (WORKER,), (FAILS,)}
    assert all(value > 0 for value in seconds.values())
    stored = telemetry.metric(names.OUTPUT_BYTES)
    assert stored[(WORKER,)] == sum(
        file.stat().st_size for file in (tmp_path / WORKER.rpartition(".")[0]).rglob("x")
    ) or (stored[(WORKER,)] > 300 * 50)
    for name in (names.TASKS_QUEUED, names.TASKS_RUNNING, names.RUNS_ACTIVE):
        assert set(telemetry.metric(name).values()) == {0}, name


async def test_what_waits_and_what_runs_is_seen_while_it_does(telemetry: Telemetry) -> None:
    release = asyncio.Event()
    begun = asyncio.Event()

    class Waits(OnTheLoop):
        async def run(self, input: Any, output: Any) -> None:
            begun.set()
            await release.wait()
            await output.astore(1)

    name = f"{__name__}.{Waits.__qualname__}"
    async with Engine(MemoryStorage(), max_concurrency=1) as engine:
        instrument(engine, **telemetry.providers)
        asked = asyncio.create_task(engine.run([Waits(n) for n in range(5)]))
        await begun.wait()
        assert telemetry.metric(names.TASKS_QUEUED) == {(name,): 4}
        assert telemetry.metric(names.TASKS_RUNNING) == {(name,): 1}
        assert telemetry.metric(names.RUNS_ACTIVE) == {(): 1}
        uninstrument(engine)
        assert telemetry.metric(names.TASKS_QUEUED) == {(name,): 0}
        assert telemetry.metric(names.RUNS_ACTIVE) == {(): 0}
        release.set()
        await asked


async def test_engines_of_one_provider_are_added_up(telemetry: Telemetry) -> None:
    for _ in range(3):
        async with Engine(MemoryStorage()) as engine:
            instrument(engine, **telemetry.providers)
            await engine.run([OnTheLoop(n) for n in range(4)])
    assert telemetry.metric(names.TASKS_ENDED) == {(LOOP, "succeeded"): 12}
