"""The runs of an engine, in the segment that it writes: that they have begun, and how they have ended."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Raw

from alexflow.engine.command_line import command_line, working_directory
from alexflow.engine.requested_run import RequestedRun, RequestOptions
from alexflow.hooks import class_name, text_of
from alexflow.record.lines import RunEndedLine
from alexflow.record.segment_writer import SegmentWriter, packed
from alexflow.scheduler.instructions import Finish

if TYPE_CHECKING:
    from alexflow.record.run_record import RunOutcome

#: Skipped tasks, and cancelled ones, that are named in the end of a run.
MOST_SKIPPED = 100

#: Characters of a message, and of a traceback, that are kept.
MAX_TEXT_KEPT = 16_000

#: The kind of the line, as alexflow.record.lines has it.
_RUN_BEGUN = 5


class SegmentRuns:
    """Runs that a segment has, because something was done for them.

    Args:
        options: the engine's options that are not defaults, as plain data.
        requests: runs that are not over, by number; others change it.

    Attributes:
        ids: those of the runs that are written and not over, by number.
        ends: lines of those that have ended since the last write.
    """

    def __init__(self, options: Mapping[str, Any], requests: Mapping[int, RequestedRun]):
        self._options = options
        self._requests = requests
        self._command = command_line()
        self._about: dict[bool, tuple[tuple[Any, ...], Raw]] = {}  # of the last run with attributes, and without
        self.ids: dict[int, str] = {}
        self.ends: list[RunEndedLine] = []

    def begin(self, writer: SegmentWriter, number: int) -> None:
        """Append that a run has begun; the first time it gets its id."""
        request = self._requests.get(number)
        if request is not None:
            run_id = self.ids[number] = request.id
            about = self._about_run(request.options)
            writer.add((_RUN_BEGUN, number, run_id, writer.micros(request.at), request.targets, about))

    def _about_run(self, request: RequestOptions) -> Raw:
        """Return what is written about a run besides its targets, packed: most have the same."""
        on_error, directory, attributes = request.on_error, working_directory(), request.attributes
        kind, has_attributes = (on_error, directory, attributes), bool(attributes)
        last = self._about.get(has_attributes)
        if last is not None and last[0] == kind:
            return last[1]
        options = self._options if on_error == "stop" else {**self._options, "on_error": on_error}
        about: dict[str, Any] = {"command": self._command, "directory": directory, "options": options}
        if has_attributes:
            about["attributes"] = dict(attributes)
        self._about[has_attributes] = kind, Raw(packed(about))
        return self._about[has_attributes][1]

    def end(self, writer: SegmentWriter, end: Finish, outcome: RunOutcome, stopped: tuple[str, ...]) -> None:
        """Note the end of a run; ``stopped`` are tasks that are stopped with it, by id."""
        if end.run_id not in self.ids:
            self.begin(writer, end.run_id)
        self.ids.pop(end.run_id, None)
        counts = (end.ran, end.cached, len(end.failures), len(end.skipped))
        skipped = tuple([task_id for task_id, _ in end.skipped[:MOST_SKIPPED]])
        error = "" if end.error is None else f"{class_name(type(end.error))}: {text_of(end.error, MAX_TEXT_KEPT)}"
        at = writer.micros(time.time())
        self.ends.append(RunEndedLine(end.run_id, at, outcome, counts, skipped, error, stopped))

    def add_ends(self, writer: SegmentWriter) -> None:
        """Append how runs have ended."""
        for end in self.ends:
            writer.add(end)
        self.ends = []
