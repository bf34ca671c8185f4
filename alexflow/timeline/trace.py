"""A run in the Trace Event Format, which https://ui.perfetto.dev and chrome://tracing open.

A track is a worker, a slice an attempt, a flow arrow an output that one task read of another. Counters are the attempts
that ran at once, by host, and the highest memory of each worker until then. It is written as it is read, so that a
large run takes time and a large file, and no more memory than a report.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO

import msgspec

from alexflow.timeline.fold import STATE_NAMES
from alexflow.timeline.run_fold import RunFold
from alexflow.timeline.task_columns import TaskColumns

_encode = msgspec.json.Encoder().encode

#: Numbers of tracks begin with this; 0 is a process's own.
_FIRST_TRACK = 1


def write_trace(columns: TaskColumns, run: RunFold, file: TextIO) -> int:
    """Write a run as a JSON document; return how many events that are.

    Args:
        columns: the run's attempts.
        run: the run, folded.
        file: a text file, open for writing.
    """
    count = 0
    about = {"run": run.begun.id, "outcome": run.outcome, "host": run.header.host, "version": run.header.version}
    file.write(f'{{"displayTimeUnit":"ms","otherData":{_encode(about).decode()},"traceEvents":[\n')
    for count, event in enumerate(_events(columns, run), 1):  # the last one is returned
        file.write(("" if count == 1 else ",\n") + _encode(event).decode())
    file.write("\n]}\n")
    return count


def _events(columns: TaskColumns, run: RunFold) -> Iterator[dict[str, Any]]:
    yield from _tracks(run)
    for index in range(len(columns)):
        yield _slice(columns, run, index)
        if columns.rss[index]:
            name = f"peak RSS of {_place(run, columns.lane[index])}"
            yield _counter(name, columns.end[index], {"MB": round(columns.rss[index] / 1e6, 1)})
    yield from _flows(columns)
    yield from _running(columns)


def _tracks(run: RunFold) -> Iterator[dict[str, Any]]:
    yield {"ph": "M", "name": "process_name", "pid": 1, "args": {"name": f"alexflow {run.begun.id}"}}
    for order, lane in enumerate(run.timeline.ordered_lanes()):
        track, name = _FIRST_TRACK + lane.number, _place(run, lane.number)
        yield {"ph": "M", "name": "thread_name", "pid": 1, "tid": track, "args": {"name": name}}
        yield {"ph": "M", "name": "thread_sort_index", "pid": 1, "tid": track, "args": {"sort_index": order}}


def _place(run: RunFold, lane: int) -> str:
    return run.timeline.places[run.timeline.lanes[lane].place]


def _slice(columns: TaskColumns, run: RunFold, index: int) -> dict[str, Any]:
    name = run.timeline.classes[columns.cls[index]].name
    state = STATE_NAMES[columns.state[index]]
    about: dict[str, Any] = {"task": columns.task_id(index), "state": state, "attempt": columns.attempts[index]}
    if columns.cpu[index] >= 0:
        about["cpu_ms"] = columns.cpu[index] / 1e3
    if columns.stored[index]:
        about["stored_bytes"] = columns.stored[index]
    return {
        "ph": "X",
        "name": name.rpartition(".")[2],
        "cat": name,
        "pid": 1,
        "tid": _FIRST_TRACK + columns.lane[index],
        "ts": columns.start[index],
        "dur": columns.end[index] - columns.start[index],
        "args": about,
    }


def _flows(columns: TaskColumns) -> Iterator[dict[str, Any]]:
    """An arrow from the end of each task to the start of each that has read it, within the run."""
    number = 0
    for index in range(len(columns)):
        for parent in columns.parents(index):
            number += 1
            common = {"name": "reads", "cat": "inputs", "id": number, "pid": 1}
            last = max(columns.start[parent], columns.end[parent] - 1)  # inside its slice, to which it is bound
            yield {**common, "ph": "s", "ts": last, "tid": _FIRST_TRACK + columns.lane[parent]}
            yield {
                **common,
                "ph": "f",
                "bp": "e",
                "ts": columns.start[index],
                "tid": _FIRST_TRACK + columns.lane[index],
            }


def _running(columns: TaskColumns) -> Iterator[dict[str, Any]]:
    """The attempts that ran at once, whenever that changed."""
    changes = sorted([(at, 1) for at in columns.start] + [(at, -1) for at in columns.end])
    running = 0
    for at, change in changes:
        running += change
        yield _counter("running", at, {"attempts": running})


def _counter(name: str, at: int, values: dict[str, float]) -> dict[str, Any]:
    return {"ph": "C", "name": name, "pid": 1, "ts": at, "args": values}
