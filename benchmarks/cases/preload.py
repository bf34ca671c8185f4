"""Libraries that are imported once: eight workers with their first result each, and the memory that they have then.

Beside workers that import the library themselves. Each of eight tasks uses it, and waits until all eight have, so that
every worker has one. Memory is the proportional share of each process, in which a page counts once however many have
it, that of the process from which they are forked included.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from os import getpid, getppid
from pathlib import Path

import alexflow
from alexflow import JSONOutput, Output, Task, Workers
from benchmarks.contest import Measure, Setting, contest
from benchmarks.measure import Sample, Stopwatch, cpu_seconds
from benchmarks.outcome import Bar, Outcome, Row

WORKERS = 8

ONCE, EACH = "alexflow", "each worker imports it"

#: Preloading takes and needs at most such a part of what eight imports do.
PART = 0.4


@dataclass(frozen=True)
class Uses(Task):
    """Uses a library, and stores the process's share of memory when all others have used it as well."""

    number: int
    directory: str

    def output(self) -> Output[dict[str, int]]:
        return self.build_output(JSONOutput[dict[str, int]], key="memory.json")

    def use(self) -> None:
        """Use the library."""

    def run(self, input: None, output: Output[dict[str, int]]) -> None:
        self.use()
        Path(self.directory, str(self.number)).touch()
        while len(list(Path(self.directory).iterdir())) < WORKERS:
            time.sleep(0.005)
        output.store({str(pid): _share_of(pid) for pid in (getpid(), getppid())})


@dataclass(frozen=True)
class UsesScikitLearn(Uses):
    def use(self) -> None:
        from sklearn.datasets import make_classification
        from sklearn.ensemble import RandomForestClassifier

        RandomForestClassifier(2).fit(*make_classification(50))


@dataclass(frozen=True)
class UsesTorch(Uses):
    def use(self) -> None:
        import torch

        torch.nn.Linear(4, 4)(torch.ones(4)).sum().backward()


def _share_of(pid: int) -> int:
    """Kibibytes."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def run(setting: Setting) -> Iterator[Outcome]:
    for package, module, cls in (("scikit-learn", "sklearn", UsesScikitLearn), ("torch", "torch", UsesTorch)):
        title = f"{WORKERS} workers that use {package}"
        if find_spec(module) is None:
            yield Outcome(title, "s", skipped=f"{package} is not installed")
            continue
        yield from _compare(setting, title, cls)


def _compare(setting: Setting, title: str, cls: type[Uses]) -> Iterator[Outcome]:
    ways = {ONCE: Workers(WORKERS), EACH: Workers(WORKERS, preload=None)}
    cpu, memory = ({name: list[float]() for name in ways} for _ in range(2))
    measures: dict[str, Measure] = {
        name: partial(_measure, cls, workers, cpu[name], memory[name]) for name, workers in ways.items()
    }
    seconds = Outcome(f"{title}, until each has a result", "s")
    seconds.rows = contest(setting.rounds, setting.memory, measures)
    share = Outcome(f"{title}, all memory of them", "MiB")
    share.rows = {name: Row(name, Sample(tuple(values))) for name, values in memory.items()}
    for outcome in (seconds, share):
        outcome.bars.append(Bar(f"≤ {PART:g} × {EACH}", outcome.ratio(ONCE, EACH), PART))
    ratio = Sample(tuple(cpu[ONCE])).over(Sample(tuple(cpu[EACH])))  # which others here hardly change
    seconds.bars.append(Bar(f"seconds of CPU ≤ {PART:g} × {EACH}", ratio, PART, beside=True))
    yield seconds
    yield share


def _measure(cls: type[Uses], workers: Workers, cpu: list[float], memory: list[float], place: Path) -> float:
    with tempfile.TemporaryDirectory(dir=place) as directory, tempfile.TemporaryDirectory(dir=place) as meeting:
        before, watch = cpu_seconds(), Stopwatch()
        result = alexflow.run([cls(n, meeting) for n in range(WORKERS)], storage=directory, workers=workers)
        watch.stop()
        cpu.append(cpu_seconds() - before)
        shares: dict[str, int] = {}
        for output in result.output:
            shares |= output.load()
    assert len(shares) == WORKERS + 1
    memory.append(sum(shares.values()) / 1024)
    return watch.seconds
