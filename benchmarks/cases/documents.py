"""A graph of tasks as a document, and back, beside JSON alone of the same document."""

from __future__ import annotations

import timeit
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

import alexflow
from benchmarks.contest import Measure, Setting, contest
from benchmarks.outcome import Outcome
from benchmarks.workloads import layered


def run(setting: Setting) -> Iterator[Outcome]:
    graph = layered(setting.size(2_000))
    document = alexflow.serialize(graph)
    nodes = len(document["nodes"])
    encoded = msgspec.json.encode(document)

    def per_node(work: Callable[[], Any]) -> Measure:
        def measured(directory: Path) -> float:
            return timeit.timeit(work, number=1) / nodes * 1e6

        return measured

    writing = {
        "alexflow": per_node(lambda: msgspec.json.encode(alexflow.serialize(graph))),
        "JSON alone": per_node(lambda: msgspec.json.encode(document)),
    }
    rows = contest(setting.rounds, setting.memory, writing)
    yield Outcome(f"a graph of {nodes:,} tasks to JSON", "µs/task", rows)

    reading = {
        "alexflow": per_node(lambda: alexflow.deserialize(msgspec.json.decode(encoded))),
        "JSON alone": per_node(lambda: msgspec.json.decode(encoded)),
    }
    rows = contest(setting.rounds, setting.memory, reading)
    yield Outcome(f"a graph of {nodes:,} tasks from JSON", "µs/task", rows)
