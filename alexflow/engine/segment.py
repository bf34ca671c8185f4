"""The segment that an engine writes: from its tasks, outcomes and runs to lines."""

from __future__ import annotations

import asyncio
import os
import pwd
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from alexflow.blocks_briefly import blocks_briefly
from alexflow.engine.clocks import both_clocks
from alexflow.engine.code_states import CodeStates
from alexflow.engine.ended_tasks import QUEUED_SHIFT, EndedTasks, run_of
from alexflow.engine.failed_attempts import FailedAttempts
from alexflow.engine.report_lines import ReportLines
from alexflow.engine.requested_run import RequestedRun
from alexflow.engine.segment_runs import MAX_TEXT_KEPT, MOST_SKIPPED, SegmentRuns
from alexflow.engine.task_lines import TaskLines
from alexflow.errors import TaskError, TaskFailed
from alexflow.executors.interface import Done
from alexflow.executors.task_report import TaskReport
from alexflow.failures import Attempt
from alexflow.graph import Described
from alexflow.hooks import hook_error, passes, plain_text
from alexflow.logs import logger
from alexflow.record.lines import AttemptLine, ReportLine, ShapesLine
from alexflow.record.segment_writer import SegmentWriter
from alexflow.scheduler.instructions import Finish
from alexflow.storage import Storage
from alexflow.storage.background import in_thread
from alexflow.storage.permits import are_none_left
from alexflow.storage.reserved import ReservedSpace

if TYPE_CHECKING:
    from concurrent.futures import Future

    from alexflow.record.run_record import RunOutcome

#: Completions after which a part of a segment is stored, where a segment has parts: so many, or a share of those that
#: are stored, which is more from the seventh part on. So 100,000 tasks take 14 parts, and not 20.
COMPLETIONS_PER_PART, SHARE_PER_PART, MOST_PER_PART = 5_000, 1 / 6, 50_000

#: Time after which what waits is stored there, however little it is: what a crash can cost.
SECONDS_PER_PART = 60.0

#: Time after which an engine looks again whether what waits is due.
SECONDS_UNTIL_ASKED_AGAIN = 1.0

#: Ends of tasks that wait for the timer; more are written with the next batch. A line for each request would take half
#: as long as the one that says what its task is made from. And ends of runs, which have a line each.
NOTED_AT_MOST = 64

#: Tasks that are looked at for those that are stopped with a run: some tenths of a millisecond.
LIVE_LOOKED_AT = 2048

#: Gives the numbers of the runs for which tasks count; 0 for one that is gone.
OwnersOf = Callable[[Sequence[str]], Sequence[int]]


class EngineSegment:
    """Writes what an engine has to say to the record of its storage: one segment after the other.

    Args:
        storage: the engine's. One that has no room for a record gets none.
        options: the engine's options that are not defaults, as plain data.
        requests: runs that are not over, by number; others change it.
        tasks: descriptions of the tasks that are not over, by id; others change it.
    """

    def __init__(
        self,
        storage: Storage,
        options: Mapping[str, Any],
        requests: Mapping[int, RequestedRun],
        tasks: Mapping[str, Described],
    ):
        space = _space_of(storage)
        self._writer = None if space is None else SegmentWriter(space, _user())
        self._tasks = tasks
        self._lines = TaskLines()
        self._ended = EndedTasks(tasks)
        self._live = self._ended.live
        self._runs = SegmentRuns(options, requests)
        self._count = 0
        self._looks = 0  # tasks begun, each of which pays for one look at a task that is not over
        self._has_environment = False
        self._unstored: set[str] = set()  # tasks whose lines are in no part that is stored
        self._part_due = 0.0
        self._sent = 0  # completions in parts
        self._can_start = False
        self._codes = None if space is None else CodeStates(space)
        self._reports = ReportLines(self._add_report)

    def _opened(self) -> SegmentWriter | None:
        """Return the writer, with a segment begun; None if there is no record to be written."""
        writer = self._writer
        if writer is None or writer.failed:
            return None
        if not writer.goes_on():
            self._begin(writer)
        return writer

    def rest(self) -> None:
        """Close the file until there is more to write."""
        if self._writer is not None:
            self._writer.rest()

    def _begin(self, writer: SegmentWriter) -> None:
        """Begin a segment: it repeats the runs and tasks of the one before that are not over."""
        if writer.is_open:
            self.write()
            self._add_completions(writer)
            writer.roll()
        began = writer.started
        writer.begin()
        later = int((writer.started - began) * 1e6) if began else 0
        self._part_due = time.monotonic() + SECONDS_PER_PART
        self._has_environment = False
        self._lines, self._count = TaskLines(), 0
        if self._codes is not None:
            self._codes.begin_segment()
            if writer.appends:
                self._codes.look_around()
        for run in self._runs.ids:
            self._runs.begin(writer, run)
        lives = dict(self._live)
        self._live.clear()
        for task_id, live in lives.items():
            described = self._tasks.get(task_id)
            if described is not None:
                forced = (task_id,) if live & 1 else ()
                self._add(writer, (described,), (task_id,), (run_of(live),), forced, (live >> QUEUED_SHIFT) - later)

    # -- tasks

    def made_from(self, tasks: Sequence[Described], forced: set[str], owners_of: OwnersOf) -> None:
        """Write what tasks are made from, unless the segment has it."""
        new, task_ids = tasks, [described.spec.task_id for described in tasks]
        if not self._live.keys().isdisjoint(task_ids):
            new = [described for described in tasks if described.spec.task_id not in self._live]
            task_ids = [described.spec.task_id for described in new]
        writer = self._opened() if new else None
        if writer is not None:
            owners = owners_of(task_ids)
            for run in set(owners):
                if run not in self._runs.ids:
                    self._runs.begin(writer, run)
            self._add(writer, new, task_ids, owners, forced, writer.micros(time.time()))
            self._looks += len(new)
            if self._ended.count >= NOTED_AT_MOST:
                self._add_completions(writer)
            if writer.appends:
                writer.flush()
            else:
                self._add_unstored(new)
        if not self.appends:
            self._begin_planned(tasks, forced, owners_of)

    @property
    def appends(self) -> bool:
        """Whether lines are safe when a call returns; else :meth:`plan` and :meth:`store` come first."""
        return self._writer is None or self._writer.appends

    def plan(self, tasks: Sequence[Described]) -> int:
        """Note what tasks are made from that are about to be wanted, unless it can be written when they start.

        Returns:
            How many were not noted before.
        """
        if self.appends:
            return 0
        new = [described for described in tasks if described.spec.task_id not in self._live]
        writer = self._opened() if new else None
        if writer is None:
            return 0
        if not self._live:
            self._can_start = False
        self._add(writer, new, [described.spec.task_id for described in new], [0] * len(new), (), 0)
        self._add_unstored(new)
        return len(new)

    def _add_unstored(self, tasks: Sequence[Described]) -> None:
        task_ids = [described.spec.task_id for described in tasks]
        self._unstored.update(task_id for task_id in task_ids if task_id in self._live)  # all that have a line

    async def store(self, *, can_start: bool) -> None:
        """Store what is noted, unless nothing can start yet: then it is stored with what the engine finds next.

        Args:
            can_start: whether a task may have all that it reads, from now on.
        """
        self._can_start = self._can_start or can_start
        if self._can_start and self._unstored and self._writer is not None:
            task_ids = tuple(self._unstored)
            stored = asyncio.wrap_future(self._send(self._writer))
            await asyncio.shield(stored)  # what has been sent is stored, whatever becomes of this
            self._unstored.difference_update(task_ids)

    def _begin_planned(self, tasks: Sequence[Described], forced: set[str], owners_of: OwnersOf) -> None:
        """Add to tasks that were planned for which run they count; store those whose lines are not."""
        live, writer = self._live, self._writer
        if writer is None or not writer.is_open:
            return
        queued = writer.micros(time.time()) << QUEUED_SHIFT
        for described in tasks:
            task_id = described.spec.task_id
            if task_id in live and not run_of(live[task_id]):
                run = owners_of((task_id,))[0]
                live[task_id] |= queued | run << 1 | (task_id in forced)
                if run not in self._runs.ids:
                    self._runs.begin(writer, run)
        if not self._unstored.isdisjoint(described.spec.task_id for described in tasks):
            self._add_completions(writer)
            writer.flush()  # it waits: of tasks that no inspection has announced, as a last resort
            self._unstored.clear()

    def _send(self, writer: SegmentWriter) -> Future[None]:
        self._sent += self._ended.count
        self._add_completions(writer)
        self._part_due = time.monotonic() + SECONDS_PER_PART
        return writer.send()

    def _add(
        self,
        writer: SegmentWriter,
        tasks: Sequence[Described],
        task_ids: Sequence[str],
        runs: Sequence[int],
        forced: Collection[str],
        queued: int,
    ) -> None:
        """Append the lines of tasks, each with the number of the run for which it counts.

        Args:
            writer: of the segment.
            tasks: the tasks.
            task_ids: their ids.
            runs: for each the number.
            forced: ids of those that are made again, and maybe of others.
            queued: when they had all that they read, in microseconds from the segment's start.
        """
        first = self._count
        made = self._lines.lines(tasks, first)
        if self._lines.new_shapes:
            writer.add(ShapesLine(tuple(self._lines.new_shapes)))
            self._find_code()
            self._lines.new_shapes = []
        self._count += made.size
        for line in made.lines:
            writer.add(line)
        if made.tasks is not tasks:  # in another order, or fewer
            run_of_task = dict(zip(task_ids, runs, strict=True))
            task_ids = [described.spec.task_id for described in made.tasks]
            runs = [run_of_task[task_id] for task_id in task_ids]
        self._ended.begin(task_ids, first, runs, forced, queued)

    def _find_code(self) -> None:
        """Have the code of classes found whose first tasks are about to run."""
        if self._codes is not None:
            for shape in self._lines.new_shapes:
                cls = self._lines.classes.get(shape.number)
                if cls is not None:
                    self._codes.add(shape.number, cls)

    def done(self, outcomes: Iterable[Done], failed: FailedAttempts) -> None:
        """Note that tasks have run; what is noted waits for the next write."""
        if self._reports.attempts:
            for outcome in outcomes:
                self._reports.ended(outcome.task_id)
        if self._writer is not None:
            now, clock = both_clocks()
            self._ended.add(outcomes, self._writer.micros(now), clock, failed)

    def failed(self, task_id: str, error: TaskError, history: Sequence[Attempt], *, is_last: bool) -> None:
        """Note an attempt that failed."""
        self._reports.ended(task_id)
        writer = self._opened()
        if writer is not None:
            traceback = error.traceback if isinstance(error, TaskFailed) else ""
            run = run_of(self._live.get(task_id, 0))
            worker, took, host = 0, 0, ""
            if history:
                attempt = history[-1]
                worker, took, host = attempt.worker, int(attempt.seconds * 1e6), attempt.host
            now, tail = writer.micros(time.time()), (error.stdout, error.stderr)
            texts = plain_text(error.message, MAX_TEXT_KEPT), plain_text(traceback, MAX_TEXT_KEPT)
            writer.add(AttemptLine(run, task_id, now, len(history), is_last, *texts, tail, worker, took, host))

    def reported(self, task_id: str, attempt: int, report: TaskReport) -> None:
        """Note what a running task has reported."""
        self._reports.add(task_id, attempt, report)

    def _add_report(self, task_id: str, attempt: int, report: TaskReport) -> None:
        writer = self._opened()
        if writer is not None:
            run = run_of(self._live.get(task_id, 0))
            at = writer.micros(report.at)
            writer.add(ReportLine(run, task_id, at, attempt, report.step, report.of, report.values))

    def forget(self, task_ids: Collection[str]) -> None:
        """Drop what is kept of tasks that are over."""
        if self._reports.attempts:
            for task_id in task_ids:
                self._reports.ended(task_id)
        live = self._live
        if live:
            for task_id in task_ids:
                if task_id in live:
                    del live[task_id]

    # -- runs

    def has_run(self, number: int) -> bool:
        """Whether a run is written, because something was done for it."""
        return number in self._runs.ids

    def run_ended(self, end: Finish, outcome: RunOutcome) -> None:
        """Note the end of a run; what is noted waits for the next write."""
        writer = self._opened()
        if writer is not None:
            self._runs.end(writer, end, outcome, () if outcome == "done" else self._under_way_for(end.run_id))
            if len(self._runs.ends) >= NOTED_AT_MOST:
                self._add_completions(writer)

    def _under_way_for(self, run: int) -> tuple[str, ...]:
        """Return the ids of tasks that count for a run and are not over, some of them: they are stopped with it.

        The oldest tasks that are not over are looked at, so that thousands of runs which end at once would take
        quadratic time. So no more is looked at than tasks have begun; beyond that the tasks of a run are not named.
        """
        looks = min(len(self._live), LIVE_LOOKED_AT)
        if self._looks < looks:
            return ()
        self._looks -= looks
        mine = (task_id for task_id, live in islice(self._live.items(), looks) if run_of(live) == run)
        return tuple(islice(mine, MOST_SKIPPED))

    # -- writing

    def _add_completions(self, writer: SegmentWriter) -> None:
        """Append what came of tasks, and then of runs."""
        line = self._ended.take()
        if line is not None:
            writer.add(line)
        self._runs.add_ends(writer)

    def look_around(self) -> None:
        """Find out now what is to be said of where tasks run; else that is done with the first write, or at the end."""
        if self._writer is not None and self._writer.is_open:
            self._add_environment(self._writer)
            if self._codes is not None:
                self._codes.begin()

    def _add_environment(self, writer: SegmentWriter) -> None:
        """Have what the engine runs in sent with a part; a segment without parts gets it with what is found of code."""
        if not (writer.appends or self._has_environment):
            self._has_environment = True
            writer.add_environment()

    def write(self) -> float | None:
        """Write what waits; where a segment has parts, once there is enough of it or it has waited long.

        Returns:
            Seconds until this is to be called again; None if nothing waits.
        """
        writer = self._writer
        if writer is None or not writer.is_open:
            return None
        self._add_environment(writer)
        if writer.appends:
            self._add_completions(writer)
            self._add_code(writer)
            writer.flush()
        elif writer.failed:
            self._ended.take()
            self._runs.ends = []
        elif self._ended.count >= self._per_part() or time.monotonic() > self._part_due:
            self._add_code(writer)
            self._send(writer)
        else:
            return SECONDS_UNTIL_ASKED_AGAIN
        return None

    def _per_part(self) -> float:
        return min(max(COMPLETIONS_PER_PART, SHARE_PER_PART * self._sent), MOST_PER_PART)

    @blocks_briefly("once for each class: a list of some lines is written, unless it is there")
    def _add_code(self, writer: SegmentWriter) -> None:
        if self._codes is not None:
            try:
                for line in self._codes.lines():
                    writer.add(line)
            except Exception as error:  # the disk's, or the network's
                if are_none_left(error):
                    return  # tasks have them all for a moment
                self._codes = None
                logger.warning("the code of tasks is not recorded; the work goes on: %s", error)

    async def aclose(self) -> None:
        """Write the rest, and that nothing is missing; a storage that does not answer is not waited for once more."""
        if self._writer is not None and self._writer.is_in_outage:
            return
        self.write()
        writer = self._writer
        if writer is None or not writer.is_open:
            return
        if writer.appends and (self._codes is None or self._codes.are_known):
            self._close(writer)  # nothing of it has to be waited for
        else:
            await in_thread(self._close, writer)

    @blocks_briefly("once an engine: where code is still looked for, it is called in a thread")
    def _close(self, writer: SegmentWriter) -> None:
        if self._codes is not None:
            self._codes.finish()
            self._add_code(writer)
        self._add_completions(writer)
        writer.close()


def _space_of(storage: Storage) -> ReservedSpace | None:
    try:
        return storage.reserved("record")
    except BaseException as error:  # of an adapter that is a user's
        if passes(error):
            raise
        logger.warning("no record is written: %s", hook_error(storage, "reserved()", error))
        return None


@blocks_briefly("once an engine: the user's entry, if the environment does not name the user")
def _user() -> str:
    try:
        return os.environ.get("USER") or os.environ.get("LOGNAME") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user without an entry, as in a container
        return str(os.getuid())
