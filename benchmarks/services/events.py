"""The cost of events: of those of a task, with a listener that does nothing; and whether each start has an end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from alexflow import Engine
from alexflow.engine.failed_attempts import FailedAttempts
from alexflow.engine.requested_run import RequestedRuns, RequestOptions
from alexflow.engine.task_events import TaskEvents
from alexflow.events import TaskCancelled, TaskGivenUp, TaskQueued, TaskRetrying, TaskStarted, TaskSucceeded
from alexflow.events.broadcast import Broadcast
from alexflow.executors.interface import Done, Usage
from alexflow.scheduler import Scheduler, TaskSpec
from alexflow.scheduler.events import Inspected, RunRequested
from benchmarks.ruler import bar_here
from benchmarks.services.tasks import Stored

ROUNDS = 15


async def measure(directory: Path, scale: float) -> Iterator[str]:
    """Measure. Returns the lines of the table."""
    return iter([_cost(max(10, int(2_000 * scale))), await _pairs(directory, int(5_000 * scale))])


def _cost(count: int) -> str:
    """Measure the events alone: beside a whole run they are too little to be seen."""
    ids = [Stored(number).task_id for number in range(count)]
    events = _of_running(ids)
    done = [Done(task_id, 0.1, usage=Usage(0, None, None, {task_id: (3, b"")}, 0.0)) for task_id in ids]
    took: dict[str, list[float]] = {"queued": [], "started": [], "succeeded": []}
    for _ in range(ROUNDS):
        at = [time.thread_time()]
        events.queued(ids)
        at.append(time.thread_time())
        for task_id in ids:
            events.began("loop", task_id)
        at.append(time.thread_time())
        for outcome, ended in zip(done, events.ends_of(done), strict=True):
            events.make_up_start(outcome, ended)
            events.succeeded(outcome, ended)
        at.append(time.thread_time())
        for times, begin, end in zip(took.values(), at, at[1:], strict=False):
            times.append((end - begin) / count * 1e6)
    each = {name: median(times) for name, times in took.items()}
    shown = ", ".join(f"{name} {microseconds:.2f}" for name, microseconds in each.items())
    return f"{sum(each.values()) / len(each):.2f} us of CPU an event ({bar_here(1)}): {shown}"


def _of_running(ids: list[str]) -> TaskEvents:
    """Make the events of tasks that a scheduler has, with a listener that does nothing."""
    scheduler, broadcast, find = Scheduler(), Broadcast(), dict[str, Any]
    broadcast.listen(lambda _: None)
    runs = RequestedRuns(scheduler.owner_of)
    end = asyncio.get_running_loop().create_future()
    run = runs.add((), ids, RequestOptions("stop", {}, None, "", None, None, True), lambda _: find(), end)
    scheduler.handle(RunRequested(run.number, (), tuple(ids)))
    specs = tuple([TaskSpec(task_id, outputs=(f"{task_id}.json",)) for task_id in ids])
    scheduler.handle(Inspected(incomplete=tuple(ids), specs=specs))
    return TaskEvents(broadcast, runs, FailedAttempts(), {}, scheduler.state)


async def _pairs(directory: Path, count: int) -> str:
    seen: Counter[type[Any]] = Counter()
    async with Engine(directory) as engine:
        engine.broadcast.listen(lambda event: seen.update((type(event),)))
        await engine.run([Stored(number) for number in range(count)])
    ends = sum(seen[end] for end in (TaskSucceeded, TaskRetrying, TaskGivenUp, TaskCancelled))
    return (
        f"{seen.total() / count:.1f} events a task: {seen[TaskQueued]:,} queued, {seen[TaskStarted]:,} starts, "
        f"{ends:,} ends"
    )
