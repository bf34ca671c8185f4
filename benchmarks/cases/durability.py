"""The cost of recording a digest with every output, of checking it whenever one is read, and of waiting for the disk.

The same fan, stored in several ways, in the same rounds. *unrecorded* records nothing, which only this benchmark can;
*noted* is a file system without extended attributes; *check* and *fsync* are options of ``LocalStorage``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.contest import Measure, Setting, contest
from benchmarks.contestant import ALEXFLOW, Answer, Question
from benchmarks.outcome import Outcome


def run(setting: Setting) -> Iterator[Outcome]:
    question = Question("fan", setting.size(10_000))
    measures = stored(setting, question, "unrecorded", "noted", "check")
    rows = contest(setting.rounds_at_least(5), setting.memory, measures)
    outcome = Outcome(f"{question.size:,} tasks and their sum, processes, tmpfs", "µs/task", rows)
    outcome.at_most(1.1, "alexflow, unrecorded")
    outcome.at_most(1.1, "alexflow", of="alexflow, check")
    yield outcome

    question = Question("fan", setting.size(2_000))
    rows = contest(setting.rounds, setting.disk, stored(setting, question, "unrecorded", "fsync"))
    yield Outcome(f"{question.size:,} tasks and their sum, processes, disk", "µs/task", rows)


def stored(setting: Setting, question: Question, *ways: str) -> dict[str, Measure]:
    """Alexflow as it is, and alexflow that stores in other ways."""
    others = [
        replace(ALEXFLOW, name=f"alexflow, {way}", options=("--storage", way))  # see benchmarks/storages.py
        for way in ways
    ]
    return {them.name: setting.one(them, question, Answer.micros_per_task) for them in (ALEXFLOW, *others)}
