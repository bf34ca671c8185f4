"""Trainings on all CPUs: the share of threads that alexflow gives each worker, beside a grid of workers and threads.

Each task does five fits of scikit-learn. Choosing the numbers of workers and threads by hand should gain nothing: the
best of the grid, measured in the same rounds, is what alexflow's own choice is held against. More threads than CPUs
take six times as long and more, since OpenMP's wait for each other in loops; all of a grid would take minutes a round.
So a few tasks in each cell show first which are worth one, and the others are shown with what these few took.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import alexflow
from alexflow import JSONOutput, Output, Task, Workers
from alexflow.executors.cpus import cpus
from benchmarks.contest import Measure, Setting, contest
from benchmarks.measure import Sample, Stopwatch, cpu_seconds
from benchmarks.outcome import Bar, Outcome, Row

OWN = "alexflow"
FITS = 5
FIRST_LOOK = 8  # tasks
FAR_BEHIND = 1.5  # times as long as the quickest, in the first look: no finalist
MOST_FINALISTS = 3


@dataclass(frozen=True)
class Trains(Task):
    """Some small fits, which use BLAS and OpenMP."""

    seed: int

    def output(self) -> Output[float]:
        return self.build_output(JSONOutput[float], key="score.json")

    def run(self, input: None, output: Output[float]) -> None:
        from sklearn.datasets import make_classification
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.linear_model import LogisticRegression

        score = 0.0
        for fit in range(FITS):
            features, labels = make_classification(300, 20, random_state=self.seed * FITS + fit)
            models = (LogisticRegression(max_iter=200), HistGradientBoostingClassifier(max_iter=5))
            score += sum(float(model.fit(features, labels).score(features, labels)) for model in models)
        output.store(score)


def run(setting: Setting) -> Iterator[Outcome]:
    tasks = setting.size(64)
    outcome = Outcome(f"{tasks} tasks of {FITS} fits of scikit-learn on all CPUs", "s")
    if find_spec("sklearn") is None:
        outcome.rows = {OWN: Row(OWN, None, "scikit-learn is not installed (pip install scikit-learn)")}
        yield outcome
        return
    grid = {f"{count} workers × {threads} threads": Workers(count, threads) for count, threads in _grid(cpus())}
    slow = _far_behind(grid)
    cells = {OWN: Workers(), **{name: workers for name, workers in grid.items() if name not in slow}}
    used: dict[str, list[float]] = {
        name: [] for name in cells
    }  # seconds of CPU, which others on the machine hardly change
    measures: dict[str, Measure] = {
        name: partial(_measure, tasks, workers, used=used[name]) for name, workers in cells.items()
    }
    outcome.rows = contest(setting.rounds, setting.memory, measures) | slow
    best = min(cells.keys() - {OWN}, key=lambda name: outcome.rows[name].sample.median)  # type: ignore[union-attr]
    speed = outcome.ratio(best, OWN)
    outcome.bars.append(Bar(f"as quick as {best}, the best of the grid (≥ 0.97)", speed, 0.97, at_least=True))
    cpu = Sample(tuple(used[OWN])).over(Sample(tuple(used[best])))
    outcome.bars.append(Bar(f"seconds of CPU beside those of {best} (≤ 1.03)", cpu, 1.03, beside=True))
    yield outcome


def _far_behind(grid: dict[str, Workers]) -> dict[str, Row]:
    """The rows of those cells of a grid that are not worth a round, by a few tasks in each."""
    with tempfile.TemporaryDirectory() as directory:
        seconds = {name: _measure(FIRST_LOOK, workers, Path(directory)) for name, workers in grid.items()}
    order = sorted(seconds, key=seconds.__getitem__)
    least = seconds[order[0]]
    slow = {name for name in order if seconds[name] > FAR_BEHIND * least} | {*order[MOST_FINALISTS:]}
    return {
        name: Row(name, None, f"{FIRST_LOOK} tasks took {seconds[name] / least:.1f} × as long as in {order[0]}")
        for name in order
        if name in slow
    }


def _grid(available: int) -> list[tuple[int, int]]:
    steps = sorted({1, max(1, available // 2), available})
    return [(count, threads) for count in steps for threads in steps]


def _measure(tasks: int, workers: Workers, place: Path, used: list[float] | None = None) -> float:
    with tempfile.TemporaryDirectory(dir=place) as directory:
        before, watch = cpu_seconds(), Stopwatch()
        result = alexflow.run([Trains(seed) for seed in range(tasks)], storage=directory, workers=workers)
        watch.stop()
    assert result.ran == tasks
    if used is not None:
        used.append(cpu_seconds() - before)
    return watch.seconds
