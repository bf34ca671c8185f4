"""Progress that tasks have reported, read from the segments: it is rarely asked for, so no index has it."""

from __future__ import annotations

from collections.abc import Iterator

from alexflow.record.entry import moment
from alexflow.record.lines import ReportLine, SegmentHeader
from alexflow.record.rows import MICROS
from alexflow.record.run_record import RunReport
from alexflow.record.segment import lines_in, start_of_lines
from alexflow.record.segment_files import segment_files
from alexflow.record.segment_parts import joined
from alexflow.storage import Storage


def reports_of(storage: Storage, task_id: str) -> list[RunReport]:
    """Return what a task has reported, over all its attempts, the oldest first."""
    named = task_id.encode(errors="replace")
    reports: list[RunReport] = []
    for space in storage.reserved_below("record"):
        for name, data in joined(segment_files(space)):
            if named in data:
                reports += _reports_in(data, name, task_id)
    return sorted(reports, key=lambda report: report.at)


def _reports_in(data: bytes, name: str, task_id: str) -> Iterator[RunReport]:
    started = 0.0
    for _, line in lines_in(data, start_of_lines(data, name)):
        if isinstance(line, SegmentHeader):
            started = line.started
        elif isinstance(line, ReportLine) and line.task_id == task_id:
            at = moment(started + line.at / MICROS)
            yield RunReport(task_id, at, line.attempt, line.step, line.of, line.values)
