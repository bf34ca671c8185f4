"""The driver: the only place where events meet instructions.

It holds the scheduler, the users' objects behind the scheduler's names, the executors and the storage. Everything that
happens becomes an event, and the driver performs the scheduler's instructions. It decides nothing.

Everything runs in the event loop's thread. Events are handled one after the other, in slices of a few milliseconds,
so that the application around the engine gets its turns.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from alexflow.engine.background import Background
from alexflow.engine.backlog import Backlog
from alexflow.engine.chance import chance
from alexflow.engine.delays import Delays
from alexflow.engine.dispatch import Dispatch
from alexflow.engine.draining import Draining
from alexflow.engine.entering import TargetParts
from alexflow.engine.entrance import Entrance
from alexflow.engine.failed_attempts import FailedAttempts
from alexflow.engine.generators_on_demand import GeneratorsOnDemand
from alexflow.engine.outcomes import Outcomes
from alexflow.engine.peers import PeerCoordination
from alexflow.engine.rate_limits import Alarm
from alexflow.engine.recording import EngineRecorder, NoRecorder
from alexflow.engine.removals import Removals
from alexflow.engine.requested_run import FindOutputs, RequestedRun, RequestedRuns, RequestOptions, finished_event
from alexflow.engine.stats import EngineStats
from alexflow.engine.storage_questions import EventInbox, StorageQuestions
from alexflow.engine.tallies import Tallies
from alexflow.engine.task_events import TaskEvents
from alexflow.engine.unsure import UnsureJobs
from alexflow.engine.withdrawals import Withdrawals
from alexflow.errors import EngineClosed, StorageUnavailable
from alexflow.events import engine_events
from alexflow.events.broadcast import Broadcast
from alexflow.executors.enclosing_tasks import enclosing
from alexflow.executors.interface import GRACE, Done, Executor, Settled
from alexflow.executors.trace_context import current_trace
from alexflow.executors.turn_slice import TurnSlice
from alexflow.graph import NO_SUBJECTS, Catalog, Defaults, Inspector, Kind, Subjects
from alexflow.hooks import as_cause, is_a, is_ctrl_c, repr_of
from alexflow.logs import logger
from alexflow.model import Output
from alexflow.model.options import code_is_checked
from alexflow.scheduler import Scheduler
from alexflow.scheduler import instructions as do
from alexflow.scheduler.events import (
    Cancelled,
    DoneByPeer,
    Event,
    HeldByPeer,
    InputsLost,
    Inspected,
    InspectionFailed,
    Resumed,
    RunRequested,
    RunsCancelled,
    Verified,
)
from alexflow.storage import Storage
from alexflow.storage.leases import Leases

if TYPE_CHECKING:
    from alexflow.engine.why import Why
    from alexflow.limits import Queue

#: How long events are handled before the loop gets a turn; and how long callers are let in.
DRAIN_SLICE_SECONDS = INTAKE_SLICE_SECONDS = 0.001

#: Events after which an output may be made once more (a ``Verified`` that finds all is none); until then none changes.
INVALIDATING = frozenset({RunRequested, InputsLost, Verified})


class Driver:
    """Performs the instructions of the scheduler.

    Args:
        scheduler: decides.
        storage: holds the outputs.
        defaults: hold for tasks whose class does not say otherwise.
        executors: run jobs, by kind.
        broadcast: passes events to listeners.
        in_thread: runs plain ``generate``.
        leases: the engine's right to make outputs; None if no other engine could make them.
        chance: gives random numbers from 0 to 1.
        grace: seconds that dynamic tasks get to end when the engine is closed.
        record: what is written about tasks and runs; None for nothing.
        queue: the bounds of what waits; None for none.

    Attributes:
        backlog: what waits.
        intake: the slice of each turn in which callers are let in.
        entering: requests whose targets are being collected; the catalog keeps claims of keys until then.
        storage_ok: whether the storage answered when it was last asked.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        storage: Storage,
        defaults: Defaults,
        executors: Mapping[Kind, Executor],
        broadcast: Broadcast,
        in_thread: Callable[..., Awaitable[Any]] | None = None,
        leases: Leases | None = None,
        chance: Callable[[], float] = chance,
        grace: float = GRACE,
        record: EngineRecorder | None = None,
        queue: Queue | None = None,
    ):
        self._scheduler = scheduler
        self._storage = storage
        self._for_tasks = storage.with_read_cache()  # the same, as tasks of this process read it
        self._executors = executors
        self._leases = leases
        self._broadcast = broadcast
        self._emit = broadcast.emit_lazily
        self.catalog = Catalog()
        self.inspector = Inspector(self.catalog, storage, defaults)
        self._defaults = defaults
        self.record = NoRecorder() if record is None else record
        self.record.tasks = self.catalog.tasks
        self.runs = RequestedRuns(scheduler.owner_of)
        failed = FailedAttempts()
        self.task_events = TaskEvents(broadcast, self.runs, failed, self.catalog.tasks, scheduler.state)
        self.tallies = Tallies(self.catalog.tasks, scheduler, executors)
        self._outcomes = Outcomes(self.catalog, self.task_events, self.tallies, chance, self.record, failed)
        self._generators = GeneratorsOnDemand(storage, self._generated, in_thread, grace)
        self._dispatch = Dispatch(
            *(executors, self._generators, self.catalog, scheduler, self.inspector.forced, self.task_events),
            *(self.tallies, self.record),
            post=self.post,
            reserve={} if queue is None else queue.reserve,
        )
        self._inbox: EventInbox = deque()
        self.entrance = Entrance(self._inbox)
        bound = None if queue is None else queue.max_queued
        self.backlog = Backlog(bound, scheduler, self.catalog, executors, entering=self.entrance.count)
        self._draining = False
        self._closed: EngineClosed | None = None  # set once no request is accepted any more
        self.draining = Draining()
        self.entering, self.storage_ok = 0, True
        self._removals = Removals(storage)
        self._delays, self._alarm = Delays(self.post), Alarm(self.post)
        self.questions = StorageQuestions(
            *(self.inspector, storage, self.runs, self._removals, self.record, self._inbox),
            peers=lambda: self._dispatch.peers,
            spawn=lambda work: self.background.spawn(work),
            post=self.post,
            fail_run=self._fail_run,
        )
        self._perform: dict[type[do.Instruction], Callable[[Any], object]] = {
            do.Start: lambda instruction: self._dispatch.start(instruction.tasks),
            do.Collect: lambda instruction: self._outcomes.collected(self._dispatch.collect(instruction.tasks)),
            do.Generate: lambda instruction: self._generators().pull(instruction.task_id),
            do.Close: lambda instruction: self._generators().close(instruction.task_id, dict(instruction.held)),
            do.Cancel: self._cancel,
            do.Delay: self._delays.start,
            do.WakeAt: self._alarm.set,
            do.TryAgain: self._outcomes.report_retry,
            do.GaveUp: self._outcomes.report_given_up,
            do.Remove: self._remove,
            do.Finish: self._finish,
            do.Forget: self._forget,
            do.Resume: lambda _: self._loop.call_soon(self.post, Resumed()),
            do.Offer: lambda _: self._dispatch.offer_again(),
        }

    def open(self) -> None:
        """Open the executors; called on the engine's loop."""
        self._loop = asyncio.get_running_loop()
        # pipes, timers and tasks keep the context in which they are made: it is the opener's, and never a request's
        self._context = contextvars.copy_context()
        self.intake = self.entrance.intake = TurnSlice(self._loop, self._context, INTAKE_SLICE_SECONDS)
        self.background = Background(self._loop, self._context, self._crash)
        self._withdrawals = Withdrawals(self._loop, self._context, self.post, self.runs.__len__)
        if self._leases is not None:
            self._dispatch.peers = self._coordination_by(self._leases)
        self.inspector.around = frozenset(enclosing())
        work = self._report, self._dispatch.start_again, self.background.spawn
        unsure = UnsureJobs(self.catalog, self._storage, *work)
        for kind, executor in self._executors.items():
            executor.open(self._for_tasks, unsure.report, self._dispatch.sources[kind])

    def _coordination_by(self, leases: Leases) -> PeerCoordination:
        return PeerCoordination(
            *(leases, self._storage, self._scheduler, self.catalog, self._executors, self._dispatch.sources),
            spawn=self.background.spawn,
            post=self.post_and_settle,
            put_back=self.task_events.put_back,
            waits_for=lambda tasks, holder: self._emit(lambda: engine_events.WaitingForEngine(tasks, *holder)),
            unforced=self.inspector.unforced,
            is_replaced=self.inspector.is_replaced,
            is_idle=self._is_idle,
        )

    async def aclose(self) -> None:
        """End everything that runs, and wait for it."""
        self._refuse(EngineClosed("the engine was closed while this ran; wait for it inside `async with`"))
        await self._withdrawals.withdraw(tuple(self.runs))
        self._delays.clear()
        self._alarm.clear()
        await self._generators.aclose()
        ends = self._dispatch.close_executors()
        early = asyncio.ensure_future(self.record.aclose()) if self._is_idle() else None  # nothing more comes for it
        await ends
        await self._removals.aclose()
        await self.background.aclose()
        if self._dispatch.peers is not None:
            await self._dispatch.peers.aclose()
        await (early or self.record.aclose())
        await self.runs.all_failed()
        self._dispatch.warn_of_unused_limits(self._scheduler.state.slots.unused)

    def kill(self) -> None:
        """Kill everything that runs, and fail all requests; may be called by a signal handler."""
        for executor in self._executors.values():
            executor.kill()
        with suppress(RuntimeError):  # the loop has been closed, and with it the requests
            self._loop.call_soon_threadsafe(self._refuse_after_kill)

    def _refuse_after_kill(self) -> None:
        self._refuse(self._closed or EngineClosed("the engine was killed, and what it ran with it; open another one"))

    def _refuse(self, closed: EngineClosed, error: Exception | None = None) -> None:
        """Fail the requests, those that follow with ``closed``."""
        self._closed = closed
        self.entrance.open_wide(self._loop)
        self.runs.fail(error or closed, self._loop)

    # -- requests

    def entered(self) -> None:
        """Note that the targets of a request have been collected."""
        self.entering -= 1
        if not self.runs:
            self._rest_if_idle()
            if not self.entering:
                self.draining.is_idle()

    @property
    def has_failed(self) -> bool:
        """Whether the engine cannot go on."""
        return self._closed is not None

    def stats(self, hits: int) -> EngineStats:
        """Return the engine's statistics; ``hits`` are loads without a request."""
        is_open = not (self._closed or self.draining.refusal)
        return self.tallies.stats(is_open, len(self.runs), hits, self.storage_ok)

    async def start_workers(self, classes: Mapping[Kind, Collection[type]]) -> None:
        """Have executors start their workers, and wait until these have imported what classes need."""
        await asyncio.gather(*(self._executors[kind].start_workers(of_kind) for kind, of_kind in classes.items()))

    def _rest_if_idle(self) -> None:
        """Hold nothing that a peer may need while there is no work."""
        peers = self._dispatch.peers
        if peers is not None and peers.joined and self._is_idle():
            peers.rest()

    def _is_idle(self) -> bool:
        if self.runs or self.entering:
            return False
        return not self._scheduler.state.active or next(self._scheduler.active_specs(), None) is None

    def can_read(self, output: Output[Any]) -> bool:
        """Whether an output, if it exists, is what a request for it would give."""
        if self._closed is not None or (self.inspector.forced and self.inspector.forces) or code_is_checked():
            return False
        source = output.__dict__.get("src_task")
        return source is None or id(type(source)) in self._defaults.class_registry.known

    def request(self, parts: TargetParts, find: FindOutputs, options: RequestOptions) -> RequestedRun:
        """Request outputs and tasks: the first part. ``find`` selects the targets' outputs that have certain keys."""
        refused = self._closed or self.draining.refusal
        if refused is not None:
            raise refused
        keys, tasks = tuple(parts.first.outputs), tuple(parts.first.tasks)
        run = self.runs.add(keys, tasks, options, find, self._loop.create_future())
        self.record.requested(run)
        if self._broadcast.has_listeners:
            about = parts.targets, dict(options.attributes), (trace := current_trace()).traceparent, trace.tracestate
            self.emit(lambda: engine_events.RunStarted(*about, time=run.at, run_id=run.id))
        if parts.are_more:
            self.questions.hold(run.number)
        how = options.on_error, options.priority, options.fairness_key
        self.post(RunRequested(run.number, keys, tasks, *how, parts.are_more), parts.first)
        return run

    def prune(self, task_id: str, reason: str) -> bool:
        """Let a running task end early. Returns whether it was running."""
        if is_running := self._dispatch.prune(task_id):
            self.emit(lambda: engine_events.TaskPruned(task_id, reason, run_id=self.runs.id_for(task_id)))
        return is_running

    def emit(self, make_event: Callable[[], engine_events.EngineEvent]) -> None:
        """Emit an event about a request, in the context of the engine's opener."""
        self._context.copy().run(self._emit, make_event)

    def why(self, task_id: str) -> Why:
        """Return what a task waits for."""
        from alexflow.engine.why import why  # deferred: seldom asked for

        return why(self._scheduler, task_id, self._delays.left, self.catalog.tasks, self._executors, self._leases)

    def cancel_run(self, run: RequestedRun) -> None:
        """Withdraw a request whose caller has left."""
        if run.number in self.runs:
            run.withdrawn = True
            self._withdrawals.add(run.number)

    def _fail_run(self, number: int, error: BaseException) -> None:
        run = self.runs.get(number)
        if run is not None and not run.end.done():
            run.end.set_exception(error)
        self.post(RunsCancelled((number,)))

    def invalidate_caches(self) -> None:
        """Drop cached reads: outputs may have been removed, or are about to be, and made again."""
        self._for_tasks.invalidate()
        for executor in self._executors.values():
            executor.invalidate()

    # -- events

    def post(self, event: Event, subjects: Subjects = NO_SUBJECTS) -> None:
        """Take an event, with the users' objects behind its names."""
        self._inbox.append((event, subjects))
        if not self._draining:
            self._context.copy().run(self._drain)

    def _drain(self) -> None:
        self._draining = True
        try:
            deadline = self._loop.time() + DRAIN_SLICE_SECONDS
            while self._inbox:
                event, subjects = self._inbox.popleft()
                if type(event) in INVALIDATING and (type(event) is not Verified or event.missing):
                    self.invalidate_caches()
                now = self._loop.time() if self._scheduler.is_timed else 0.0
                instructions = self._scheduler.handle(event, now)
                if type(event) is Inspected:
                    self.storage_ok = True
                    self._enter(event, subjects)
                elif type(event) is InspectionFailed:
                    self.storage_ok = not is_a(event.error, StorageUnavailable)
                for instruction in instructions:
                    if type(instruction) is do.Inspect:
                        asked = subjects.asked(instruction.keys, instruction.tasks, instruction.question)
                        self.questions.ask(asked, event)
                    elif type(instruction) is do.Verify:
                        self.questions.verify(instruction, subjects.stored)
                    else:
                        self._perform[type(instruction)](instruction)
                if self._inbox and self._loop.time() > deadline:
                    self._loop.call_soon(self._drain)
                    return  # still draining: events that arrive now wait
            self._draining = False
            if not self.runs:
                self._rest_if_idle()
            self.task_events.watch_waits()
        except BaseException as error:  # a fault of the engine: it cannot go on
            self._draining = False
            self._crash(error)
            if is_ctrl_c(error):
                raise
        finally:
            self.entrance.let_in()

    def _enter(self, event: Inspected, subjects: Subjects) -> None:
        """Keep the tasks that the scheduler wants, now that it has their descriptions."""
        wanted = self._scheduler.wanted(subjects.described)
        self._dispatch.enter({task_id: subjects.described[task_id] for task_id in wanted})
        if self._broadcast.has_listeners:
            self.task_events.planned(wanted)
            if found := self._scheduler.state.found:
                self.task_events.found(*found)

    def _crash(self, error: BaseException) -> None:
        logger.critical("the engine failed", exc_info=error)
        closed = EngineClosed(f"the engine failed: {repr_of(error)}")
        closed.__cause__ = as_cause(error)
        is_error = is_a(error, Exception) and not is_a(error, StopIteration)
        self._refuse(closed, cast(Exception, error) if is_error else None)
        self.runs.clear()

    # -- instructions

    async def post_and_settle(self, event: Event, subjects: Subjects = NO_SUBJECTS) -> None:
        """Take an event, and wait until it has been handled."""
        if type(event) is DoneByPeer:
            self.task_events.made_elsewhere(event.tasks)
        elif type(event) is HeldByPeer and self.task_events.watched:
            self.task_events.elsewhere(event.tasks)
        self.post(event, subjects)
        while self._draining:  # noqa: ASYNC110  # each turn handles a slice
            await asyncio.sleep(0)

    def _cancel(self, instruction: do.Cancel) -> None:
        for task_id in self._dispatch.cancel(instruction.tasks):
            self.post(Cancelled((task_id,)))

    def _remove(self, instruction: do.Remove) -> None:
        self.invalidate_caches()
        self._emit(lambda: engine_events.OutputsRemoved(instruction.keys))
        self._removals.start(instruction.keys, self.background)

    def _finish(self, instruction: do.Finish) -> None:
        run = self.runs.pop(instruction.run_id, None)
        self.tallies.finished(instruction)
        if run is not None:
            if self._broadcast.has_listeners:
                self._broadcast.emit(finished_event(run, instruction))
            if not run.end.done():
                run.end.set_result(instruction)
        if not self.runs and not self.entering:
            self.catalog.producers.clear()
            self.draining.is_idle()

    def _forget(self, instruction: do.Forget) -> None:
        self._outcomes.forget(instruction.tasks)
        self.inspector.outdated.drop_unclaimed(instruction.tasks)
        self.task_events.forgotten(instruction.tasks)
        self._dispatch.forget(instruction.tasks)

    # -- outcomes

    def _report(self, outcomes: Sequence[Settled]) -> None:
        ahead = self._dispatch.ended(outcomes)
        self.backlog.learn(outcomes)
        waits = self._draining or self._inbox  # which may change what becomes ready
        self._inbox += self._outcomes.events(outcomes, () if waits else ahead)
        if self.inspector.forced:
            self.inspector.have_run(outcome.task_id for outcome in outcomes if isinstance(outcome, Done))
        if not self._draining:
            self._context.copy().run(self._drain)

    def _generated(self, event: Event, subjects: Subjects | None = None) -> None:
        """Take an event of a dynamic task: children (``subjects``), or its end."""
        if subjects is None:
            event, subjects = self._outcomes.of_dynamic(event)
        self.post(event, subjects)
