"""METG(50 %) of Task Bench: the smallest task that two workers still run at half of the ideal speed.

The exact definition and its source are in ``benchmarks.taskbench``. ``floor`` is the second ruler
(``benchmarks/contestants/floor.py``), which does not depend on the pattern.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.contest import Measure, Setting, contest
from benchmarks.contestant import FLOOR, HERE, Answer, Question, ask_for
from benchmarks.outcome import Outcome
from benchmarks.taskbench.patterns import PATTERNS

WIDTH = 32
STEPS = 40
WORKERS = 2

#: Microseconds, by pattern.
BARS = {"trivial": 60, "stencil": 120, "fft": 120, "tree": 120, "nearest": 120}


def run(setting: Setting) -> Iterator[Outcome]:
    steps = setting.size(STEPS)
    for pattern in PATTERNS:
        measures = {
            "alexflow": metg("with_alexflow", pattern, steps, setting.limit),
            "handmade": metg("handmade", pattern, steps, setting.limit),
            "floor": floor(setting, steps),
            "floor, disk": on_disk(setting, floor(setting, steps)),
        }
        rows = contest(min(setting.rounds, 3), setting.memory, measures)
        outcome = Outcome(f"{pattern}, {WIDTH} × {steps} tasks: duration at 50 % efficiency, tmpfs", "µs", rows)
        outcome.below(BARS[pattern])
        yield outcome


def floor(setting: Setting, steps: int) -> Measure:
    """The cost of a task for one process that keeps alexflow's promises: where tasks last as long, half of its time."""
    return setting.one(FLOOR, Question("fan", WIDTH * steps), Answer.micros_per_task)


def on_disk(setting: Setting, measure: Measure) -> Measure:
    """The same in a directory on a disk."""

    def measured(directory: Path) -> float:
        with setting.disk.fresh() as place:
            return measure(place)

    return measured


def metg(script: str, pattern: str, steps: int, limit: float) -> Measure:
    def measured(directory: Path) -> float:
        command = [sys.executable, str(HERE / "taskbench" / f"{script}.py"), "--directory", str(directory)]
        command += ["--pattern", pattern, "--width", str(WIDTH), "--steps", str(steps), "--workers", str(WORKERS)]
        micros: float = ask_for(command, limit)["micros"]
        return micros

    return measured
