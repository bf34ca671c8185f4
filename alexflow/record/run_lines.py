"""Runs, as the lines of a section have them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from alexflow.record.entry import moment
from alexflow.record.lines import AttemptLine, RunBegunLine, RunEndedLine, SegmentHeader
from alexflow.record.rows import MICROS, environment_of
from alexflow.record.run_record import Run, RunAttempt
from alexflow.record.segment import Section


def runs_in(section: Section) -> Iterator[Run]:
    """Yield the runs of a section."""
    for number, begun in section.runs.items():
        yield _run(section, begun, section.ended.get(number))


def _run(section: Section, begun: RunBegunLine, ended: RunEndedLine | None) -> Run:
    header, environment = section.header, section.environment
    started = header.started
    counts = (0, 0, 0, 0) if ended is None else ended.counts
    about = dict(begun.about)
    return Run(
        id=begun.id,
        command=tuple(about.pop("command", ())),
        directory=about.pop("directory", ""),
        user=header.user,
        host=header.host,
        pid=header.pid,
        targets=begun.targets,
        options=about.pop("options", {}),
        attributes=about.pop("attributes", {}),
        python=environment.python,
        version=header.version,
        environment=environment_of(section),
        started=_moment(started, begun.at),
        ended=None if ended is None else _moment(started, ended.at),
        outcome="unknown" if ended is None else ended.outcome,  # type: ignore[arg-type]  # as it was written
        ran=counts[0],
        cached=counts[1],
        failed=counts[2],
        skipped=counts[3],
        attempts=tuple(_attempt(header, each) for each in section.attempts if each.run == begun.number),
        skipped_tasks=() if ended is None else ended.skipped,
        cancelled_tasks=() if ended is None else ended.cancelled,
        error="" if ended is None else ended.error,
    )


def _attempt(header: SegmentHeader, line: AttemptLine) -> RunAttempt:
    at, where = _moment(header.started, line.at), (line.worker, line.host or header.host)
    error, traceback = line.error, line.traceback
    return RunAttempt(line.task_id, at, line.attempt, line.is_last, error, traceback, *line.tail, *where)


def _moment(started: float, micros: int) -> datetime:
    return moment(started + micros / MICROS)
