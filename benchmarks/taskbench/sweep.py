"""From an engine's efficiency at some durations to the one at which it is 50 %; and the script around it."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.protocol import unsupported
from benchmarks.taskbench.kernel import turns_per_second
from benchmarks.taskbench.patterns import PATTERNS, Graph

HALF = 0.5
FIRST = 256.0  # microseconds
LEAST, MOST = 1.0, 4096.0

#: Runs a graph with so many turns of the loop in each task: the seconds it took, and the sum over its ends.
Run = Callable[[Graph, int, Path], tuple[float, int]]


def metg(efficiency: Callable[[float], float]) -> tuple[float, dict[float, float]]:
    """The duration, in microseconds, at which the efficiency is 50 %, and what was measured on the way.

    Infinite if even the longest tasks do not reach it; the shortest that was tried if all do.
    """
    found = {FIRST: efficiency(FIRST)}
    duration = FIRST
    factor = 0.5 if found[FIRST] >= HALF else 2.0
    while LEAST <= duration * factor <= MOST:
        before, duration = duration, duration * factor
        found[duration] = efficiency(duration)
        if (found[duration] >= HALF) != (found[FIRST] >= HALF):
            below, above = sorted((before, duration))
            return _crossing(below, found[below], above, found[above]), found
    return (duration if found[duration] >= HALF else math.inf), found


def _crossing(below: float, low: float, above: float, high: float) -> float:
    share = (HALF - low) / (high - low)
    return math.exp(math.log(below) + share * (math.log(above) - math.log(below)))


def main(run: Run) -> None:
    """Do what the arguments say, and print the measurement as one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pattern", choices=PATTERNS, required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    graph = Graph(options.pattern, options.width, options.steps)
    expected = graph.expected  # and with it the dependencies: no engine's work, so they are computed before
    rate = turns_per_second(options.workers)
    done = 0

    def efficiency(micros: float) -> float:
        nonlocal done
        directory = options.directory / str(done)
        directory.mkdir()
        done += 1
        seconds, value = run(graph, round(rate * micros / 1e6), directory)
        if value != expected:
            sys.exit(f"wrong result: {value} instead of {expected}")
        ideal: float = len(graph.places) * micros / 1e6 / options.workers
        return ideal / seconds

    micros, found = metg(efficiency)
    if math.isinf(micros):
        unsupported(f"below {HALF:.0%} even with tasks of {MOST:.0f} µs")
    efficiencies = [[duration, round(value, 4)] for duration, value in sorted(found.items())]
    print(json.dumps({"micros": micros, "efficiencies": efficiencies, "turns_per_second": rate}))
