"""The work of a task, in turns of a loop, and how many of those a CPU does in a second."""

from __future__ import annotations

import os
import statistics
import time

SPAN = 0.02  # seconds: what is timed at once
SPANS = 5


def spin(turns: int) -> int:
    """Keep a CPU busy."""
    state = 1
    for _ in range(turns):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    return state


def turns_per_second(workers: int) -> float:
    """Measure one of so many processes that spin at the same time; they may share a core."""
    readers = [_spinning() for _ in range(workers)]
    rates: list[float] = []
    for pid, reader in readers:
        with os.fdopen(reader) as lines:
            rates.append(float(lines.read()))
        os.waitpid(pid, 0)
    return statistics.mean(rates)


def _spinning() -> tuple[int, int]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, f"{_rate()}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    return pid, reader


def _rate() -> float:
    """The best of some spans: what else happens on the machine only makes it less."""
    turns = 1000
    while _seconds(turns) < SPAN:
        turns *= 2
    return turns / min(_seconds(turns) for _ in range(SPANS))


def _seconds(turns: int) -> float:
    started = time.perf_counter()
    spin(turns)
    return time.perf_counter() - started
