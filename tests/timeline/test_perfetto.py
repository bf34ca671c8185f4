"""The trace in Perfetto's own form, read by a reader of Protocol Buffers that knows nothing of how it was written."""

from __future__ import annotations

import io
import struct
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from alexflow import LocalStorage, MemoryStorage
from alexflow.cli.program import main
from alexflow.timeline.perfetto import varint, write_perfetto
from alexflow.timeline.task_columns import TaskColumns, read_run
from tests.timeline.recorded_runs import RUN, WrittenRun


def fields(data: bytes) -> dict[int, list[Any]]:
    """The fields of a message, by number: numbers, and bytes."""
    found: defaultdict[int, list[Any]] = defaultdict(list)
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = number()
        kind = key & 7
        if kind == 0:
            found[key >> 3].append(number())
        elif kind == 1:
            found[key >> 3].append(struct.unpack_from("<Q", data, at)[0])
            at += 8
        elif kind == 2:
            length = number()
            assert at + length <= len(data)
            found[key >> 3].append(data[at : at + length])
            at += length
        else:
            raise AssertionError(f"a field of kind {kind}")
    return found


def written(seed: int, count: int = 300, failing: float = 0.05) -> tuple[TaskColumns, list[dict[int, list[Any]]]]:
    storage, file = MemoryStorage(), io.BytesIO()
    WrittenRun(count, 4, seed=seed, failing=failing).write(storage)
    columns = read_run(storage, RUN)
    assert columns.run is not None
    packets = write_perfetto(columns, columns.run, file)
    trace = fields(file.getvalue())
    assert list(trace) == [1]
    assert len(trace[1]) == packets
    return columns, [fields(packet) for packet in trace[1]]


def test_slices_are_the_attempts_on_the_tracks_of_their_workers() -> None:
    columns, packets = written(3)
    tracks = {fields(packet[60][0])[1][0]: fields(packet[60][0]) for packet in packets if 60 in packet}
    events = [(packet[8][0], fields(packet[11][0])) for packet in packets if 11 in packet]
    kinds = Counter(event[9][0] for _, event in events)
    assert kinds[1] == kinds[2] == len(columns)
    open_since: dict[int, int] = {}
    total = 0
    for at, event in sorted((each for each in events if each[1][9][0] != 4), key=lambda each: each[0]):
        track = event[11][0]
        assert 4 in tracks[track], "a thread"
        if event[9][0] == 1:
            assert track not in open_since, "one at a time"
            open_since[track] = at
        else:
            total += at - open_since.pop(track)
    assert open_since == {}
    assert total == 1000 * (sum(columns.end) - sum(columns.start))
    tasks = {
        fields(annotation)[6][0].decode()
        for _, event in events
        for annotation in event[4]
        if fields(annotation)[10] == [b"task"]
    }
    assert tasks == {columns.task_id(index) for index in range(len(columns))}


def test_each_output_that_was_read_is_a_flow_of_two_ends() -> None:
    columns, packets = written(4, failing=0.0)
    begun = [fields(packet[11][0]) for packet in packets if 11 in packet]
    begun = [event for event in begun if event[9][0] == 1]
    source = {flow: index for index, event in enumerate(begun) for flow in event[47]}
    edges = [(source[flow], index) for index, event in enumerate(begun) for flow in event[48]]
    assert sorted(edges) == sorted((p, index) for index in range(len(columns)) for p in columns.parents(index))
    assert len(source) == len(edges) > 0


def test_the_counter_of_running_attempts_ends_at_none() -> None:
    _, packets = written(5)
    counts = [fields(packet[11][0])[30][0] for packet in packets if 11 in packet and 30 in fields(packet[11][0])]
    assert max(counts) == 4
    assert counts[-1] == 0


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**32, 2**63 - 1])
def test_numbers_come_back(value: int) -> None:
    assert fields(varint(1 << 3) + varint(value)) == {1: [value]}


def test_the_command_writes_what_the_name_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "st").mkdir()
    WrittenRun(50, 2).write(LocalStorage(tmp_path / "st"))
    assert main(["trace", "--storage", str(tmp_path / "st"), "-o", str(tmp_path / "x.pftrace")]) == 0
    data = (tmp_path / "x.pftrace").read_bytes()
    assert f"{len(fields(data)[1])} events" in capsys.readouterr().out
    assert main(["trace", "--storage", str(tmp_path / "st"), "-o", str(tmp_path / "x.json")]) == 0
    assert (tmp_path / "x.json").stat().st_size > 2 * len(data)
