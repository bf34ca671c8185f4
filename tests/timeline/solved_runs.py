"""Records of runs so small that their critical path, their bounds and what cost most are known by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from alexflow.identity.digest import ID_SPEC
from alexflow.record.lines import (
    AttemptLine,
    ClosedLine,
    EnvironmentLine,
    MadeFrom,
    MadeFromLine,
    RunBegunLine,
    RunEndedLine,
    SegmentHeader,
    Shape,
    ShapesLine,
)
from alexflow.report.facts import RunFacts
from alexflow.storage import MemoryStorage
from alexflow.timeline.task_columns import read_run
from tests.timeline.recorded_runs import RUN, STARTED, encode, segment_of, write_segment

SECOND = 1_000_000


@dataclass(frozen=True)
class Ran:
    """An attempt of a task.

    Attributes:
        task: its letter, which is its class's too.
        start, end: seconds from the run's start.
        worker: 0 for the event loop.
        reads: letters of the tasks that it reads; capitals stand for tasks of earlier runs.
        attempt: its number.
        failed: whether it failed; ``last`` if its task was given up then.
        makes: the dynamic task whose outputs it makes.
        generated: the number of children, of a dynamic task.
    """

    task: str
    start: float
    end: float
    worker: int = 0
    reads: str = ""
    attempt: int = 1
    failed: str = ""
    tags: tuple[str, ...] = ()
    makes: str = ""
    generated: int | None = None

    @property
    def took(self) -> int:
        return int(self.end * SECOND) - int(self.start * SECOND)


def task_id(letter: str) -> str:
    return f"solved.{letter}.{digest(letter).hex()}"


def digest(letter: str) -> bytes:
    return letter.encode() * 20


def solved(*attempts: Ran, limits: dict[str, Any] | None = None, stored: int = 0) -> RunFacts:
    """Return the facts of a run of which these attempts are recorded."""
    storage = MemoryStorage()
    write_segment(storage, segment_of(_lines(attempts, {"limits": limits} if limits else {}, stored)))
    columns = read_run(storage, RUN)
    return RunFacts(columns, columns.run)


def _lines(attempts: Sequence[Ran], options: dict[str, Any], stored: int) -> Iterator[Any]:
    tasks = {each.task: each for each in attempts}
    numbers = {letter: number for number, letter in enumerate(tasks)}
    yield SegmentHeader(STARTED, "machine", 4321, "tester", "2.0")
    yield EnvironmentLine("3.11.7", "linux-x86_64")
    yield RunBegunLine(1, RUN, 0, (), {"options": options})
    yield ShapesLine(tuple(_shape(numbers[letter], each) for letter, each in tasks.items()))
    yield MadeFromLine.of(0, [_made(numbers[letter], each) for letter, each in tasks.items()])
    for each in sorted(attempts, key=lambda each: each.end):
        end, last = int(each.end * SECOND), each.failed == "last"
        if each.failed:
            line = (each.attempt, last, "ValueError: no", "", ("", ""), each.worker, each.took)
            yield AttemptLine(1, task_id(each.task), end, *line)
        else:
            facts = (((10, b"\1" * 16),), 1, 0, each.attempt, None, None, each.worker, each.generated)
            yield 4, [(numbers[each.task], end - each.took, each.took, *facts)]
    failed = sum(each.failed == "last" for each in attempts)
    end = int(max(each.end for each in attempts) * SECOND)
    yield RunEndedLine(1, end, "failed" if failed else "done", (len(tasks) - failed, stored, failed, 0))
    yield ClosedLine(end)


def _shape(number: int, each: Ran) -> Shape:
    executor = "dynamic" if each.generated is not None else "process" if each.worker else "loop"
    outputs = () if each.makes else ((".x.json", "x:y"),)
    return Shape(number, f"solved.{each.task}", f"solved:{each.task}", executor, outputs, each.tags)


def _made(shape: int, each: Ran) -> MadeFrom:
    keys = [f"{task_id(letter)}.x.json" for letter in each.reads]
    named = [["output", key] for key in [*keys, *(f"{task_id(letter)}.x.json" for letter in each.makes)]]
    preimage = encode([ID_SPEC, None, {"inputs": ["list", named]}])
    nothing = msgspec.Raw(encode(None))
    return MadeFrom(shape, digest(each.task), msgspec.Raw(preimage), nothing, tuple(keys) if each.makes else None)


def steps(facts: RunFacts) -> list[tuple[str, str, float, float]]:
    """Return the path: letter, cause, gap and time of each step, in seconds."""
    letters = [facts.columns.task_id(step.task)[7] for step in facts.path]
    return [
        (letter, step.cause, step.gap / SECOND, step.took / SECOND)
        for letter, step in zip(letters, facts.path, strict=True)
    ]
