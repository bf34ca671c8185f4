"""The engine's record: what each task is made from, before it runs, and what came of it, afterwards.

Both are lines for the writer. What tasks are made from is appended in one write before the batch is submitted, so it is
in the system's hands before any worker could publish. What came of them waits a moment, for the next batch or for the
timer: a killed engine loses that much, and its segment lacks the end, which shows that something may be missing.

Nothing is imported, opened or written before the first task has to run.
"""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from alexflow.engine.failed_attempts import FailedAttempts
from alexflow.engine.requested_run import RequestedRun
from alexflow.engine.uses import Uses
from alexflow.executors.interface import Done, Outcome
from alexflow.executors.task_report import TaskReport
from alexflow.graph import Described, Subjects
from alexflow.hooks import is_a
from alexflow.scheduler.events import Event, Inspected
from alexflow.scheduler.instructions import Finish
from alexflow.storage import Storage

if TYPE_CHECKING:
    from alexflow.engine.segment import EngineSegment, OwnersOf
    from alexflow.errors import TaskError
    from alexflow.failures import Attempt
    from alexflow.record.run_record import RunOutcome

#: Time between two writes of what came of tasks: what a crash can cost.
SECONDS_UNTIL_WRITTEN = 0.2

#: Takes a part of the answer to an inspection.
Turn = Callable[[Event, Subjects], Awaitable[None]]

#: Makes the parts, ``await turn(event, subjects)`` for each.
Look = Callable[[Turn], Awaitable[None]]


class EngineRecorder:
    """Writes the record of one engine. All methods are called on its event loop.

    Args:
        storage: the engine's.
        options: the engine's options that are not defaults, as plain data.
        owners_of: gives the numbers of the runs for which tasks count; 0 for one that is gone.
        uses: gets what inspections have found.
    """

    def __init__(self, storage: Storage, options: Mapping[str, Any], owners_of: OwnersOf, uses: Uses):
        self._uses = uses
        self._storage = storage
        self._options = options
        self._owners_of = owners_of
        self._segment: EngineSegment | None = None
        self._runs: dict[int, RequestedRun] = {}
        #: Descriptions of the tasks that are not over, by id; the driver's.
        self.tasks: Mapping[str, Described] = {}
        self._timer: asyncio.TimerHandle | None = None

    def _opened(self) -> EngineSegment:
        segment = self._segment
        if segment is None:
            from alexflow.engine.segment import EngineSegment  # deferred: a run in which nothing runs writes nothing

            segment = self._segment = EngineSegment(self._storage, self._options, self._runs, self.tasks)
        return segment

    # -- tasks

    async def look(self, look: Look, turn: Turn) -> None:
        """Have outputs and tasks looked at, with ``await turn(event, subjects)`` for each part of the answer.

        Where it takes a request to store what tasks are made from, that is stored first.
        """
        if self._storage.answers_at_once:  # so does its record
            await look(turn)
        else:
            from alexflow.engine.recorded_first import RecordedFirst  # deferred: for remote storages only

            answers = RecordedFirst(lambda tasks: self._opened().plan(tasks), self._store, turn)
            await look(answers.take)
            await answers.pass_on()

    async def _store(self, can_start: bool) -> None:
        if self._segment is not None:
            await self._segment.store(can_start=can_start)

    def found(self, answer: Event) -> None:
        """Note which tasks' outputs an inspection has found: they are in use."""
        if type(answer) is Inspected and answer.found:
            self._uses.add(answer.found)

    def about_to_run(self, tasks: Sequence[Described], forced: set[str]) -> None:
        """Write what tasks are made from, before they are handed to an executor."""
        if tasks:
            self._opened().made_from(tasks, forced, self._owners_of)

    def looks_around(self) -> None:
        """Have what the record says of where tasks run found out while the first worker processes start.

        The engine waits for these; else it would be found out when the engine is closed, and the caller would wait.
        """
        loop = asyncio.get_running_loop()
        loop.call_soon(self._uses.prepare)
        if self._segment is not None:
            loop.call_soon(self._segment.look_around)

    def ended(self, outcomes: Sequence[Outcome], failed: FailedAttempts) -> None:
        """Note what came of jobs; ``failed`` are the attempts at them that have failed."""
        if set(map(type, outcomes)) == {Done}:  # as mostly
            ran = cast(Sequence[Done], outcomes)
        else:
            ran = [outcome for outcome in outcomes if isinstance(outcome, Done)]
        self._written_soon().done(ran, failed)

    def attempt_failed(self, task_id: str, error: TaskError, history: Sequence[Attempt], *, is_last: bool) -> None:
        """Note an attempt that failed, the last one of those in ``history``."""
        self._written_soon().failed(task_id, error, history, is_last=is_last)

    def reported(self, task_id: str, attempt: int, report: TaskReport) -> None:
        """Note what a running task has reported."""
        self._written_soon().reported(task_id, attempt, report)

    def forget(self, task_ids: Collection[str]) -> None:
        """Drop what is kept of tasks that are over."""
        if self._segment is not None:
            self._segment.forget(task_ids)

    # -- runs

    def requested(self, run: RequestedRun) -> None:
        """Note that a run was requested."""
        self._runs[run.number] = run

    def finished(self, end: Finish) -> None:
        """Note the end of a run, if anything of it is written or it failed."""
        outcome: RunOutcome = "error" if end.error is not None else "failed" if end.failures else "done"
        self._end(end, outcome)

    def given_up(self, run: int, error: BaseException) -> None:
        """Note that the caller of a run has gone, or that the engine has."""
        self._end(Finish(run, error=None if is_a(error, CancelledError) else error), "cancelled")

    def _end(self, end: Finish, outcome: RunOutcome) -> None:
        run = self._runs.get(end.run_id)
        began = self._segment is not None and self._segment.has_run(end.run_id)
        if run is not None and (began or end.failures or end.error is not None):
            self._written_soon().run_ended(end, outcome)
        self._runs.pop(end.run_id, None)

    # -- writing

    def _written_soon(self) -> EngineSegment:
        """Return the segment, for lines that wait until the timer has them written."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SECONDS_UNTIL_WRITTEN, self._write)
        return self._opened()

    def _write(self) -> None:
        self._timer = None
        again = None if self._segment is None else self._segment.write()
        if again is not None:
            self._timer = asyncio.get_running_loop().call_later(again, self._write)
        elif self._segment is not None and not self._runs:
            self._segment.rest()

    async def aclose(self) -> None:
        """Write the rest, and that nothing is missing."""
        if self._timer is not None:
            self._timer.cancel()
        for number in tuple(self._runs):
            self.given_up(number, CancelledError())
        segment, self._segment = self._segment, None
        uses = self._uses.aclose()
        if segment is None:
            await uses
        else:  # side by side: a storage that does not answer is waited for once
            await asyncio.gather(segment.aclose(), uses)


class NoRecorder(EngineRecorder):
    """Writes nothing."""

    def __init__(self) -> None:
        self._runs = {}
        self._segment = None

    async def look(self, look: Look, turn: Turn) -> None:
        await look(turn)

    def found(self, answer: Event) -> None:
        return

    def about_to_run(self, tasks: Sequence[Described], forced: set[str]) -> None:
        return

    def looks_around(self) -> None:
        return

    def ended(self, outcomes: Sequence[Outcome], failed: FailedAttempts) -> None:
        return

    def attempt_failed(self, task_id: str, error: TaskError, history: Sequence[Attempt], *, is_last: bool) -> None:
        return

    def reported(self, task_id: str, attempt: int, report: TaskReport) -> None:
        return

    def forget(self, task_ids: Collection[str]) -> None:
        return

    def requested(self, run: RequestedRun) -> None:
        return

    async def aclose(self) -> None:
        return


def make_recorder(
    storage: Storage, options: Mapping[str, Any], owners_of: OwnersOf, uses: Uses | None
) -> EngineRecorder:
    """Return what writes an engine's record; without ``uses`` it writes nothing."""
    return NoRecorder() if uses is None else EngineRecorder(storage, options, owners_of, uses)
