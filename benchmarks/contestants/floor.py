"""The cost of alexflow's promises, in one process: the second ruler beside the plain limit.

For each task of a fan: its id, from its parameters; its result staged, digested with BLAKE2b and published as
``LocalStorage`` does, whole or not at all, the first publisher kept; and, with 511 others, a message through a pipe
that it is done. Nothing is scheduled, looked for, or read. On one processor, no engine with these promises is cheaper.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import alexflow
from alexflow.executors.interface import Usage
from alexflow.executors.process.wire.messages import JobsDone, frame
from benchmarks import work, workloads
from benchmarks.measure import Stopwatch
from benchmarks.protocol import Growth, answer, parser, unsupported

#: Tasks in one message.
BATCH = 512


class Pipe:
    """Takes reports that tasks are done, and gives them back to be read."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        self._done: list[int] = []

    def add(self, number: int) -> None:
        """Report a task."""
        self._done.append(number)
        if len(self._done) == BATCH:
            self.flush()

    def flush(self) -> None:
        """Send what is waiting, and read it at the other end."""
        count = len(self._done)
        left = os.write(
            self._writing, frame(JobsDone(self._done, [0.0] * count, [], {}, [Usage(0, 0, 0, {}, 0.0)] * count))
        )
        while left:
            left -= len(os.read(self._reading, left))
        self._done = []


def fan(directory: Path, size: int) -> int:
    """Store a fan; gives what its root has stored."""
    storage = alexflow.LocalStorage(directory)
    storage.prepare()
    pipe = Pipe()
    values = [work.leaf(number) for number in range(size)]
    for number, value in enumerate(values):
        _store(storage, workloads.Leaf(number), value)
        pipe.add(number)
    root = workloads.Count([])
    _store(storage, root, work.total(values))
    pipe.flush()
    total: int = root.output().assign_storage(storage).load()
    return total


def _store(storage: alexflow.Storage, task: workloads.Leaf | workloads.Count, value: int) -> None:
    data = pickle.dumps(value, protocol=5)
    storage.publish(storage.stage(f"{task.task_id}.value.pkl", data))


def main() -> None:
    """Do what the arguments say."""
    options = parser(description=__doc__).parse_args()
    if options.case != "fan":
        unsupported("it has no tasks that wait for others")
    growth = Growth()
    watch = Stopwatch()
    value = fan(options.directory / "storage", options.size)
    watch.stop()
    answer(watch.seconds, work.tasks_of("fan", options.size), value, growth.peak_mib)


if __name__ == "__main__":
    main()
