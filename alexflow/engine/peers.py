"""Coordination with peers: which ready tasks this engine runs where several engines use one storage.

While this engine is alone, executors take what is ready and no lease is taken. Once it has peers, what is ready waits
here for its lease, and executors take what is admitted because this engine has leased its outputs: as much as starts
soon, so that the peers find work, too. A task that a peer holds goes back to the scheduler and is checked again from
time to time; a task whose outputs turn out to exist is done.

That lasts until the engine is idle: as long as peers come and go, an output that was missing when it was looked for may
exist by now.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice

from alexflow.engine.peer_waits import PeerWaits
from alexflow.engine.quota import Quota
from alexflow.engine.ready_jobs import ReadyJobs
from alexflow.engine.standstill import note_at_work
from alexflow.errors import StorageError, StorageUnavailable
from alexflow.executors.interface import Done, Executor, Job, Settled
from alexflow.graph import Catalog, Kind
from alexflow.logs import logger
from alexflow.scheduler import Scheduler
from alexflow.scheduler.events import DoneByPeer, Event, HeldByPeer, PutBack, ReleasedByPeer, SharedBy
from alexflow.storage import Storage
from alexflow.storage.leases import Holder, Leases, NoLeases

#: Tasks that are leased, or checked, in one call.
LEASE_BATCH = 256

#: Tasks held by peers above which no further ones are tried.
MAX_HELD_BY_PEERS = 2048

#: Looks of a peer after which it has noticed an engine that has joined, also if it is busy.
NOTICED_AFTER_LOOKS = 3
#: Seconds from joining, or from finding a task held, to the first looks at peers, so that work is shared at once.
FIRST_POLLS = (0.002, 0.004, 0.008, 0.016, 0.032)

#: The shortest and the longest time between two looks for a peer's output: on a directory (0.1 ms), by requests.
AWAITED_EVERY = (0.002, 0.01)
AWAITED_REMOTELY_EVERY = (0.1, 0.3)
AWAITED_OFTEN = 30.0  # seconds, after which there are longer ones


class PeerCoordination:
    """Admits jobs to the executors, as far as no peer holds them.

    Args:
        leases: this engine's.
        storage: holds the outputs.
        scheduler: holds the tasks that are running.
        catalog: the users' tasks behind the scheduler's names.
        executors: where jobs run.
        sources: from which they take them.
        spawn: starts work on the loop; an exception in it is a fault of the engine.
        put_back: called with tasks that were admitted, are not any more, and have not begun.
        post: takes events for the scheduler, and returns when they have been handled.
        waits_for: called with the number of tasks that wait for a peer, and that peer.
        unforced: selects the tasks that are not to run if their outputs exist.
        is_replaced: whether a forced task makes a key that exists.
        is_idle: whether the engine has no work.

    Attributes:
        joined: whether peers can see this engine, or never will.
        alone: whether jobs need no admission, because there is no peer.
    """

    def __init__(
        self,
        leases: Leases,
        storage: Storage,
        scheduler: Scheduler,
        catalog: Catalog,
        executors: Mapping[Kind, Executor],
        sources: Mapping[Kind, ReadyJobs],
        *,
        spawn: Callable[[Callable[[], Awaitable[None]]], asyncio.Task[None]],
        post: Callable[[Event], Awaitable[None]],
        put_back: Callable[[Sequence[str]], None],
        waits_for: Callable[[int, Holder], None],
        unforced: Callable[[Mapping[str, Sequence[str]]], Awaitable[set[str]]],
        is_replaced: Callable[[str], bool],
        is_idle: Callable[[], bool],
    ):
        self._leases = leases
        self._storage = storage
        self._scheduler = scheduler
        self._catalog = catalog
        self._executors = executors
        self._sources = sources
        self._quotas = {
            kind: Quota(executor, prefetch=executor.kind.prefetches) for kind, executor in executors.items()
        }
        self._spawn = spawn
        self._post = post
        self._put_back = put_back
        self._unforced = unforced
        self._is_replaced = is_replaced
        self._is_idle = is_idle
        self.joined = False
        self.alone = True
        self._has_logged_why_not = False
        self._waits = PeerWaits(waits_for)
        self._lock = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self._next_poll: asyncio.TimerHandle | None = None  # one of the first
        self._first_polls = 0  # of these, how many have been
        self._is_polling = False
        self._parts = 1  # into which limits of rates are shared
        self._is_admitting = self._is_awaiting = False
        self._leasing: dict[str, Job] = {}  # their leases are being taken
        self._at_peers: dict[str, Job] = {}
        self._held: dict[str, tuple[str, ...]] = {}  # outputs leased, by task

    # -- beginning and end

    async def begin(self) -> None:
        """Join the peers, before the engine looks for what is missing: what a peer makes later is then not made twice.

        Raises:
            StorageUnavailable: the storage did not answer.
        """
        if not self.joined:
            async with self._lock:
                if not self.joined:
                    await self._join()

    def begin_now(self) -> bool:
        """:meth:`begin`, if that needs no waiting. Returns whether this engine has joined."""
        if not self.joined and not self._lock.locked():
            try:
                if self._leases.join_now():
                    self._has_joined()
            except OSError:  # begin() reports it
                return False
        return self.joined

    async def _join(self) -> None:
        try:
            await self._leases.join()
        except OSError as error:  # publishing reports what that means for it
            self._log_why_not(error)
            await self._leave()
            self.joined = True
        else:
            self._has_joined()

    def _has_joined(self) -> None:
        self._set_alone(self._leases.everything)
        self.joined = True
        if self._leases.rests_at_once:
            note_at_work(self)
        if self._scheduler.is_timed:
            self._count_parts(anew=True)
        if self._watching is None:
            self._watching = self._spawn(self._watch)
        self._poll_soon()

    def _count_parts(self, *, anew: bool = False) -> None:
        """Share limits of rates with the peers there are."""
        parts = self._leases.parts()
        if parts != self._parts or anew:
            self._parts = parts
            lag = NOTICED_AFTER_LOOKS * self._leases.look_every
            self._spawn(partial(self._post, SharedBy(parts, anew, lag)))

    def _set_alone(self, alone: bool) -> None:
        if alone != self.alone:
            self.alone = alone
            for source in self._sources.values():
                source.alone = alone

    def _poll_soon(self, number: int = 0) -> None:
        """Look at the peers after milliseconds, where that costs no request to a server."""
        if self._leases.rests_at_once and self._next_poll is None and number < len(FIRST_POLLS):
            self._first_polls = number
            self._next_poll = asyncio.get_running_loop().call_later(FIRST_POLLS[number], self._poll_first)

    def _poll_first(self) -> None:
        self._next_poll = None
        if self.joined:
            self._poll_soon(self._first_polls + 1)
            if self._at_peers or (self.alone and self._leases.has_peers()) or self._scheduler.is_timed:
                self._spawn(self._poll)

    def _log_why_not(self, error: OSError) -> None:
        if not self._has_logged_why_not:
            self._has_logged_why_not = True
            # for another reason nothing can be published either
            level = logging.WARNING if isinstance(error, NoLeases) else logging.INFO
            logger.log(level, "there are no leases, so other engines may do the same work: %s", error)

    def rest(self) -> None:
        """Release everything, because the engine is idle: at once if that needs no waiting, otherwise soon."""
        if self._leases.rests_at_once or self._watching is None:
            self._forget_all()
            self._leases.rest()
            if self._next_poll is not None and self._first_polls:  # else it comes soon enough for the next request
                self._next_poll.cancel()
                self._next_poll = None

    async def aclose(self) -> None:
        """Release everything; called when nothing runs any more."""
        async with self._lock:
            self._watching = None
            self._forget_all()
            await self._leave()

    async def _leave(self) -> None:
        try:
            await self._leases.leave()
        except (OSError, StorageError) as error:  # of the storage; nothing depends on it
            logger.info("the files of leases could not be removed from the storage: %s", error)

    async def _watch(self) -> None:
        every = min(self._leases.look_every, self._leases.ttl / 4)
        while True:
            await asyncio.sleep(every * (0.5 + os.urandom(1)[0] / 255))  # plus or minus one half
            async with self._lock:
                if not self.joined or self._is_idle():
                    self._watching = None
                    self._forget_all()
                    return await self._leave()
            await self._poll()

    async def _poll(self) -> None:
        if self._is_polling or not self.joined:
            return
        self._is_polling = True
        try:
            await self._poll_peers()
        except Exception as error:  # of the storage; other requests to it report what that means
            logger.warning("leases could not be renewed: %r", error)
        finally:
            self._is_polling = False

    def _forget_all(self) -> None:
        """Reset everything that concerns peers."""
        self.joined = False
        self._set_alone(True)
        self._held.clear()
        for quota in self._quotas.values():
            quota.in_flight.clear()

    async def _poll_peers(self) -> None:
        if lapsed := await self._leases.renew():
            logger.warning(
                "engine stalled for longer than its lease TTL (%g s); other engines may have taken over its tasks, "
                "and their results are kept",
                self._leases.ttl,
            )
        if self.alone and self._leases.has_peers():
            await self.share()
        elif lapsed and not self.alone:
            await self._recall()
        if self._scheduler.is_timed:
            self._count_parts()
        if self._at_peers:
            await self._look_at_peers()
        await self._waits.look(self._leases, self._some_at_peers(), is_at_work=any(self._held))
        self.advance()

    # -- when a peer has joined

    async def share(self) -> None:
        """Hold only what is running: what has not begun is up to whichever engine leases it first."""
        self._set_alone(False)
        for spec in self._scheduler.active_specs():
            self._held[spec.task_id] = spec.outputs
            self._quotas[self._catalog.tasks[spec.task_id].kind].in_flight.add(spec.task_id)
        for executor in self._executors.values():
            for job in executor.ahead():
                self._held.setdefault(job.task_id, self._outputs(job))
        await self._leases.keep_only(key for keys in self._held.values() for key in keys)

    async def _recall(self) -> None:
        """Give up what was admitted and has not begun: its leases have lapsed."""
        for kind, source in self._sources.items():
            task_ids = [job.task_id for job in source.admitted.take_all()]
            self._quotas[kind].in_flight.difference_update(task_ids)
            self._release(task_ids)
            if task_ids:
                self._put_back(task_ids)
                await self._post(PutBack(tuple(task_ids)))

    # -- one job

    def cancel(self, task_id: str) -> bool:
        """Remove a job that no executor has taken. Returns whether it was there; then it will have no outcome."""
        found = self._leasing.pop(task_id, None) or self._at_peers.pop(task_id, None)
        for source in self._sources.values():
            found = source.admitted.pop(task_id, None) or found
        return found is not None

    def over(self, outcomes: Iterable[Settled]) -> None:
        """Release what jobs held that have ended."""
        for outcome in outcomes:
            if isinstance(outcome, Done):
                for quota in self._quotas.values():
                    if outcome.task_id in quota.in_flight:
                        quota.learn(outcome.seconds)
        self.forget(outcome.task_id for outcome in outcomes)

    def forget(self, task_ids: Iterable[str]) -> None:
        """Release what tasks held that are over, or not wanted any more."""
        task_ids = tuple(task_ids)
        for task_id in task_ids:
            self._at_peers.pop(task_id, None)
            for quota in self._quotas.values():
                quota.in_flight.discard(task_id)
        self._release(task_ids)
        self.advance()

    def _release(self, task_ids: Iterable[str]) -> None:
        for task_id in task_ids:
            keys = self._held.pop(task_id, None)
            if keys:
                self._leases.release(keys)

    def _outputs(self, job: Job) -> tuple[str, ...]:
        return self._catalog.tasks[job.task_id].spec.outputs

    # -- admission

    def advance(self) -> None:
        """Admit what the quotas allow."""
        if not self._is_admitting and not self.alone and self._next_kind() is not None:
            self._is_admitting = True
            self._spawn(self._admit_all)

    def _next_kind(self) -> Kind | None:
        if len(self._at_peers) >= MAX_HELD_BY_PEERS:
            return None
        kinds = (kind for kind, source in self._sources.items() if source.has_ready and self._quotas[kind].free > 0)
        return next(kinds, None)

    async def _admit_all(self) -> None:
        try:
            while (kind := self._next_kind()) is not None:
                jobs = self._sources[kind].take_ready(min(self._quotas[kind].free, LEASE_BATCH))
                await self._enter(kind, jobs)
                await asyncio.sleep(0)
        finally:
            self._is_admitting = False

    async def _enter(self, kind: Kind, jobs: list[Job]) -> None:
        self._leasing = {job.task_id: job for job in jobs}
        ours = {task_id for task_id in self._leasing if task_id in self._held}  # begun speculatively
        wanted = {task_id: self._outputs(job) for task_id, job in self._leasing.items() if task_id not in ours}
        taken = await self._leases.take(wanted)
        self._held.update((task_id, wanted[task_id]) for task_id in taken)
        held = [task_id for task_id in wanted if task_id not in taken and task_id in self._leasing]
        for task_id in held:
            self._at_peers[task_id] = self._leasing.pop(task_id)
        if held:
            self._poll_soon()
            if not self._is_awaiting:
                self._is_awaiting = True
                self._spawn(self._await_peers)
            await self._post(HeldByPeer(tuple(held)))
        made = await self._made({id: keys for id, keys in wanted.items() if id in taken and id in self._leasing})
        if made:
            await self._report_done(made)
        for task_id in list(self._leasing):
            if task_id not in ours:
                await self._find_done_readers(task_id)
        entering, self._leasing = self._leasing, {}
        self._quotas[kind].in_flight.update(entering)
        self._release(task_id for task_id in taken if task_id not in entering)  # cancelled meanwhile
        if entering:
            self._sources[kind].admitted.append_all(entering.values())
            self._executors[kind].offer(list(entering))

    async def _find_done_readers(self, task_id: str) -> None:
        """Report readers of a task's ephemeral outputs that are done: a peer has made, read and removed these."""
        readers = {spec.task_id: spec.outputs for spec in self._scheduler.readers_of_ephemeral(task_id)}
        if readers:
            await self._report_done(await self._made(readers))

    async def _made(self, tasks: Mapping[str, tuple[str, ...]]) -> list[str]:
        """Select the tasks whose outputs all exist."""
        try:
            unforced = await self._unforced(tasks)
            tasks = {task_id: keys for task_id, keys in tasks.items() if keys and task_id in unforced}
            if not tasks:
                return []
            keys = [key for keys in tasks.values() for key in keys]
            published = {place: key for task_id in tasks for key, place in self._serves(task_id)}
            found = await self._storage.aexists_many([*keys, *published.values()] if published else keys)
            found |= {place for place, key in published.items() if key in found}
        except Exception as error:  # of the storage; attempts meet it again and report it
            logger.warning("the outputs of other engines could not be looked for: %r", error)
            if isinstance(error, StorageUnavailable):
                await self._take_back(tasks)  # it has not answered for as long as attempts would wait for it
            return []
        return [task_id for task_id, keys in tasks.items() if found.issuperset(keys)]

    def _serves(self, task_id: str) -> Sequence[tuple[str, str]]:
        """List what a task makes for a dynamic one, and where that is held; once published, the task is done."""
        described = self._catalog.tasks.get(task_id)
        serves = described.spec.serves if described is not None else ()
        return [pair for pair in serves if not self._is_replaced(pair[0])] if serves else serves

    async def _report_done(self, task_ids: list[str]) -> None:
        for task_id in task_ids:
            self.cancel(task_id)
        if task_ids:
            await self._post(DoneByPeer(tuple(task_ids)))

    # -- what peers hold

    def _some_at_peers(self, task_ids: Iterable[str] | None = None) -> dict[str, tuple[str, ...]]:
        """Select the tasks that peers hold, of these or else some, each with its outputs."""
        chosen = tuple(islice(self._at_peers, LEASE_BATCH)) if task_ids is None else task_ids
        return {id: self._outputs(job) for id in chosen if (job := self._at_peers.get(id))}

    async def _await_peers(self) -> None:
        """Look for what peers make as often as is quick beside the time that this takes anyway."""
        shortest, longest = AWAITED_EVERY if self._leases.rests_at_once else AWAITED_REMOTELY_EVERY
        began = time.monotonic()
        try:
            while self._at_peers and self.joined:
                waited = time.monotonic() - began
                every = min(max(shortest, waited / 8), longest if waited < AWAITED_OFTEN else self._leases.look_every)
                await asyncio.sleep(every)
                await self._report_done(await self._made(self._some_at_peers()))
        finally:
            self._is_awaiting = False

    async def _look_at_peers(self) -> None:
        task_ids = list(self._at_peers)
        for start in range(0, len(task_ids), LEASE_BATCH):
            some = self._some_at_peers(task_ids[start : start + LEASE_BATCH])
            await self._report_done(await self._made(some))
            held = await self._leases.held_by_peers(self._some_at_peers(some))
            await self._take_back(id for id in some if id not in held)
            await asyncio.sleep(0)

    async def _take_back(self, task_ids: Iterable[str]) -> None:
        """Have tasks run here that waited for peers."""
        free = tuple(id for id in task_ids if self._at_peers.pop(id, None) is not None)
        if free:
            await self._post(ReleasedByPeer(free))
