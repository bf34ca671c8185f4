"""The cost of the record: for a task and for an input, beside the system's own cost of the same; and for whole runs.

The first figures are the processor time of the engine's thread for what it writes of a task, before it runs and when it
is done, in batches as jobs travel. *encoding and hashing* is MessagePack and BLAKE2b of a task's fields, *appending* a
write of 140 bytes to an open file. The bars were set on a machine on which these two take 0.2 and 0.6 µs, at 3 µs for a
task and 0.3 µs for an input; so they are multiples of both. Bytes are bytes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import msgspec

from alexflow import AbstractTask, LocalStorage
from alexflow.engine.failed_attempts import FailedAttempts
from alexflow.engine.segment import EngineSegment
from alexflow.executors.interface import Done, Usage
from alexflow.graph.describe import Defaults, Described, describe
from benchmarks import workloads
from benchmarks.contest import Measure, Setting, contest
from benchmarks.contestant import ALEXFLOW, Answer, Question
from benchmarks.measure import Sample
from benchmarks.outcome import Bar, Outcome, Row

#: Tasks that are handed to workers, and come back from them, together.
BATCH = 64

#: Outputs of the layer before that a task reads.
INPUTS = 5

#: The bars over the cost of encoding and hashing and of appending, where they were set.
OF_A_TASK, OF_AN_INPUT = 3 / 0.8, 0.3 / 0.8

_encode = msgspec.msgpack.Encoder().encode


def run(setting: Setting) -> Iterator[Outcome]:
    yield from of_lines(setting)
    for case, full in (("fan", 10_000), ("layered", 1_000)):
        yield of_runs(setting, Question(case, setting.size(full)))


def of_runs(setting: Setting, question: Question) -> Outcome:
    """Whole runs, with the record and without it."""
    without = replace(ALEXFLOW, name="alexflow, unrecorded", options=("--unrecorded",))
    measures = {each.name: setting.one(each, question, Answer.micros_per_task) for each in (ALEXFLOW, without)}
    rows = contest(setting.rounds_at_least(9), setting.memory, measures)
    outcome = Outcome(f"{question.case} of {question.size:,}, processes, tmpfs", "µs/task", rows)
    ratio = outcome.ratio("alexflow", "alexflow, unrecorded")
    outcome.bars.append(Bar("≤ 1.2 × alexflow, unrecorded", ratio, 1.2, beside=True))
    return outcome


def of_lines(setting: Setting) -> Iterator[Outcome]:
    """The engine's lines of tasks without inputs, and of tasks with some."""
    count = setting.size(10_000)
    leaves: list[AbstractTask] = [workloads.Leaf(number) for number in range(count)]
    outputs = [leaf.output() for leaf in leaves]
    mixed: list[AbstractTask] = []
    for number in range(count):
        parts = tuple(outputs[(number + place) % count] for place in range(INPUTS))
        mixed.append(workloads.Mixed(1, number, parts))
    alone, reading = Written(leaves), Written(mixed)
    measures: dict[str, Measure] = {
        "alexflow": alone.measure,
        f"alexflow, {INPUTS} inputs": reading.measure,
        "encoding and hashing": lambda _: encoding(count),
        "appending": lambda directory: appending(directory, count, 1),
        "appending 256 at once": lambda directory: appending(directory, count, 256),
    }
    rows = contest(setting.rounds_at_least(9), setting.memory, measures)
    outcome = Outcome(f"{count:,} tasks recorded", "µs of CPU/task", rows)
    probes = _sum(outcome.sample("encoding and hashing"), outcome.sample("appending"))
    task, more = outcome.sample("alexflow"), outcome.sample(f"alexflow, {INPUTS} inputs")
    if probes is not None and task is not None and more is not None:
        an_input = more.minus(task).times(1 / INPUTS)
        outcome.rows["alexflow, an input"] = Row("alexflow, an input", an_input)
        outcome.bars.append(Bar(f"≤ {OF_A_TASK:.2f} × encoding and appending", task.over(probes), OF_A_TASK))
        text = f"an input ≤ {OF_AN_INPUT:.3f} × encoding and appending"
        outcome.bars.append(Bar(text, an_input.over(probes), OF_AN_INPUT))
    yield outcome

    size, larger = alone.bytes / count, reading.bytes / count
    sizes = Outcome(f"{count:,} tasks recorded", "bytes/task")
    for name, value in (("alexflow", size), ("alexflow, an input", (larger - size) / INPUTS)):
        sizes.rows[name] = Row(name, Sample((value,)))
    sizes.below(250)
    sizes.below(40, "alexflow, an input")
    yield sizes


class Written:
    """Writes the lines of some tasks as an engine does, anew for each measurement.

    Attributes:
        bytes: the size of the segment.
    """

    def __init__(self, tasks: Sequence[AbstractTask]):
        self._tasks = [describe(task, Defaults()) for task in tasks]
        self._done = [_done(each) for each in self._tasks]
        self.bytes = 0

    def measure(self, directory: Path) -> float:
        """Return microseconds for each task."""
        storage = LocalStorage(directory / "storage")
        storage.prepare()
        segment = EngineSegment(storage, {}, {}, {each.spec.task_id: each for each in self._tasks})
        batches = range(0, len(self._tasks), BATCH)
        begun = time.thread_time()
        for first in batches:
            segment.made_from(self._tasks[first : first + BATCH], set(), lambda task_ids: [1] * len(task_ids))
            segment.done(self._done[first : first + BATCH], FailedAttempts())
        segment.write()
        took = time.thread_time() - begun
        space = storage.reserved("record")
        self.bytes = sum(len(data) for name, data in space.read_many(space.names()) if name.endswith(".segment"))
        return took / len(self._tasks) * 1e6


def _done(described: Described) -> Done:
    stored = {key: (37, blake2b(key.encode(), digest_size=16).digest()) for key in described.spec.outputs}
    return Done(described.spec.task_id, 0.0003, usage=Usage(4242, 250, 2**26, stored, 0.0))


def encoding(count: int) -> float:
    """Encode the fields of tasks as MessagePack, and hash them."""
    fields = [[4, None, {"number": number}] for number in range(count)]
    begun = time.thread_time()
    for each in fields:
        blake2b(_encode(each)).digest()
    return (time.thread_time() - begun) / count * 1e6


def appending(directory: Path, count: int, batch: int) -> float:
    """Append 140 bytes for each task to an open file, those of some tasks at once."""
    lines = b"x" * 140 * batch
    with (directory / "appended").open("ab", buffering=0) as file:
        begun = time.thread_time()
        for _ in range(0, count, batch):
            file.write(lines)
        return (time.thread_time() - begun) / count * 1e6


def _sum(one: Sample | None, other: Sample | None) -> Sample | None:
    if one is None or other is None:
        return None
    return Sample(tuple(mine + theirs for mine, theirs in zip(one.values, other.values, strict=True)))
