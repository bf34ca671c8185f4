"""alexflow 1.1.4: ``run_job`` with two processes, ``BinaryOutput`` for each task in a ``LocalStorage``.

Its main loop wakes up five times a second and hands out ten tasks at most; a worker's process is replaced after thirty.
It has no asyncio, so that sleeping tasks are as many processes at once as ``SLEEPERS``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import peer

# isort: split
from alexflow import BinaryOutput, Task
from alexflow.adapters.executor.alexflow import run_job
from alexflow.adapters.storage.local_storage import LocalStorage
from alexflow.helper import load_output
from benchmarks import work

SLEEPERS = 32


@dataclass(frozen=True)
class Stored(Task):
    """Stores what ``value`` gives."""

    def output(self):
        return self.build_output(BinaryOutput, key="value.pkl")

    def run(self, input, output):
        output.store(self.value(input))


@dataclass(frozen=True)
class Leaf(Stored):
    number: int = 0

    def value(self, input):
        return work.leaf(self.number)


@dataclass(frozen=True)
class Reader(Stored):
    """Has outputs of other tasks as its inputs."""

    inputs: list = field(default_factory=list)

    def input(self):
        return self.inputs


@dataclass(frozen=True)
class Total(Reader):
    def value(self, input):
        return work.total(part.load() for part in input)


@dataclass(frozen=True)
class Counted(Reader):
    def value(self, input):
        return work.counted(len(input))


@dataclass(frozen=True)
class Successor(Reader):
    def value(self, input):
        return work.successor(input[0].load())


@dataclass(frozen=True)
class Sleeper(Leaf):
    seconds: float = 0.0

    def value(self, input):
        time.sleep(self.seconds)
        return work.leaf(self.number)


@dataclass(frozen=True)
class Burner(Leaf):
    seconds: float = 0.0

    def value(self, input):
        work.burn(self.seconds)
        return work.leaf(self.number)


def wanted(asked):
    match asked.case:
        case "layered":
            raise peer.Unsupported("it walks every path through a graph, and 20 layers of five parents have 5 ** 19")
        case "chain":
            last = Leaf(number=0)
            for _ in range(asked.size):
                last = Successor(inputs=[last.output()])
            return [last]
        case "async":
            return [Sleeper(number=number, seconds=asked.seconds) for number in range(asked.size)]
        case "cpu":
            return [Burner(number=number, seconds=asked.seconds) for number in range(asked.size)]
        case "start":
            return [Leaf(number=asked.size)]
    leaves = [Leaf(number=number).output() for number in range(asked.size)]
    return [Counted(inputs=leaves) if asked.case == "grow" else Total(inputs=leaves)]


@contextmanager
def run(asked: peer.Asked) -> Iterator[peer.Read]:
    storage = LocalStorage(base_path=str(asked.directory))
    tasks = wanted(asked)
    run_job(tasks, storage, n_jobs=SLEEPERS if asked.case == "async" else asked.workers)
    yield lambda: sum(load_output(task.output(), storage) for task in tasks)


if __name__ == "__main__":
    peer.main(run, outputs="*.pkl")
