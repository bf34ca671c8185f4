"""A trace has a slice for each attempt, on one track a worker, and an arrow for each output that was read."""

from __future__ import annotations

import io
import json
from collections import Counter

from alexflow import MemoryStorage
from alexflow.timeline.task_columns import read_run
from alexflow.timeline.trace import write_trace
from tests.timeline.recorded_runs import RUN, WrittenRun


def test_a_trace_is_the_run() -> None:
    storage = MemoryStorage()
    WrittenRun(300, 4, seed=3, failing=0.05).write(storage)
    columns, file = read_run(storage, RUN), io.StringIO()
    assert columns.run is not None
    count = write_trace(columns, columns.run, file)
    events = json.loads(file.getvalue())["traceEvents"]
    assert len(events) == count
    kinds = Counter(event["ph"] for event in events)
    assert kinds["X"] == len(columns)
    arrows = sum(len(columns.parents(index)) for index in range(len(columns)))
    assert kinds["s"] == kinds["f"] == arrows > 0
    slices = [event for event in events if event["ph"] == "X"]
    assert sum(event["dur"] for event in slices) == sum(columns.end) - sum(columns.start)
    tracks = {event["tid"] for event in events if event["ph"] == "M" and event["name"] == "thread_name"}
    assert {event["tid"] for event in slices} == tracks
    assert all(event["ts"] >= 0 for event in slices)


def test_arrows_begin_in_the_slice_that_made_the_output() -> None:
    storage = MemoryStorage()
    WrittenRun(200, 3, seed=4).write(storage)
    columns, file = read_run(storage, RUN), io.StringIO()
    assert columns.run is not None
    write_trace(columns, columns.run, file)
    events = json.loads(file.getvalue())["traceEvents"]
    slices = [(event["tid"], event["ts"], event["ts"] + event["dur"]) for event in events if event["ph"] == "X"]
    for event in events:
        if event["ph"] in "sf":
            assert any(tid == event["tid"] and begins <= event["ts"] <= ends for tid, begins, ends in slices)


def test_the_counter_of_running_attempts_ends_at_none() -> None:
    storage = MemoryStorage()
    WrittenRun(100, 3).write(storage)
    columns, file = read_run(storage, RUN), io.StringIO()
    assert columns.run is not None
    write_trace(columns, columns.run, file)
    counters = [e["args"]["attempts"] for e in json.loads(file.getvalue())["traceEvents"] if e.get("name") == "running"]
    assert max(counters) == 3
    assert counters[-1] == 0
    assert min(counters) == 0
