"""Very many tasks from a dynamic task that gives them one by one, and how large the engine's process is meanwhile."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import alexflow
import alexflow.engine.embedded
from benchmarks.measure import Stopwatch
from benchmarks.protocol import resident
from benchmarks.waiting import AsyncLeaf
from benchmarks.workloads import Leaf

LEAVES: dict[str, Any] = {"process": Leaf, "loop": AsyncLeaf}

#: MiB by how many tasks had been given: taken where they are given, in a thread of the engine's process.
sizes: dict[int, float] = {}


@dataclass(frozen=True)
class Many(alexflow.DynamicTask):
    """Gives so many tasks."""

    count: int
    executor_name: str

    def generate(self, input: None, output: None) -> Iterator[alexflow.Task]:
        leaf, every = LEAVES[self.executor_name], max(self.count // 100, 1)
        for number in range(self.count):
            if number % every == 0:
                sizes[number] = resident("VmRSS")
            yield leaf(number)


def main() -> None:
    """Do what the arguments say, and print the measurement as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--executor", choices=LEAVES, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    storage = alexflow.LocalStorage(options.directory)
    watch = Stopwatch()
    result = alexflow.run(
        Many(options.size, options.executor), storage=storage, workers=options.workers, progress=False
    )
    watch.stop()
    last = LEAVES[options.executor](options.size - 1).output().assign_storage(storage).load()
    if (result.ran, last) != (options.size + 1, options.size - 1):
        sys.exit(f"wrong result: {result}, the last is {last}")
    early = max(number for number in sizes if number <= options.size // 10)
    answer = {
        "seconds": watch.seconds,
        "early": sizes[early],
        "late": max(mib for number, mib in sizes.items() if number >= early),
        "peak": resident("VmHWM"),
        "sizes": list(sizes.items()),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
