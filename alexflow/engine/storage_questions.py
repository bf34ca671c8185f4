"""The scheduler's questions to the storage: what exists, and whether a run's targets do at its end."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Any

from alexflow.engine.peers import PeerCoordination
from alexflow.engine.recording import EngineRecorder
from alexflow.engine.removals import Removals
from alexflow.engine.requested_run import RequestedRuns
from alexflow.errors import StorageUnavailable
from alexflow.executors.turn_slice import TurnSlice
from alexflow.graph import NO_SUBJECTS, Inspector, Subjects
from alexflow.hooks import passes
from alexflow.model import Output
from alexflow.scheduler.events import Event, RunRequested, TargetsAdded, Verified
from alexflow.scheduler.instructions import Verify
from alexflow.storage import Storage

#: Up to this many outputs or tasks are inspected without a task of their own on the loop.
INSPECTED_AT_ONCE = 32

#: How long outputs and tasks are looked at in one turn of the event loop.
LOOK_SLICE_SECONDS = 0.001

#: Up to this many outputs are looked for between two turns of the event loop at the end of a run.
VERIFIED_PER_TURN = 512

#: What waits to be handled: events, with the users' objects behind their names.
EventInbox = deque[tuple[Event, Subjects]]


class StorageQuestions:
    """Answers them: at once where the storage does and few things are asked for, else in the background.

    Args:
        inspector: looks at outputs and tasks.
        storage: holds the outputs.
        runs: the requests.
        removals: those in progress; until they have ended, nothing is inspected.
        record: gets what tasks are made from, before they are wanted.
        inbox: gets answers that come at once.
        peers: gives the coordination with other engines, if there may be any.
        spawn: starts work on the loop.
        post: takes events.
        fail_run: ends a run with an error.
    """

    def __init__(
        self,
        inspector: Inspector,
        storage: Storage,
        runs: RequestedRuns,
        removals: Removals,
        record: EngineRecorder,
        inbox: EventInbox,
        *,
        peers: Callable[[], PeerCoordination | None],
        spawn: Callable[[Callable[[], Awaitable[None]]], asyncio.Task[None]],
        post: Callable[[Event, Subjects], None],
        fail_run: Callable[[int, BaseException], None],
    ):
        self._inspector = inspector
        self._storage = storage
        self._runs = runs
        self._removals = removals
        self._record = record
        self._inbox = inbox
        self._peers = peers
        self._spawn = spawn
        self._post = post
        self._fail_run = fail_run
        self._turns: TurnSlice | None = None  # made where it is first used, in a task of the engine's
        self._held: dict[int, list[Subjects]] = {}  # by run: what is asked for once all its targets are known

    def hold(self, run: int) -> None:
        """Gather the questions of a request that enters in parts."""
        self._held[run] = []

    def ask_held(self, run: int) -> None:
        """Ask what has been gathered."""
        questions = self._held.pop(run, None)
        if questions:
            self._spawn(partial(self._look, tuple(self._removals.in_progress), questions))

    def ask(self, question: Subjects, because: Event) -> None:
        """Inspect outputs and tasks, because of an event."""
        held = self._held.get(because.run_id) if isinstance(because, (RunRequested, TargetsAdded)) else None
        if held is None:
            self._inspect(question)
        else:
            held.append(question)

    def _inspect(self, question: Subjects) -> None:
        peers = self._peers()
        begin = None if peers is None or peers.joined else peers.begin_now
        if (
            not self._removals.in_progress
            and self._storage.answers_at_once
            and len(question.outputs) + len(question.tasks) <= INSPECTED_AT_ONCE
        ):
            answers = self._inspector.look_now(question, begin)
            if answers is not None:
                self._inbox.extendleft(reversed(answers))
                for event, _ in answers:
                    self._record.found(event)
                return
        self._spawn(partial(self._look, tuple(self._removals.in_progress), [question]))

    async def _look(self, removals: tuple[asyncio.Task[None], ...], questions: list[Subjects]) -> None:
        if removals:
            await asyncio.wait(removals)
        peers = self._peers()
        if peers is not None:
            try:
                await peers.begin()  # first: what a peer makes after this inspection is made twice
            except StorageUnavailable as error:
                for question in questions:
                    await self._take_turn(*self._inspector.cannot_look(question, error))
                return
        await self._record.look(partial(self._inspector.look, questions, self._pause), self._take_turn)

    async def _take_turn(self, event: Event, subjects: Subjects) -> None:
        self._record.found(event)
        self._post(event, subjects)
        await self._pause()

    async def _pause(self) -> None:
        """Let others have their turn: until the next one, or one in which not too many others look."""
        await asyncio.sleep(0)
        if self._turns is None:
            self._turns = TurnSlice(asyncio.get_running_loop(), contextvars.copy_context(), LOOK_SLICE_SECONDS)
        if self._turns.must_wait():
            await self._turns.wait()

    def verify(self, instruction: Verify, stored: Sequence[Collection[str]]) -> None:
        """Look for the targets that a run has made.

        Args:
            instruction: names them.
            stored: what has just been published, as it was reported: that is not looked for.
        """
        run, keys = self._runs.get(instruction.run_id), instruction.keys
        if run is not None and not run.options.verify:
            keys = ()
        elif len(keys) <= INSPECTED_AT_ONCE:
            for published in stored:
                keys = tuple([key for key in keys if key not in published])
        if keys and self._storage.answers_at_once and len(keys) <= INSPECTED_AT_ONCE:
            try:
                missing = set(keys) - self._storage.exists_many(keys)
            except BaseException:  # as in _verify
                missing = set(keys)
            keys = keys if missing else ()
        if keys:
            self._spawn(partial(self._verify, instruction.run_id, keys))
        else:
            self._inbox.append((Verified(instruction.run_id), NO_SUBJECTS))

    async def _verify(self, run_id: int, keys: Sequence[str]) -> None:
        run = self._runs.get(run_id)
        lost: dict[str, Output[Any]] = {}
        try:
            missing = await self._missing(keys)
            if run is not None and missing:
                lost = run.find(missing)
        except BaseException as error:  # of the storage or the target: it concerns this request only
            if passes(error):
                raise
            self._fail_run(run_id, self._inspector.of_storage(error))
        self._post(Verified(run_id, tuple(lost)), Subjects(lost, {}, {}))

    async def _missing(self, keys: Sequence[str]) -> set[str]:
        """Select the keys that do not exist; a server is asked about all in one piece."""
        missing: set[str] = set()
        at_once = VERIFIED_PER_TURN if self._storage.answers_at_once else len(keys)
        for start in range(0, len(keys), at_once):
            some = keys[start : start + at_once]
            missing |= set(some) - await self._storage.aexists_many(some)
        return missing
