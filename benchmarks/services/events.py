"""The cost of a listener: the same work with one and without, in turn."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alexflow import Engine
from alexflow.events import TaskCancelled, TaskGivenUp, TaskQueued, TaskRetrying, TaskStarted, TaskSucceeded
from benchmarks.ruler import bar_here
from benchmarks.services.tasks import Stored

ROUNDS = 15


async def measure(directory: Path, scale: float) -> Iterator[str]:
    """Measure. Returns the lines of the table."""
    count, seen = int(5_000 * scale), Counter[type[Any]]()
    took: dict[bool, list[float]] = {False: [], True: []}
    at = 0
    for _ in range(ROUNDS):
        for listens in took:
            async with Engine(directory) as engine:
                if listens:
                    engine.broadcast.listen(lambda event: seen.update((type(event),)))
                await engine.run([Stored(-1)])
                tasks = [Stored(number) for number in range(at, at + count)]
                at += count
                began = time.thread_time()
                await engine.run(tasks)
                took[listens].append(time.thread_time() - began)
    counting = _of_counting(count)
    events = seen.total() / ROUNDS
    each = (min(took[True]) - min(took[False])) / events * 1e6  # what else the machine does only adds to both
    ends = sum(seen[end] for end in (TaskSucceeded, TaskRetrying, TaskGivenUp, TaskCancelled))
    return iter(
        [
            f"{events / count:.1f} events a task; an event takes {each - counting:.2f} us of CPU beside "
            f"{counting:.2f} of the listener's own ({bar_here(1)}); {seen[TaskQueued]:,} queued, "
            f"{seen[TaskStarted]:,} starts, {ends:,} ends"
        ]
    )


def _of_counting(count: int) -> float:
    """Return the microseconds that the listener itself takes."""
    seen: Counter[type[Any]] = Counter()
    listen = lambda event: seen.update((type(event),))  # noqa: E731  # the same as above
    began = time.thread_time()
    for _ in range(count):
        listen(count)
    return (time.thread_time() - began) / count * 1e6
