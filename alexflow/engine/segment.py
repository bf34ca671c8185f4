"""The segment that an engine writes: from its tasks, outcomes and runs to lines."""

from __future__ import annotations

import os
import pwd
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from alexflow.blocks_briefly import blocks_briefly
from alexflow.engine.code_states import CodeStates
from alexflow.engine.task_lines import TaskLines
from alexflow.errors import TaskError, TaskFailed
from alexflow.executors.interface import Done
from alexflow.failures import Attempt
from alexflow.graph import Described
from alexflow.hooks import plain_text, text_of
from alexflow.logs import logger
from alexflow.record.lines import REASONS, AttemptLine, RunBegunLine, RunEndedLine, ShapesLine
from alexflow.record.segment_writer import SegmentWriter
from alexflow.scheduler.instructions import Finish
from alexflow.storage import Storage
from alexflow.storage.background import in_thread

if TYPE_CHECKING:
    from alexflow.record.run_record import RunOutcome

#: Skipped tasks that are named in the end of a run.
MOST_SKIPPED = 100

#: Characters of a message, and of a traceback, that are kept.
MAX_TEXT_KEPT = 16_000

_MISSING, _FORCED = REASONS.index("missing"), REASONS.index("forced")

#: The kinds of the lines that are written for each task, as the classes in alexflow.record.lines have them.
_MADE_FROM, _COMPLETION = 3, 4


class LiveTask(NamedTuple):
    """A task that is written and not over: its number in the segment, and what its completion has to say."""

    number: int
    described: Described
    run: int
    is_forced: bool


class EngineSegment:
    """Writes what an engine has to say to the record of its storage: one segment after the other.

    Args:
        storage: the engine's. One that has no room for a record gets none.
        options: the engine's options that are not defaults, as plain data.
    """

    def __init__(self, storage: Storage, options: Mapping[str, Any]):
        space = storage.reserved("record")
        self._writer = None if space is None else SegmentWriter(space, _user())
        self._options = options
        self._lines = TaskLines()
        self._live: dict[str, LiveTask] = {}  # by id
        self._runs: dict[int, tuple[float, RunBegunLine]] = {}  # when they were requested, and their lines; not over
        self._count = 0
        self._completions: list[tuple[Any, ...]] = []
        self._has_environment = False
        self._codes = None if space is None else CodeStates(space)

    def _opened(self) -> SegmentWriter | None:
        """Return the writer, with a segment begun; None if there is no record to be written."""
        writer = self._writer
        if writer is None or writer.failed:
            return None
        if not writer.is_open or writer.is_full:
            self._begin(writer)
        return writer

    def _begin(self, writer: SegmentWriter) -> None:
        """Begin a segment: it repeats the runs and tasks of the one before that are not over."""
        if writer.is_open:
            self.write()
            writer.roll()
        writer.begin()
        self._has_environment = False
        self._lines, self._count = TaskLines(), 0
        if self._codes is not None:
            self._codes.begin_segment()
        for at, run in self._runs.values():
            writer.add(msgspec.structs.replace(run, at=writer.micros(at)))
        lives, self._live = self._live, {}
        self._add(writer, [(live.described, live.run, live.is_forced) for live in lives.values()])

    # -- tasks

    def made_from(self, tasks: Sequence[Described], runs: Sequence[int], forced: set[str]) -> None:
        """Write what tasks are made from, unless the segment has it; ``runs`` are the numbers of their runs."""
        live = self._live
        new = [
            (described, run, described.spec.task_id in forced)
            for described, run in zip(tasks, runs, strict=True)
            if described.spec.task_id not in live
        ]
        writer = self._opened() if new else None
        if writer is not None:
            self._add(writer, new)
            self._add_completions(writer)
            if writer.appends:
                writer.flush()

    def _add(self, writer: SegmentWriter, tasks: Sequence[tuple[Described, int, bool]]) -> None:
        lines, number, live = [], self._count, self._live
        for described, run, is_forced in tasks:
            for line in self._lines.lines_of(described):
                lines.append(line)
                number += 1
            live[described.spec.task_id] = LiveTask(number - 1, described, run, is_forced)
        if self._lines.new_shapes:
            writer.add(ShapesLine(tuple(self._lines.new_shapes)))
            self._find_code()
            self._lines.new_shapes = []
        if lines:
            writer.add((_MADE_FROM, self._count, lines))
            self._count = number

    def _find_code(self) -> None:
        """Have the code of classes found whose first tasks are about to run."""
        if self._codes is not None:
            for shape in self._lines.new_shapes:
                cls = self._lines.classes.get(shape.number)
                if cls is not None:
                    self._codes.add(shape.number, cls)

    def done(self, outcome: Done, now: float, attempts: int) -> None:
        """Note that a task has run; what is noted waits for the next write."""
        live = self._live.pop(outcome.task_id, None)
        writer = self._writer
        if live is not None and writer is not None:
            started = writer.micros(now - outcome.seconds)
            took = int(outcome.seconds * 1e6)
            reason = _FORCED if live.is_forced else _MISSING
            self._completions.append((live.number, started, took, (), live.run, reason, attempts))

    def failed(self, task_id: str, error: TaskError, history: Sequence[Attempt], *, is_last: bool) -> None:
        """Note an attempt that failed."""
        writer, live = self._opened(), self._live.get(task_id)
        if writer is not None:
            traceback = error.traceback if isinstance(error, TaskFailed) else ""
            worker, run = history[-1].worker if history else 0, 0 if live is None else live.run
            now, tail = writer.micros(time.time()), (error.stdout, error.stderr)
            texts = plain_text(error.message, MAX_TEXT_KEPT), plain_text(traceback, MAX_TEXT_KEPT)
            writer.add(AttemptLine(run, task_id, now, len(history), is_last, *texts, tail, worker))

    def forget(self, task_ids: Iterable[str]) -> None:
        """Drop what is kept of tasks that are over."""
        if self._live:
            for task_id in task_ids:
                self._live.pop(task_id, None)

    # -- runs

    def run_begun(self, number: int, at: float, targets: tuple[str, ...]) -> None:
        """Note that a run begins to do something."""
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(at)) + f"{int(at % 1 * 1e3):03d}"
        writer = self._opened()
        if writer is not None:
            about = {"command": sys.orig_argv, "directory": _working_directory(), "options": self._options}
            line = RunBegunLine(number, f"{stamp}-{os.urandom(3).hex()}", writer.micros(at), targets, about)
            self._runs[number] = at, line
            writer.add(line)

    def run_ended(self, end: Finish, outcome: RunOutcome) -> None:
        """Note the end of a run."""
        writer = self._opened()
        if writer is not None:
            self._runs.pop(end.run_id, None)
            counts = (end.ran, end.cached, len(end.failures), len(end.skipped))
            skipped = tuple(task_id for task_id, _ in end.skipped[:MOST_SKIPPED])
            error = "" if end.error is None else f"{type(end.error).__name__}: {text_of(end.error, MAX_TEXT_KEPT)}"
            self._add_completions(writer)
            writer.add(RunEndedLine(end.run_id, writer.micros(time.time()), outcome, counts, skipped, error))

    # -- writing

    def _add_completions(self, writer: SegmentWriter) -> None:
        if self._completions:
            writer.add((_COMPLETION, self._completions))
            self._completions = []

    def write(self) -> None:
        """Write what waits; where files are only written whole, once there is enough of it or it has waited long."""
        writer = self._writer
        if writer is None or not writer.is_open:
            return
        self._add_completions(writer)
        if not self._has_environment:
            self._has_environment = True
            writer.add_environment()
        self._add_code(writer)
        if writer.appends:
            writer.flush()

    @blocks_briefly("once for each class: a list of some lines is written, unless it is there")
    def _add_code(self, writer: SegmentWriter) -> None:
        if self._codes is not None:
            try:
                for line in self._codes.lines():
                    writer.add(line)
            except Exception as error:  # the disk's, or the network's
                self._codes = None
                logger.warning("the code of tasks is not recorded; the work goes on: %s", error)

    async def aclose(self) -> None:
        """Write the rest, and that nothing is missing."""
        self.write()
        if self._writer is not None and self._writer.is_open:
            await in_thread(self._close, self._writer)

    def _close(self, writer: SegmentWriter) -> None:
        if self._codes is not None:
            self._codes.finish()
            self._add_code(writer)
        writer.close()


@blocks_briefly("once an engine: the user's entry, if the environment does not name the user")
def _user() -> str:
    try:
        return os.environ.get("USER") or os.environ.get("LOGNAME") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user without an entry, as in a container
        return str(os.getuid())


@blocks_briefly("once a run: one call of the system")
def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it has been removed
        return ""
