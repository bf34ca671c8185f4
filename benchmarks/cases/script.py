"""Whole scripts, ``python script.py`` from exec to exit: what people wait for.

The interpreter's start, all imports and the end of all processes are in it. ``bare`` is an interpreter that imports the
module of the tasks (for ``async``, asyncio too) and does nothing. What others do is in ``benchmarks/scripts`` and
``benchmarks/peers``; these read their results back within the time, and parse their arguments.

``iris`` and ``sweep`` train with scikit-learn; where that is missing they are left out. Beside them is joblib, which
comes with it; other engines' environments have none.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from benchmarks.cases.imports import interpreter
from benchmarks.contest import Measure, Setting, contest
from benchmarks.contestant import Ended, Question
from benchmarks.measure import Sample
from benchmarks.outcome import Bar, Outcome, Row
from benchmarks.ruler import of_encoding, scaled
from benchmarks.whole import PeakOfAll, Script

SECONDS = 0.05
TASKS = "import benchmarks.workloads"


def millis(ended: Ended) -> float:
    """The figure of most cases."""
    return ended.seconds * 1e3


def run(setting: Setting) -> Iterator[Outcome]:
    with tempfile.TemporaryDirectory(dir=setting.memory.directory) as prepared:
        whole = Whole(setting, Path(prepared))
        first = whole.outcome(Question("start", 1), "the first value of a process task")
        first.at_most(1.7, "handmade")
        yield first
        yield whole.nothing_to_do()
        yield whole.at_most(1.5, Question("chain", setting.size(100)), "a chain of {size} links")
        yield whole.at_most(1.5, Question("layered", setting.size(100)), "{size} tasks in layers")
        grown = whole.at_most(1.5, Question("grow", setting.size(1_000)), "a new root over {size} outputs")
        yield grown
        yield whole.growing_further(grown)
        title = "{size} async tasks that wait 50 ms"
        yield whole.at_most(1.25, Question("async", setting.size(1_000), SECONDS), title)
        yield whole.computing(first)
        yield from whole.training()


class Whole:
    """The contests of whole scripts."""

    def __init__(self, setting: Setting, prepared: Path):
        self._setting = setting
        self._rounds = setting.rounds
        self._ours = [Script(name, prepared) for name in ("alexflow", "handmade")]
        self._peers = [Script(peer.name, prepared, peer) for peer in setting.peers]
        self._prepared = prepared

    def outcome(
        self, question: Question, title: str, bare: str = TASKS, before: Callable[[], None] | None = None
    ) -> Outcome:
        """All contestants in one case, and a bare interpreter; ``before`` is called in each round."""
        limit = self._setting.limit
        measures: dict[str, Measure] = {
            script.name: script.measure(question, millis, limit) for script in (*self._ours, *self._peers)
        }
        if before is not None:
            measures["alexflow"] = _after(before, measures["alexflow"])
        measures["bare"] = interpreter(bare, limit)
        return Outcome(title, "ms", contest(self._rounds, self._setting.memory, measures))

    def at_most(self, factor: float, question: Question, title: str) -> Outcome:
        """The same, with a bar beside what is handmade."""
        bare = "import asyncio, benchmarks.waiting" if question.case == "async" else TASKS
        outcome = self.outcome(question, title.format(size=f"{question.size:,}"), bare)
        outcome.at_most(factor, "handmade")
        return outcome

    def nothing_to_do(self) -> Outcome:
        """All is there."""
        size = self._setting.size(10_000)
        outcome = self.outcome(Question("rerun", size), f"nothing to do, {size:,} outputs behind the target")
        outcome.bars.append(Bar("≤ 35 ms over bare", _minus(outcome, "bare"), 35))
        return outcome

    def growing_further(self, grown: Outcome) -> Outcome:
        """Ten times as many outputs; and what each of those that were added takes."""
        few, many = self._setting.size(1_000), self._setting.size(10_000)
        rulers: list[float] = []
        title = f"a new root over {many:,} outputs"
        outcome = self.outcome(Question("grow", many), title, before=lambda: rulers.append(of_encoding(50_000)))
        mine, before = outcome.sample("alexflow"), grown.sample("alexflow")
        more = mine.minus(before).times(1e3 / max(many - few, 1)) if mine and before else None
        if more is not None:
            more = more.over(Sample(tuple(rulers)))
        outcome.bars.append(Bar(f"≤ {scaled(6):.1f} × the ruler for each output more", more, scaled(6)))
        return outcome

    def computing(self, first: Outcome) -> Outcome:
        """Processors are busy; how much longer than it must take."""
        question = Question("cpu", self._setting.size(64), SECONDS)
        outcome = self.outcome(question, f"{question.size} tasks that compute 50 ms")
        outcome.at_most(1, "handmade")
        mine, start = outcome.sample("alexflow"), first.sample("alexflow")
        if mine is not None and start is not None:
            ideal = question.size * SECONDS / question.workers * 1e3
            over = Sample(tuple(value - ideal for value in mine.minus(start).values))
            outcome.bars.append(Bar("over the ideal ≤ the first value + 30 ms", over, 30))
        return outcome

    # -- training

    def training(self) -> Iterator[Outcome]:
        """Time, processor time and memory, with two and with eight workers."""
        for case in ("iris", "sweep"):
            for workers in (2, 8):
                title = f"{case} with {workers} workers"
                if find_spec("sklearn") is None:
                    yield Outcome(title, "ms", skipped="scikit-learn is not installed")
                else:
                    yield from self._trained(Question(case, 0, workers=workers), title)

    def _trained(self, question: Question, title: str) -> Iterator[Outcome]:
        scripts = [*self._ours, Script("joblib", self._prepared)]
        cpu: dict[str, list[float]] = {script.name: [] for script in scripts}
        peaks: dict[str, list[float]] = {script.name: [] for script in scripts}
        measures = {
            script.name: self._noting(script, question, cpu[script.name], peaks[script.name]) for script in scripts
        }
        rows = contest(min(self._setting.rounds, 3), self._setting.memory, measures)
        yield Outcome(title, "ms", rows)
        yield Outcome(f"{title}, processor time of all processes", "s", _beside(rows, cpu))
        yield Outcome(f"{title}, memory of all processes (PSS)", "MiB", _beside(rows, peaks))

    def _noting(self, script: Script, question: Question, cpu: list[float], peaks: list[float]) -> Measure:
        """Run it twice: looking at memory takes time."""

        def measured(directory: Path) -> float:
            peak = PeakOfAll()
            for place, look in (("timed", None), ("watched", peak.look)):
                (directory / place).mkdir()
                ended = script.run(question, directory / place, self._setting.limit, look)
                if look is None:
                    timed = ended
            cpu.append(timed.cpu_seconds)
            peaks.append(peak.mib)
            return millis(timed)

        return measured


def _after(before: Callable[[], None], measure: Measure) -> Measure:
    def measured(directory: Path) -> float:
        before()
        return measure(directory)

    return measured


def _minus(outcome: Outcome, name: str) -> Sample | None:
    mine, others = outcome.sample("alexflow"), outcome.sample(name)
    return mine.minus(others) if mine is not None and others is not None else None


def _beside(rows: dict[str, Row], values: dict[str, list[float]]) -> dict[str, Row]:
    """Rows of another figure of the same runs."""
    return {name: row if row.sample is None else Row(name, Sample(tuple(values[name]))) for name, row in rows.items()}
