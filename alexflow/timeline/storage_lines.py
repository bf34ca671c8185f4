"""One run's lines in a storage's record, and which runs there are, without reading into memory what is not of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from alexflow.errors import AmbiguousKey, NotRecorded
from alexflow.record.frames import frames_in
from alexflow.record.lines import (
    RECORD_MAGIC,
    SEGMENT_SUFFIX,
    AnyLine,
    RunBegunLine,
    RunEndedLine,
    SegmentHeader,
)
from alexflow.record.segment import decoded
from alexflow.record.segment_parts import joined
from alexflow.storage import Storage
from alexflow.storage.shown_place import shown_place

#: The kinds of lines that say which runs there are. A line is an array whose first item is its kind, one byte.
_ABOUT_RUNS = (0, 5, 7)

_MOST_CANDIDATES = 10


class RunHead(NamedTuple):
    """A run, as far as its beginning and its end say.

    Attributes:
        header: the engine.
        begun: its beginning.
        ended: its end, if that is there.
    """

    header: SegmentHeader
    begun: RunBegunLine
    ended: RunEndedLine | None


def segments_of(storage: Storage) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a storage's record."""
    for space in storage.reserved_below("record"):
        names = [name for name in space.names() if name.endswith(SEGMENT_SUFFIX)]
        for name, data in joined(space.read_many(names)):
            if data.startswith(RECORD_MAGIC):
                yield name, data


def run_heads(storage: Storage) -> list[RunHead]:
    """Return the runs of a storage, the newest first; of a file, only the lines that say so are decoded."""
    heads: dict[str, RunHead] = {}
    for _, data in segments_of(storage):
        header, runs = SegmentHeader(0.0, "", 0), dict[int, str]()
        for line in lines_in(data, _ABOUT_RUNS):
            if isinstance(line, SegmentHeader):
                header, runs = line, {}
            elif isinstance(line, RunBegunLine):
                runs[line.number] = line.id
                heads.setdefault(line.id, RunHead(header, line, None))
            elif isinstance(line, RunEndedLine) and line.number in runs:
                run = runs[line.number]
                heads[run] = heads[run]._replace(ended=line)
    return [heads[run] for run in sorted(heads, reverse=True)]


def run_of_process(storage: Storage, host: str, pid: int, since: float) -> str | None:
    """Return the last run that a process has begun after a time, in seconds since 1970; None without one."""
    for head in run_heads(storage):
        begun = head.header.started + head.begun.at / 1e6
        if (head.header.host, head.header.pid) == (host, pid) and begun >= since - 0.001:
            return head.begun.id
    return None


def lines_in(data: bytes, kinds: tuple[int, ...] = ()) -> Iterator[AnyLine]:
    """Yield the lines of a file; with ``kinds`` only those, the others not even decoded."""
    for _, payload in frames_in(data, len(RECORD_MAGIC)):
        if kinds and payload[1] not in kinds:
            continue
        line = decoded(payload)
        if line is not None:
            yield line


def outermost(runs: Mapping[str, RunBegunLine]) -> list[str]:
    """Return the ids of runs, the newest first, without those that tasks of others among them have asked for."""
    return [run for run in sorted(runs, reverse=True) if runs[run].within not in runs]


def find_run(storage: Storage, id: str | None) -> str:
    """Return the id of a run from how it begins; by default of the last one that no task of another has asked for.

    Raises:
        NotRecorded: there is none.
        AmbiguousKey: the beginning fits several.
    """
    runs = {head.begun.id: head.begun for head in run_heads(storage)}
    if id is None:
        fitting = outermost(runs)[:1]
    else:
        fitting = [run for run in runs if run == id] or [run for run in runs if run.startswith(id)]
    if not fitting:
        what = "no run yet" if id is None else f"no run {id!r}"
        raise NotRecorded(f"the record of {shown_place(storage)} has {what}")
    if len(fitting) > 1:
        assert id is not None
        raise AmbiguousKey(id, fitting[:_MOST_CANDIDATES], len(fitting) > _MOST_CANDIDATES)
    return fitting[0]
