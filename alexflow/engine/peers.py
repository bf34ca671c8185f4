"""Who may run here what is ready to run, where several engines use one storage.

While this engine is the only one, everything it starts goes straight to the executors, and nothing is asked. Once there
is another, tasks wait here, and those are let in whose outputs this engine has leased: as many as are soon begun, so
that there is something left for the others. A task that another engine holds goes back to the scheduler, and is looked
at again from time to time; a task whose outputs turn out to exist is done.

It stays so until there is nothing to do any more: as long as other engines come and go, what was missing when it was
looked at may have been made since.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import islice

from alexflow.engine.peer_waits import Waiting
from alexflow.errors import StorageError
from alexflow.executors.interface import Done, Executor, Job, Outcome
from alexflow.graph import Catalog, Kind
from alexflow.logs import logger
from alexflow.scheduler import Scheduler
from alexflow.scheduler.events import DoneByPeer, Event, HeldByPeer, ReleasedByPeer
from alexflow.storage import Storage
from alexflow.storage.leases import Holder, Leases, NoLeases

#: Tasks that are looked at in one go.
AT_ONCE = 256

#: Tasks that are known to be held by others; when there are more, no further ones are tried.
MOST_ELSEWHERE = 2048

#: Work for a worker process that is let in ahead, at most so many tasks.
AHEAD_SECONDS, MOST_AHEAD = 0.02, 128

#: Tasks let in at once, of one kind: the kernel goes through all locks that are held.
MOST_INSIDE = 1000


class Room:
    """How many tasks may be with an executor at once.

    Args:
        places: how many it runs at once.
        ahead: whether it is given short tasks in advance.
    """

    def __init__(self, places: int, *, ahead: bool = False):
        self._places = places
        self._ahead = ahead
        self._seconds = 0.0  # that a task takes, recent ones more than old ones; 0 if nothing is known
        self.inside: set[str] = set()

    @property
    def free(self) -> int:
        """How many more may be let in."""
        each = 1
        if self._ahead and self._seconds:
            each = min(MOST_AHEAD, max(1, int(AHEAD_SECONDS / self._seconds)))
        return min(self._places * each, MOST_INSIDE) - len(self.inside)

    def learn(self, seconds: float) -> None:
        """A task took so long."""
        self._seconds += (seconds - self._seconds) / 8 if self._seconds else seconds


class Admission:
    """Lets jobs through to the executors.

    Args:
        leases: this engine's.
        storage: where outputs are.
        scheduler: knows what is at work.
        catalog: the users' tasks behind the scheduler's names.
        executors: where jobs run.
        spawn: begins work on the loop; what it raises is a fault of the engine's.
        post: takes events for the scheduler, and returns when they have been handled.
        started: told of tasks that are handed to executors.
        put_back: told of tasks that are taken from them before they began.
        waits_for: told of other engines that hold what this one is to make, and how many tasks that is.
        is_forced: whether a task is to run though its outputs exist.
        is_replaced: whether a task that is forced makes a key that exists.
        is_idle: whether there is nothing to do.
    """

    def __init__(
        self,
        leases: Leases,
        storage: Storage,
        scheduler: Scheduler,
        catalog: Catalog,
        executors: Mapping[Kind, Executor],
        *,
        spawn: Callable[[Callable[[], Awaitable[None]]], asyncio.Task[None]],
        post: Callable[[Event], Awaitable[None]],
        started: Callable[[Iterable[str]], None],
        put_back: Callable[[Iterable[str]], None],
        waits_for: Callable[[int, Holder], None],
        is_forced: Callable[[str], bool],
        is_replaced: Callable[[str], bool],
        is_idle: Callable[[], bool],
    ):
        self._leases = leases
        self._storage = storage
        self._scheduler = scheduler
        self._catalog = catalog
        self._executors = executors
        self._rooms = {kind: Room(executor.places, ahead=kind == "process") for kind, executor in executors.items()}
        self._spawn = spawn
        self._post = post
        self._started = started
        self._put_back = put_back
        self._is_forced = is_forced
        self._is_replaced = is_replaced
        self._is_idle = is_idle
        #: Whether other engines know of this one, or never will.
        self.here = False
        #: Whether jobs need not come here, because no other engine is there.
        self.open = True
        self._told_why_not = False
        self._waits = Waiting(waits_for)
        self._door = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self._letting_in = False
        self._waiting: dict[Kind, OrderedDict[str, Job]] = {kind: OrderedDict() for kind in executors}
        self._entering: dict[str, Job] = {}  # being leased
        self._elsewhere: dict[str, Job] = {}
        self._held: dict[str, tuple[str, ...]] = {}  # outputs leased, by task

    # -- beginning and end

    async def begin(self) -> None:
        """There is something to make: be there for other engines before it is looked for what is missing.

        Raises:
            StorageUnavailable: the storage did not answer.
        """
        if not self.here:
            async with self._door:
                if not self.here:
                    await self._join()

    def begin_now(self) -> bool:
        """:meth:`begin`, if that needs no waiting. Returns whether it has."""
        if not self.here and not self._door.locked():
            try:
                if self._leases.join_now():
                    self._joined()
            except OSError:  # begin() says why
                return False
        return self.here

    async def _join(self) -> None:
        try:
            await self._leases.join()
        except OSError as error:  # what it means for publishing will be told by whoever publishes
            self._tell_why_not(error)
            await self._leave()
            self.here = True
        else:
            self._joined()

    def _joined(self) -> None:
        self.open = self._leases.everything
        self.here = True
        if self._watching is None:
            self._watching = self._spawn(self._watch)

    def _tell_why_not(self, error: OSError) -> None:
        if not self._told_why_not:
            self._told_why_not = True
            level = logging.WARNING if isinstance(error, NoLeases) else logging.INFO  # else nothing can be published
            logger.log(level, "there are no leases, so other engines may do the same work: %s", error)

    def rest(self) -> None:
        """There is nothing to do: hold nothing from now on, if that takes no time; else soon."""
        if self._leases.rests_at_once or self._watching is None:
            self._forget_all()
            self._leases.rest()

    async def aclose(self) -> None:
        """Let go of everything; called when nothing runs any more."""
        async with self._door:
            self._watching = None
            self._forget_all()
            await self._leave()

    async def _leave(self) -> None:
        try:
            await self._leases.leave()
        except (OSError, StorageError) as error:  # the storage's; nothing depends on it
            logger.info("what leases need could not be removed from the storage: %s", error)

    async def _watch(self) -> None:
        every = min(self._leases.look_every, self._leases.ttl / 4)
        while True:
            await asyncio.sleep(every * (0.5 + os.urandom(1)[0] / 255))  # half as much more or less
            async with self._door:
                if not self.here or self._is_idle():
                    self._watching = None
                    self._forget_all()
                    return await self._leave()
            try:
                await self._look_around()
            except Exception as error:  # the storage's; what it means is told by whoever else uses it
                logger.warning("leases could not be looked after: %r", error)

    def _forget_all(self) -> None:
        """There is nothing to do."""
        self.here = False
        self.open = True
        self._held.clear()
        for room in self._rooms.values():
            room.inside.clear()

    async def _look_around(self) -> None:
        lapsed = await self._leases.renew()
        if lapsed:
            logger.warning(
                "this engine stood still for longer than its leases last (%g s); other engines may have taken over "
                "what it was running, and then their results stay",
                self._leases.ttl,
            )
        if self.open and self._leases.has_peers():
            await self._share()
        elif lapsed and not self.open:
            self._recall()
        if self._elsewhere:
            await self._look_elsewhere()
        await self._waits.look(self._leases, self._elsewhere_first(), is_at_work=any(self._held))
        self._advance()

    # -- when another engine has come

    async def _share(self) -> None:
        """Hold only what is at work; what has not begun is as much the other engine's as ours."""
        self.open = False
        self._recall()
        for spec in self._scheduler.active_specs():
            task_id = spec.task_id
            if not any(task_id in waiting for waiting in self._waiting.values()):
                self._held[task_id] = spec.outputs
                self._rooms[self._catalog.tasks[task_id].kind].inside.add(task_id)
        for executor in self._executors.values():
            for job in executor.ahead():
                self._held.setdefault(job.task_id, self._outputs(job))
        await self._leases.keep_only(key for keys in self._held.values() for key in keys)

    def _recall(self) -> None:
        for kind, executor in self._executors.items():
            jobs = executor.recall()
            for job in jobs:
                self._waiting[kind][job.task_id] = job
                self._rooms[kind].inside.discard(job.task_id)
            task_ids = [job.task_id for job in jobs]
            self._release(task_ids)
            self._put_back(task_ids)

    # -- one job

    def admit(self, kind: Kind, jobs: Iterable[Job]) -> None:
        """These are to run, if no other engine is at them."""
        self._waiting[kind].update((job.task_id, job) for job in jobs)
        self._advance()

    def cancel(self, task_id: str) -> bool:
        """A job is not wanted any more. Returns whether it was still here; then no outcome will come of it."""
        found = self._entering.pop(task_id, None) or self._elsewhere.pop(task_id, None)
        for waiting in self._waiting.values():
            found = waiting.pop(task_id, None) or found
        return found is not None

    def over(self, outcomes: Iterable[Outcome]) -> None:
        """These have ended, well or not."""
        for outcome in outcomes:
            if isinstance(outcome, Done):
                for room in self._rooms.values():
                    if outcome.task_id in room.inside:
                        room.learn(outcome.seconds)
        self.forget(outcome.task_id for outcome in outcomes)

    def forget(self, task_ids: Iterable[str]) -> None:
        """These are over, or not wanted any more."""
        task_ids = tuple(task_ids)
        for task_id in task_ids:
            self._elsewhere.pop(task_id, None)
            for room in self._rooms.values():
                room.inside.discard(task_id)
        self._release(task_ids)
        self._advance()

    def _release(self, task_ids: Iterable[str]) -> None:
        for task_id in task_ids:
            keys = self._held.pop(task_id, None)
            if keys:
                self._leases.release(keys)

    def _outputs(self, job: Job) -> tuple[str, ...]:
        return self._catalog.tasks[job.task_id].spec.outputs

    # -- letting in

    def _advance(self) -> None:
        """Let in what there is room for."""
        if not self._letting_in and not self.open and self._next_kind() is not None:
            self._letting_in = True
            self._spawn(self._let_in)

    def _next_kind(self) -> Kind | None:
        if len(self._elsewhere) >= MOST_ELSEWHERE:
            return None
        return next((kind for kind, waiting in self._waiting.items() if waiting and self._rooms[kind].free > 0), None)

    async def _let_in(self) -> None:
        try:
            while (kind := self._next_kind()) is not None:
                waiting = self._waiting[kind]
                jobs = [
                    waiting.popitem(last=False)[1] for _ in range(min(len(waiting), self._rooms[kind].free, AT_ONCE))
                ]
                await self._enter(kind, jobs)
                await asyncio.sleep(0)
        finally:
            self._letting_in = False

    async def _enter(self, kind: Kind, jobs: list[Job]) -> None:
        self._entering = {job.task_id: job for job in jobs}
        ours = {task_id for task_id in self._entering if task_id in self._held}  # begun ahead of its time
        wanted = {task_id: self._outputs(job) for task_id, job in self._entering.items() if task_id not in ours}
        taken = await self._leases.take(wanted)
        self._held.update((task_id, wanted[task_id]) for task_id in taken)
        held = [task_id for task_id in wanted if task_id not in taken and task_id in self._entering]
        for task_id in held:
            self._elsewhere[task_id] = self._entering.pop(task_id)
        if held:
            await self._post(HeldByPeer(tuple(held)))
        made = await self._made({id: keys for id, keys in wanted.items() if id in taken and id in self._entering})
        if made:
            await self._say_made(made)
        for task_id in list(self._entering):
            if task_id not in ours:
                await self._look_behind(task_id)
        entering, self._entering = self._entering, {}
        self._rooms[kind].inside.update(entering)
        self._release(task_id for task_id in taken if task_id not in entering)  # cancelled meanwhile
        if entering:
            self._started(entering)
            self._executors[kind].submit(list(entering.values()))

    async def _look_behind(self, task_id: str) -> None:
        """What a task is to make may have been made, read, and removed; those who read it are done then."""
        readers = {spec.task_id: spec.outputs for spec in self._scheduler.readers_of_ephemeral(task_id)}
        if readers:
            await self._say_made(await self._made(readers))

    async def _made(self, tasks: Mapping[str, tuple[str, ...]]) -> list[str]:
        """Those of these tasks whose outputs all exist."""
        tasks = {task_id: keys for task_id, keys in tasks.items() if keys and not self._is_forced(task_id)}
        if not tasks:
            return []
        try:
            keys = [key for keys in tasks.values() for key in keys]
            published = {place: key for task_id in tasks for key, place in self._serves(task_id)}
            found = await self._storage.aexists_many([*keys, *published.values()] if published else keys)
            found |= {place for place, key in published.items() if key in found}
        except Exception as error:  # the storage's; who runs will meet it, and tell
            logger.warning("could not look for what other engines have made: %r", error)
            return []
        return [task_id for task_id, keys in tasks.items() if found.issuperset(keys)]

    def _serves(self, task_id: str) -> Sequence[tuple[str, str]]:
        """What a task makes for a dynamic one and where that is held; once it is published, the task is done."""
        described = self._catalog.tasks.get(task_id)
        serves = described.spec.serves if described is not None else ()
        return [pair for pair in serves if not self._is_replaced(pair[0])] if serves else serves

    async def _say_made(self, task_ids: list[str]) -> None:
        for task_id in task_ids:
            self.cancel(task_id)
        if task_ids:
            await self._post(DoneByPeer(tuple(task_ids)))

    # -- what others hold

    def _elsewhere_first(self) -> dict[str, tuple[str, ...]]:
        """Some of the tasks that other engines hold."""
        return {task_id: self._outputs(job) for task_id, job in islice(self._elsewhere.items(), AT_ONCE)}

    async def _look_elsewhere(self) -> None:
        task_ids = list(self._elsewhere)
        for start in range(0, len(task_ids), AT_ONCE):
            some = {
                id: self._outputs(job) for id in task_ids[start : start + AT_ONCE] if (job := self._elsewhere.get(id))
            }
            await self._say_made(await self._made(some))
            held = await self._leases.held_by_peers({id: keys for id, keys in some.items() if id in self._elsewhere})
            free = [id for id in some if id not in held and self._elsewhere.pop(id, None) is not None]
            if free:
                await self._post(ReleasedByPeer(tuple(free)))
            await asyncio.sleep(0)
