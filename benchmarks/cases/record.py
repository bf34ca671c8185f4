"""A record of a million tasks: the index, a search by a field, and one output shown in a new process.

The record is written as an engine writes it, in segments, and not by running a million tasks. Beside alexflow stands
what SQLite does at least for the same rows: inserting them by a key, and a SELECT over them without an index.
"""

from __future__ import annotations

import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from alexflow import LocalStorage, open_record
from alexflow.identity.digest import ID_SPEC, digest_of_preimage
from alexflow.record.lines import EnvironmentLine, RunBegunLine, Shape, ShapesLine
from alexflow.record.rows_of_storage import make_index_again
from alexflow.record.segment_writer import SegmentWriter
from benchmarks.contest import Measure, Setting, contest
from benchmarks.measure import Sample, Stopwatch
from benchmarks.outcome import Bar, Outcome

#: Tasks in a line, as an engine hands them to its workers.
BATCH = 256

#: Tasks of each seed: what a search finds.
FOUND = 100

NAME = "experiment.Train"

_encode = msgspec.msgpack.Encoder().encode

#: A row for SQLite: key, class, three fields, when it finished, bytes, what it was made from, what came of it.
SqlRow = tuple[str, str, int, float, int, float, int, bytes, bytes]


def run(setting: Setting) -> Iterator[Outcome]:
    count = setting.size(1_000_000)
    with tempfile.TemporaryDirectory(dir=setting.memory.directory) as directory:
        storage = LocalStorage(directory)
        rows = list(write_record(storage, count))
        yield indexing(setting, storage, rows)
        yield searching(setting, storage, rows, Path(directory, "bare.sqlite"))
        yield showing(setting, storage, rows)


def write_record(storage: LocalStorage, count: int) -> Iterator[SqlRow]:
    """Write a record of tasks with three fields; gives the same as rows for SQLite."""
    chance = random.Random(0)
    number = 0
    while number < count:
        writer = SegmentWriter(storage.reserved("record"), "ada")
        writer.begin()
        writer.add(EnvironmentLine("3.11.7", "linux-x86_64", "0f"))
        writer.add(RunBegunLine(1, f"20260101T000000000-{number:06x}", 0))
        outputs = ((".model.pkl", "alexflow.formats.binary:BinaryOutput"),)
        writer.add(ShapesLine((Shape(0, NAME, "experiment:Train", "process", outputs),)))
        first = 0
        while number < count and writer.goes_on():
            batch = [_task(number + place, chance) for place in range(min(BATCH, count - number))]
            digests = b"".join(digest for digest, *_ in batch)
            depths, rates, seeds = zip(*(fields for *_, fields in batch), strict=True)
            numbers = range(number, number + len(batch))
            columns = {"depth": depths, "lr": rates, "number": list(numbers), "seed": seeds}
            packed = _encode([ID_SPEC, None, columns]), (), False
            writer.add((3, first, [0] * len(batch), digests, (), packed, {}))
            done = [_completion(first + place, number + place, digest) for place, (digest, *_) in enumerate(batch)]
            writer.add((4, done))
            writer.flush()
            for (digest, preimage, fields), completion in zip(batch, done, strict=True):
                key, finished = f"{NAME}.{digest.hex()}.model.pkl", writer.started + completion[1] / 1e6 + 1
                yield (key, "experiment:Train", *fields, finished, completion[3][0][0], preimage, _encode(completion))
            first, number = first + len(batch), number + len(batch)
        writer.close()


def _task(number: int, chance: random.Random) -> tuple[bytes, bytes, tuple[int, float, int]]:
    """The digest and the preimage of a task, and its fields."""
    fields = chance.randrange(3, 50), chance.choice((0.1, 0.01, 0.001)), number // FOUND
    named = {"depth": fields[0], "lr": fields[1], "number": number, "seed": fields[2]}
    preimage = _encode([ID_SPEC, None, named])
    return bytes.fromhex(digest_of_preimage(preimage)), preimage, fields


def _completion(task: int, number: int, digest: bytes) -> tuple[Any, ...]:
    return task, number * 100, 1_000_000, ((1000 + number % 1000, digest[:16]),), 1, 0, 1, 990_000, 2**27, 4242


def indexing(setting: Setting, storage: LocalStorage, rows: list[SqlRow]) -> Outcome:
    """The index made from nothing."""

    def index(_: Path) -> float:
        watch = Stopwatch()
        assert make_index_again(storage) is not None
        watch.stop()
        return watch.seconds / len(rows) * 1e6

    def bare(directory: Path) -> float:
        watch = Stopwatch()
        _insert(directory / "bare.sqlite", rows)
        watch.stop()
        return watch.seconds / len(rows) * 1e6

    measures: dict[str, Measure] = {"alexflow": index, "bare insert": bare}
    outcome = Outcome(f"{len(rows):,} records indexed", "µs/record", contest(setting.rounds, setting.memory, measures))
    outcome.at_most(8, "bare insert")
    return outcome


def _insert(path: Path, rows: list[SqlRow]) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE rows (key TEXT PRIMARY KEY, cls, depth, lr, seed, finished, bytes, made, done)"
        )
        connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.close()


def searching(setting: Setting, storage: LocalStorage, rows: list[SqlRow], bare: Path) -> Outcome:
    """The tasks of one seed."""
    _insert(bare, rows)
    seed = len(rows) // FOUND // 2

    def find(_: Path) -> float:
        watch = Stopwatch()
        found = list(open_record(storage).entries("Train", where={"seed": seed}))
        watch.stop()
        assert len(found) == min(FOUND, len(rows))
        return watch.seconds * 1e3

    def select(_: Path) -> float:
        watch = Stopwatch()
        connection = sqlite3.connect(bare)
        found = connection.execute("SELECT * FROM rows WHERE seed = ?", (seed,)).fetchall()
        watch.stop()
        connection.close()
        assert len(found) == min(FOUND, len(rows))
        return watch.seconds * 1e3

    measures: dict[str, Measure] = {"alexflow": find, "bare SELECT": select}
    title = f"{FOUND:,} of {len(rows):,} records found by a field"
    outcome = Outcome(title, "ms", contest(setting.rounds_at_least(7), setting.memory, measures))
    outcome.at_most(3, "bare SELECT")
    return outcome


def showing(setting: Setting, storage: LocalStorage, rows: list[SqlRow]) -> Outcome:
    """One output, by the command line."""
    place, key = str(storage.base_path), rows[len(rows) // 3][0]
    script = Path(sys.executable).with_name("alexflow")  # as users start it
    show = [str(script), "show", key, "--storage", place]
    measures: dict[str, Measure] = {
        "alexflow": partial(_process, show),
        "bare interpreter": partial(_process, [sys.executable, "-c", ""]),
    }
    rows_shown = contest(setting.rounds_at_least(11), setting.memory, measures)
    outcome = Outcome(f"one of {len(rows):,} outputs shown", "ms of CPU", rows_shown)
    shown, bare = outcome.sample("alexflow"), outcome.sample("bare interpreter")
    if shown is not None and bare is not None:
        more = Sample(tuple(mine - theirs for mine, theirs in zip(shown.values, bare.values, strict=True)))
        outcome.bars.append(Bar("≤ bare interpreter + 100 ms of CPU", more, 100))
    return outcome


def _process(arguments: list[str], _: Path) -> float:
    """The processor time of a command, in milliseconds: on a busy machine the time that goes by says nothing."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(arguments, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3
