"""The events of tasks. Nothing is kept or made while there are no listeners.

An executor reports what it begins as far as that is worth a report: a worker process gets many small tasks at once, and
reports what came of them in one message. The start of those that began and ended in between is made up from what they
took, so that every end has a start, and every start an end.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from functools import partial
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from alexflow.engine.clocks import both_clocks
from alexflow.engine.failed_attempts import FailedAttempts
from alexflow.engine.requested_run import RequestedRuns
from alexflow.errors import TaskError, TaskFailed
from alexflow.events import engine_events
from alexflow.events.broadcast import Broadcast
from alexflow.executors.interface import Done, Settled
from alexflow.executors.lacks import MOST_HOLDERS, Lack
from alexflow.graph import Described
from alexflow.hooks import passes
from alexflow.model import AbstractTask, Output
from alexflow.scheduler.state import State

if TYPE_CHECKING:
    from alexflow.engine.attempt_tracing import AttemptTracing
    from alexflow.engine.hot_outputs import HotOutputs
    from alexflow.engine.long_waits import LongWaits


class Lanes:
    """The numbers of one executor's lanes: the smallest that is free is taken."""

    def __init__(self) -> None:
        self._free: list[int] = []
        self._count = 0

    def take(self) -> int:
        """Take one."""
        if self._free:
            return heappop(self._free)
        self._count += 1
        return self._count

    def leave(self, lane: int) -> None:
        """Give one back."""
        heappush(self._free, lane)


class TaskEvents:
    """Emits the events of tasks, each with the run for which the task counts.

    Args:
        broadcast: passes them to listeners; asked itself for each task whether there are any, which spares a call.
        runs: the runs that are not over, and for which a task counts.
        failed: the attempts of tasks that have failed.
        tasks: descriptions of the tasks that are not over, by id; others change it.
        state: the scheduler's.
    """

    def __init__(
        self,
        broadcast: Broadcast,
        runs: RequestedRuns,
        failed: FailedAttempts,
        tasks: Mapping[str, Described],
        state: State,
    ):
        self.broadcast, self._state = broadcast, state
        self._long_waits: LongWaits | None = None
        self._emit = broadcast.emit
        self._id_for = runs.id_for
        self.runs = runs
        self._failed = failed
        self._tasks = tasks
        # tasks that were planned or started, and have not ended: where an attempt is under way
        self._live: dict[str, tuple[str, int] | None] = {}
        self._lacking: dict[str, tuple[str, str]] = {}  # what tasks were passed over for
        self._lanes: defaultdict[str, Lanes] = defaultdict(Lanes)
        #: What is kept of outputs in memory, if anything is; it drops what is made again.
        self.hot: HotOutputs | None = None
        #: What makes the spans of attempts, if the engine is instrumented.
        self.tracing: AttemptTracing | None = None
        #: What is called once when a task has run, by its id.
        self.awaited: dict[str, list[Callable[[], None]]] = {}

    @property
    def watched(self) -> bool:
        """Whether there are listeners."""
        return self.broadcast.has_listeners

    # -- before the start

    def planned(self, task_ids: Sequence[str]) -> None:
        """Emit that tasks have to run: one event for each run."""
        for task_id in task_ids:
            self._live.setdefault(task_id)
        if not self.broadcast.takes(engine_events.TasksPlanned):
            return
        for run_id, some in self._by_run(task_ids).items():
            reads = tuple([_reads(self._tasks.get(task_id)) for task_id in some])
            self._emit(engine_events.TasksPlanned(tuple(some), reads, run_id=run_id))

    def _by_run(self, task_ids: Iterable[str]) -> Mapping[str, list[str]]:
        by_run: defaultdict[str, list[str]] = defaultdict(list)
        for task_id in task_ids:
            by_run[self._id_for(task_id)].append(task_id)
        return by_run

    def found(self, task_ids: tuple[str, ...], run: int) -> None:
        """Emit that tasks are done already that a run, by its number, wants."""
        wanted_by = self.runs.get(run)
        run_id = "" if wanted_by is None else wanted_by.id
        self._emit(engine_events.TasksFound(len(task_ids), task_ids, run_id=run_id))

    def queued(self, task_ids: Iterable[str]) -> None:
        """Emit that tasks wait for a place."""
        if not self.broadcast.takes(engine_events.TaskQueued):
            return
        now = time.time()
        for task_id in task_ids:
            self._live.setdefault(task_id)
            self._emit(engine_events.TaskQueued(task_id, time=now, run_id=self._id_for(task_id)))

    def elsewhere(self, task_ids: Iterable[str]) -> None:
        """Emit that tasks wait for another engine."""
        for task_id in task_ids:
            self._emit(engine_events.TaskWaiting(task_id, "engine", run_id=self._id_for(task_id)))

    def passed_over(self, task_id: str, lack: Lack) -> None:
        """Emit that a task was passed over in its queue, unless that has been emitted."""
        kind, name = lack.kind, lack.name
        if kind != "place" and self._lacking.get(task_id) != (kind, name):  # of a place there is an event already
            self._lacking[task_id] = kind, name
            holders = lack.holders[:MOST_HOLDERS]
            self._emit(engine_events.TaskWaiting(task_id, kind, name, holders, run_id=self._id_for(task_id)))

    def watch_waits(self) -> None:
        """Have events of tasks that wait for a limit or a rate emitted, where a listener takes them."""
        if not (self.broadcast.has_listeners and self._state.slots.waiting):
            return
        if not self.broadcast.takes(engine_events.TaskWaiting):
            return
        if self._long_waits is None:
            from alexflow.engine.long_waits import LongWaits  # deferred: most engines have no listeners

            is_watched = partial(self.broadcast.takes, engine_events.TaskWaiting)
            self._long_waits = LongWaits(self._state, self._emit, self._id_for, is_watched)
        self._long_waits.watch()

    # -- the start

    def began(
        self,
        executor: str,
        task_id: str,
        worker: int = 0,
        *,
        at: float | None = None,
        host: str = "",
        devices: Mapping[str, tuple[int | str, ...]] | None = None,
        cores: tuple[int, ...] = (),
    ) -> None:
        """Emit that an attempt has begun, unless that has been emitted, or no listener follows attempts."""
        if not self.broadcast.follows_attempts or self._live.get(task_id) is not None:
            return
        if self._lacking:
            self._lacking.pop(task_id, None)
        lane = self._lanes[executor].take()
        self._live[task_id] = executor, lane
        attempt = self._failed.count(task_id) + 1
        given = dict(devices) if devices else {}
        now, run_id = time.time() if at is None else at, self._id_for(task_id)
        self._emit(
            engine_events.TaskStarted(
                task_id, attempt, executor, worker, host, lane, given, cores, time=now, run_id=run_id
            )
        )

    def ends_of(self, outcomes: Sequence[Settled]) -> list[float]:
        """Return when attempts have ended that are reported together: now, of those that do not say it."""
        now, clock = both_clocks()
        return [
            now
            if not isinstance(outcome, Done) or outcome.usage is None
            else now - max(0.0, clock - outcome.usage.ended)
            for outcome in outcomes
        ]

    def make_up_start(self, outcome: Settled, ended: float) -> None:
        """Emit the start of an attempt of which only the end is reported."""
        task_id = outcome.task_id
        if self._live.get(task_id) is None and (isinstance(outcome, Done) or outcome.reason != "cancelled"):
            described = self._tasks.get(task_id)
            executor = "" if described is None else described.kind
            self.began(executor, task_id, _worker_of(outcome), at=ended - outcome.seconds)

    # -- the end

    def _end(self, task_id: str, *, is_over: bool) -> bool:
        """Note the end of an attempt. Returns whether one had begun."""
        attempt = self._live.pop(task_id, None)
        if attempt is not None:
            self._lanes[attempt[0]].leave(attempt[1])
        if not is_over:
            self._live[task_id] = None
        return attempt is not None

    def trace_ends(self, outcomes: Sequence[Settled], ends: Sequence[float]) -> None:
        """Report to what makes spans that attempts have ended."""
        if self.tracing is None or not self.tracing.is_recording:
            return
        settled, tasks, failed, any_failed = self.tracing.settled, self._tasks, self._failed, bool(self._failed)
        for outcome, ended in zip(outcomes, ends, strict=True):
            described = tasks.get(outcome.task_id)
            executor = "" if described is None else described.kind
            settled(outcome, executor, failed.count(outcome.task_id) + 1 if any_failed else 1, ended)

    def over(self, task_ids: Iterable[str]) -> None:
        """Note that tasks have run whose attempts no listener follows."""
        for task_id in task_ids:
            attempt = self._live.pop(task_id, None)
            if attempt is not None:  # one followed when it began
                self._lanes[attempt[0]].leave(attempt[1])

    def succeeded(self, outcome: Done, ended: float | None = None) -> None:
        """Emit that a task has run."""
        task_id, usage = outcome.task_id, outcome.usage
        self._end(task_id, is_over=True)
        used: tuple[float | None, int | None, int | None, int | None] = None, None, None, None
        if usage is not None:
            cpu = None if usage.cpu is None else usage.cpu / 1e6
            used = cpu, usage.rss, None, sum([size for size, _ in usage.stored.values()])
        attempt, now = self._failed.count(task_id) + 1, time.time() if ended is None else ended
        run_id = self._id_for(task_id)
        self._emit(engine_events.TaskSucceeded(task_id, outcome.seconds, attempt, *used, time=now, run_id=run_id))

    def made(self, task_ids: Iterable[str]) -> None:
        """Drop what is kept of the outputs of tasks that have run."""
        if self.hot is not None:
            made = [described for task_id in task_ids if (described := self._tasks.get(task_id)) is not None]
            self.hot.drop([key for described in made for key in described.spec.outputs])

    def pass_on(self, task_ids: Iterable[str]) -> None:
        """Call what awaits tasks that have run."""
        for task_id in task_ids:
            for call in self.awaited.pop(task_id, ()):
                call()

    def retrying(self, task_id: str, attempts: int, error: TaskError, delay: float) -> None:
        """Emit that an attempt has failed and is followed by another."""
        if self.watched:
            self._end(task_id, is_over=False)
            what = error.message, delay, _class_of(error)
            self._emit(engine_events.TaskRetrying(task_id, attempts, *what, run_id=self._id_for(task_id)))

    def given_up(self, task_id: str, attempts: int, error: TaskError) -> None:
        """Emit that a task has failed for good."""
        if self.watched:
            self._end(task_id, is_over=True)
            what = error.message, _class_of(error)
            self._emit(engine_events.TaskGivenUp(task_id, attempts, *what, run_id=self._id_for(task_id)))

    def inputs_vanished(self, task_id: str, keys: tuple[str, ...]) -> None:
        """Emit that a task cannot run yet after all."""
        if self.watched:
            self._end(task_id, is_over=False)
            self._emit(engine_events.InputsVanished(task_id, keys, run_id=self._id_for(task_id)))

    def put_back(self, task_ids: Iterable[str]) -> None:
        """Emit that tasks have not done anything that were reported as started."""
        if self.watched:
            begun = tuple([task_id for task_id in task_ids if self._live.get(task_id) is not None])
            for task_id in begun:
                self._end(task_id, is_over=False)
            if begun:
                self._emit(engine_events.TasksPutBack(begun))

    def made_elsewhere(self, task_ids: Sequence[str]) -> None:
        """Emit that another engine has made what tasks were to make."""
        if self.watched:
            for run_id, some in self._by_run(task_ids).items():
                for task_id in some:
                    self._end(task_id, is_over=True)
                self._emit(engine_events.TasksMadeElsewhere(tuple(some), run_id=run_id))

    def cancelled(self, task_ids: Iterable[str], stopped: Container[str] = ()) -> None:
        """Emit that tasks will not run; those whose attempts were ``stopped`` had begun, as others may have."""
        if self.watched:
            for task_id in task_ids:
                begun = self._end(task_id, is_over=True) or task_id in stopped
                self._emit(engine_events.TaskCancelled(task_id, begun, run_id=self._id_for(task_id)))

    def forgotten(self, task_ids: Iterable[str]) -> None:
        """Emit that those of these tasks which have not ended never will."""
        if self._lacking:
            for task_id in task_ids:
                self._lacking.pop(task_id, None)
        if self._live:
            self.cancelled([task_id for task_id in task_ids if task_id in self._live])
            if not self.watched:
                self._live.clear()
                self._lanes.clear()

    def printed(self, task_id: str, stdout: str, stderr: str) -> None:
        """Emit what an attempt has printed."""
        if self.watched:
            self._emit(engine_events.TaskPrinted(task_id, stdout, stderr, run_id=self._id_for(task_id)))

    def overtaken(self, task_id: str, keys: tuple[str, ...]) -> None:
        """Emit that the results of a task were dropped."""
        if self.watched:
            self._emit(engine_events.ResultDropped(task_id, keys, run_id=self._id_for(task_id)))


def _class_of(error: TaskError) -> str:
    classes = error.error_classes if isinstance(error, TaskFailed) else ()
    return classes[0] if classes else type(error).__name__


def _worker_of(outcome: Settled) -> int:
    if isinstance(outcome, Done):
        return 0 if outcome.usage is None else outcome.usage.worker
    return outcome.worker


def _reads(described: Described | None) -> tuple[str, ...]:
    """List the ids of the tasks whose outputs a task reads."""
    if described is None or not described.inputs:
        return ()
    return tuple(dict.fromkeys([task_id for output in described.inputs.values() if (task_id := _behind(output))]))


def _behind(output: Output[AbstractTask]) -> str:
    try:
        return output.src_task_id
    except BaseException as error:  # the user's: the edge is not drawn
        if passes(error):
            raise
        return ""
