"""A run as a trace of Perfetto, in its own form: half of the JSON's size and less.

It is Protocol Buffers, written by hand: a file is a sequence of packets, and a message a sequence of fields, each with
a number and a kind. The numbers are those of ``protos/perfetto/trace`` at github.com/google/perfetto.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import BinaryIO

from alexflow.timeline.fold import STATE_NAMES
from alexflow.timeline.run_fold import RunFold
from alexflow.timeline.task_columns import TaskColumns

# numbers of fields: Trace, TracePacket
PACKET = 1
TIMESTAMP, SEQUENCE, TRACK_EVENT, TRACK_DESCRIPTOR = 8, 10, 11, 60
# TrackDescriptor, ProcessDescriptor, ThreadDescriptor, CounterDescriptor
UUID, TRACK_NAME, PROCESS, THREAD, PARENT_UUID, COUNTER = 1, 2, 3, 4, 5, 8
PROCESS_ID, PROCESS_NAME = 1, 6
THREAD_PROCESS_ID, THREAD_ID, THREAD_NAME = 1, 2, 5
UNIT_NAME = 6
# TrackEvent, DebugAnnotation
ANNOTATION, KIND, TRACK_UUID, CATEGORY, EVENT_NAME, COUNTER_VALUE = 4, 9, 11, 22, 23, 30
FLOW_IDS, TERMINATING_FLOW_IDS = 47, 48
ANNOTATION_INT, ANNOTATION_TEXT, ANNOTATION_NAME = 4, 6, 10

SLICE_BEGIN, SLICE_END, COUNTER_CHANGE = 1, 2, 4

_PROCESS_UUID, _RUNNING_UUID, _FIRST_UUID = 1, 2, 16

_fixed64 = Struct("<Q").pack


def varint(value: int) -> bytes:
    """Return a number of at least 0, seven bits a byte."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def number(field: int, value: int) -> bytes:
    """Return a field with a number."""
    return varint(field << 3) + varint(value)


def message(field: int, *parts: bytes) -> bytes:
    """Return a field with bytes: a text, or a message of fields."""
    body = b"".join(parts)
    return varint(field << 3 | 2) + varint(len(body)) + body


def _ids(field: int, ids: Iterable[int]) -> bytes:
    key = varint(field << 3 | 1)
    return b"".join([key + _fixed64(each) for each in ids])


def write_perfetto(columns: TaskColumns, run: RunFold, file: BinaryIO) -> int:
    """Write a run; return how many packets that are.

    Args:
        columns: the run's attempts.
        run: the run, folded.
        file: a binary file, open for writing.
    """
    count = 0
    for packet in _packets(columns, run):
        file.write(message(PACKET, packet, number(SEQUENCE, 1)))
        count += 1
    return count


def _packets(columns: TaskColumns, run: RunFold) -> Iterator[bytes]:
    yield from _tracks(run)
    edges = _Edges(columns)
    for index in range(len(columns)):
        yield from _slice(columns, run, index, edges)
    yield from _running(columns)


def _tracks(run: RunFold) -> Iterator[bytes]:
    process = message(PROCESS, number(PROCESS_ID, 1), message(PROCESS_NAME, f"alexflow {run.begun.id}".encode()))
    yield message(TRACK_DESCRIPTOR, number(UUID, _PROCESS_UUID), process)
    for lane in run.timeline.ordered_lanes():
        name = run.timeline.places[lane.place].encode()
        thread = number(THREAD_PROCESS_ID, 1) + number(THREAD_ID, lane.number + 2) + message(THREAD_NAME, name)
        about = number(UUID, _FIRST_UUID + lane.number), number(PARENT_UUID, _PROCESS_UUID), message(THREAD, thread)
        yield message(TRACK_DESCRIPTOR, *about)
    counter = message(TRACK_NAME, b"running"), message(COUNTER, message(UNIT_NAME, b"attempts"))
    yield message(TRACK_DESCRIPTOR, number(UUID, _RUNNING_UUID), number(PARENT_UUID, _PROCESS_UUID), *counter)


def _slice(columns: TaskColumns, run: RunFold, index: int, edges: _Edges) -> Iterator[bytes]:
    name = run.timeline.classes[columns.cls[index]].name
    track = number(TRACK_UUID, _FIRST_UUID + columns.lane[index])
    texts = {"task": columns.task_id(index), "state": STATE_NAMES[columns.state[index]]}
    figures = {"attempt": columns.attempts[index]}
    if columns.cpu[index] >= 0:
        figures["cpu_us"] = columns.cpu[index]
    if columns.stored[index]:
        figures["stored_bytes"] = columns.stored[index]
    if columns.rss[index]:
        figures["peak_rss_bytes"] = columns.rss[index]
    about = [_annotation(key, message(ANNOTATION_TEXT, value.encode())) for key, value in texts.items()]
    about += [_annotation(key, number(ANNOTATION_INT, value)) for key, value in figures.items()]
    names = message(CATEGORY, name.encode()), message(EVENT_NAME, name.rpartition(".")[2].encode())
    flows = _ids(FLOW_IDS, edges.to_children(index)), _ids(TERMINATING_FLOW_IDS, edges.to_parents(index))
    begin = message(TRACK_EVENT, number(KIND, SLICE_BEGIN), track, *names, *about, *flows)
    yield number(TIMESTAMP, columns.start[index] * 1000) + begin
    yield number(TIMESTAMP, columns.end[index] * 1000) + message(TRACK_EVENT, number(KIND, SLICE_END), track)


def _annotation(name: str, value: bytes) -> bytes:
    return message(ANNOTATION, message(ANNOTATION_NAME, name.encode()), value)


class _Edges:
    """Numbers of the edges, a run of them for each task that is read: a flow has two ends, and a number of its own."""

    def __init__(self, columns: TaskColumns):
        self._columns = columns
        self._first = array("q", bytes(8 * (len(columns) + 1)))
        for index in range(len(columns)):
            for parent in columns.parents(index):
                self._first[parent + 1] += 1
        for index in range(len(columns)):
            self._first[index + 1] += self._first[index]
        self._given = array("q", self._first)

    def to_children(self, index: int) -> Iterable[int]:
        """Return the numbers of the edges from a task to those that read it."""
        return range(self._first[index] + 1, self._first[index + 1] + 1)

    def to_parents(self, index: int) -> Iterator[int]:
        """Yield the numbers of the edges from what a task reads; once."""
        for parent in self._columns.parents(index):
            self._given[parent] += 1
            yield self._given[parent]


def _running(columns: TaskColumns) -> Iterator[bytes]:
    """The attempts that ran at once, whenever that changed."""
    changes = sorted([(at, 1) for at in columns.start] + [(at, -1) for at in columns.end])
    running = 0
    for at, change in changes:
        running += change
        about = number(KIND, COUNTER_CHANGE), number(TRACK_UUID, _RUNNING_UUID), number(COUNTER_VALUE, max(running, 0))
        yield number(TIMESTAMP, at * 1000) + message(TRACK_EVENT, *about)
