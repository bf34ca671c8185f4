"""Trainings on all CPUs: the share of threads that alexflow gives each worker, beside a grid of workers and threads.

Each task does five fits of scikit-learn. Choosing the numbers of workers and threads by hand should gain nothing: the
best of the grid, measured in the same rounds, is what alexflow's own choice is held against. The worst of a grid take
ten times as long as the best, so a few tasks show first which are worth a round.
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
from benchmarks.measure import Stopwatch
from benchmarks.outcome import Bar, Outcome, Row

OWN = "alexflow"
FITS = 5
FIRST_LOOK = 8  # tasks
MOST_FINALISTS = 2


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
    grid = _best_of(
        {f"{count} workers × {threads} threads": Workers(count, threads) for count, threads in _grid(cpus())}
    )
    measures: dict[str, Measure] = {
        name: partial(_measure, tasks, workers) for name, workers in {OWN: Workers(), **grid}.items()
    }
    outcome.rows = contest(setting.rounds, setting.memory, measures)
    measured = [name for name in grid if outcome.rows[name].sample is not None]
    best = min(measured, key=lambda name: outcome.rows[name].sample.median)  # type: ignore[union-attr]
    speed = outcome.ratio(best, OWN)
    outcome.bars.append(Bar(f"as quick as {best}, the best of the grid (≥ 0.97)", speed, 0.97, at_least=True))
    yield outcome


def _best_of(grid: dict[str, Workers]) -> dict[str, Workers]:
    """The most promising of a grid, by a few tasks each."""
    with tempfile.TemporaryDirectory() as directory:
        seconds = {name: _measure(FIRST_LOOK, workers, Path(directory)) for name, workers in grid.items()}
    return {name: grid[name] for name in sorted(grid, key=lambda name: seconds[name])[:MOST_FINALISTS]}


def _grid(available: int) -> list[tuple[int, int]]:
    steps = sorted({1, max(1, available // 2), available})
    return [(count, threads) for count in steps for threads in steps]


def _measure(tasks: int, workers: Workers, place: Path) -> float:
    with tempfile.TemporaryDirectory(dir=place) as directory:
        watch = Stopwatch()
        result = alexflow.run([Trains(seed) for seed in range(tasks)], storage=directory, workers=workers)
        watch.stop()
    assert result.ran == tasks
    return watch.seconds
