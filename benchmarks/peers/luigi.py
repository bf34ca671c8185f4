"""luigi: a ``LocalTarget`` for each task's output, ``luigi.build`` with the scheduler in the same process, two workers.

With more than one worker luigi forks a process for each task. It has no asyncio, so that sleeping tasks are as many
such processes at once as ``SLEEPERS``.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager

import peer

# isort: split
import luigi
from luigi.format import Nop

from benchmarks import work

SLEEPERS = 64


class Stored(luigi.Task):
    """Stores what ``value`` gives in a file of its own."""

    directory = luigi.Parameter(significant=False)

    def output(self):
        return luigi.LocalTarget(f"{self.directory}/{self.task_id}.pkl", format=Nop)

    def run(self):
        with self.output().open("wb") as file:
            pickle.dump(self.value(), file, protocol=5)

    def inputs(self):
        return map(load, self.input())


def load(target):
    with target.open("rb") as file:
        return pickle.load(file)


class Leaf(Stored):
    number = luigi.IntParameter()

    def value(self):
        return work.leaf(self.number)


class Total(Stored):
    size = luigi.IntParameter()

    def requires(self):
        return [Leaf(directory=self.directory, number=number) for number in range(self.size)]

    def value(self):
        return work.total(self.inputs())


class Counted(Total):
    def value(self):
        return work.counted(len(self.input()))


class Successor(Stored):
    position = luigi.IntParameter()

    def requires(self):
        before = self.position - 1
        return Successor(self.directory, before) if before else Leaf(self.directory, 0)

    def value(self):
        return work.successor(load(self.input()))


class Mixed(Stored):
    layer = luigi.IntParameter()
    index = luigi.IntParameter()
    width = luigi.IntParameter()

    def requires(self):
        above = self.layer - 1
        return [of_layer(self.directory, above, parent, self.width) for parent in work.parents(self.index, self.width)]

    def value(self):
        return work.mixed(self.inputs())


class Folded(Stored):
    width = luigi.IntParameter()

    def requires(self):
        return [of_layer(self.directory, work.LAYERS - 1, index, self.width) for index in range(self.width)]

    def value(self):
        return work.folded(self.inputs())


def of_layer(directory, layer, index, width):
    return Mixed(directory, layer, index, width) if layer else Leaf(directory, index)


class Sleeper(Leaf):
    seconds = luigi.FloatParameter()

    def value(self):
        time.sleep(self.seconds)
        return work.leaf(self.number)


class Burner(Leaf):
    seconds = luigi.FloatParameter()

    def value(self):
        work.burn(self.seconds)
        return work.leaf(self.number)


def wanted(asked):
    directory, size = str(asked.directory), asked.size
    match asked.case:
        case "fan" | "rerun":
            return [Total(directory=directory, size=size)]
        case "grow":
            return [Counted(directory=directory, size=size)]
        case "chain":
            return [Successor(directory=directory, position=size)]
        case "layered":
            return [Folded(directory=directory, width=work.width_of(size))]
        case "start":
            return [Leaf(directory=directory, number=size)]
    kind = Sleeper if asked.case == "async" else Burner
    return [kind(directory=directory, number=number, seconds=asked.seconds) for number in range(size)]


@contextmanager
def run(asked: peer.Asked) -> Iterator[peer.Read]:
    tasks = wanted(asked)
    workers = SLEEPERS if asked.case == "async" else asked.workers
    if not luigi.build(tasks, workers=workers, local_scheduler=True, log_level="WARNING"):
        raise RuntimeError("a task failed")
    yield lambda: sum(load(task.output()) for task in tasks)


if __name__ == "__main__":
    peer.main(run, outputs="*.pkl")
