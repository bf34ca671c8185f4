"""The jobs that executors take: made of the tasks in the scheduler's ready queue, when there is a place for them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import islice

from alexflow.engine.job_queue import JobQueue
from alexflow.engine.recording import EngineRecorder
from alexflow.engine.tallies import Tallies
from alexflow.engine.task_events import TaskEvents
from alexflow.executors.interface import Fits, Job, JobSource, Settled
from alexflow.executors.lacks import Lack
from alexflow.graph import Catalog, Kind
from alexflow.scheduler import Scheduler
from alexflow.scheduler.events import Event, Woken


class ReadyJobs(JobSource):
    """The jobs of one executor.

    Args:
        kind: the executor's name.
        scheduler: has the queue.
        catalog: the users' tasks behind its names.
        forced: ids of tasks whose outputs are replaced; a set that others change.
        events: emits that jobs have begun.
        tallies: counts them, if that is asked for.
        record: what is written about tasks.
        returned: called with the ids of jobs that were put back.
        post: takes events for the scheduler.
        ahead: gets the ids of tasks that have succeeded before they were ready.
        prefetches: whether the executor takes jobs before it has a place for them.

    Attributes:
        alone: whether the executor takes what is ready. While there are peers it takes what has been admitted.
        withheld: whether nothing can be taken now: what has just become ready is not in the record yet.
        admitted: the jobs that have been, in order.
    """

    def __init__(
        self,
        kind: Kind,
        scheduler: Scheduler,
        catalog: Catalog,
        forced: set[str],
        events: TaskEvents,
        tallies: Tallies,
        record: EngineRecorder,
        returned: Callable[[Kind, Sequence[str]], None],
        post: Callable[[Event], None],
        ahead: list[str],
        prefetches: bool,
    ):
        self._kind = kind
        self._scheduler = scheduler
        self._queue = scheduler.ready(kind)
        self._state = scheduler.state
        self._chores = scheduler.state.chores
        self._tasks = catalog.tasks
        self._forced = forced
        self._events = events
        self._broadcast = events.broadcast
        self._runs = events.runs
        self._tallies = tallies
        self._begins_when_taken = not prefetches  # else the executor reports it
        self._record = record
        self._returned = returned
        self._post = post
        self._ahead = ahead
        self.alone = True
        self.withheld = False
        self.admitted = JobQueue()
        self._most_below_0: int | None = None  # jobs of a priority below 0 that the executor may have
        self._below_0: set[str] = set()  # those that it has, if they are bounded

    def __len__(self) -> int:
        if self.withheld:
            return 0
        if self._most_below_0 is not None and len(self._below_0) >= self._most_below_0:
            if self.alone:
                return self._scheduler.ready_before(self._kind, 0)
            return sum(job.priority >= 0 for job in self.admitted.values())
        if self._chores and self.alone:
            return sum(1 for _ in self._scheduler.startable(self._kind))
        return len(self._queue if self.alone else self.admitted)

    def close(self) -> None:
        """Be empty from now on: the executor is being closed, and a large request leaves with ready tasks."""
        self.alone, self._queue, self._chores, self._most_below_0 = True, {}, deque(), None
        self.admitted.clear()

    @property
    def withdrawn(self) -> int:
        return self._scheduler.withdrawn(self._kind)

    def bound_below_0(self, most: int) -> None:
        """Let the executor have only so many jobs of a priority below 0 at once."""
        self._most_below_0 = most

    def ended(self, outcomes: Iterable[Settled]) -> bool:
        """Count that jobs have ended. Returns whether there is room for others now."""
        before = len(self._below_0)
        self._below_0.difference_update(outcome.task_id for outcome in outcomes)
        return len(self._below_0) < before

    def _bounded(self, fits: Fits | None) -> Fits:
        """Add to the conditions of an executor that jobs of a priority below 0 leave places free."""
        room = (self._most_below_0 or 0) - len(self._below_0)

        def fits_there(job: Job) -> bool | None:
            nonlocal room
            if job.priority < 0 and room <= 0:
                return False
            answer = fits is None or fits(job)
            if not answer:
                return answer
            room -= job.priority < 0
            return True

        return fits_there

    @property
    def urgency(self) -> int:
        if self.alone:
            return self._scheduler.priority_of(next(iter(self._queue), ""))
        return next((job.priority for job in self.admitted.values()), 0)

    def keys(self, most: int) -> list[Hashable]:
        if self.alone:
            return [self._tasks[task_id].spec.key for task_id in islice(self._queue, most)]
        return [job.key for job in islice(self.admitted.values(), most)]

    def take(self, limit: int, fits: Fits | None = None) -> list[Job]:
        if self.withheld:
            return []
        if self._most_below_0 is not None:
            fits = self._bounded(fits)
        jobs = self._take(limit, fits) if self.alone else self.admitted.take(limit, fits)
        if self._most_below_0 is not None:
            self._below_0.update(job.task_id for job in jobs if job.priority < 0)
        if self._begins_when_taken and self._broadcast.follows_attempts:
            for job in jobs:
                self.began(job.task_id)
        if self._tallies.is_kept:
            self._tallies.taken([job.task_id for job in jobs])
        return jobs

    def _take(self, limit: int, fits: Fits | None) -> list[Job]:
        jobs: list[Job] = []
        task_ids: list[str] = []
        for task_id in self._queue if not self._chores else self._scheduler.startable(self._kind):
            if len(jobs) >= limit:
                break
            job = self.job(task_id)
            answer = fits is None or fits(job)
            if answer:
                jobs.append(job)
                task_ids.append(task_id)
            elif answer is not None:
                break
        if task_ids:
            self._begin(task_ids)
        return jobs

    @property
    def watched(self) -> bool:
        return self._broadcast.has_listeners

    def began(
        self,
        task_id: str,
        worker: int = 0,
        *,
        host: str = "",
        devices: Mapping[str, tuple[int | str, ...]] | None = None,
        cores: tuple[int, ...] = (),
    ) -> None:
        self._events.began(self._kind, task_id, worker, host=host, devices=devices, cores=cores)

    def passed_over(self, task_id: str, lack: Lack) -> None:
        self._events.passed_over(task_id, lack)

    @property
    def has_ready(self) -> bool:
        """Whether there is a task in the ready queue."""
        return bool(self._queue)

    def take_ready(self, limit: int) -> list[Job]:
        """Take jobs from the ready queue, in order to admit them."""
        ready = self._queue if not self._chores else self._scheduler.startable(self._kind)
        task_ids = list(islice(ready, limit))
        self._begin(task_ids)
        return [self.job(task_id) for task_id in task_ids]

    def __contains__(self, task_id: object) -> bool:
        return task_id in (self._queue if self.alone else self.admitted)

    def claim(self, task_id: str) -> Job | None:
        if self._tallies.is_kept:
            self._tallies.taken([task_id])
        if not self.alone:
            return self.admitted.pop(task_id, None)
        if task_id not in self._queue:
            return None
        self._begin([task_id])
        return self.job(task_id)

    def put_back(self, jobs: Sequence[Job]) -> None:
        self._below_0.difference_update(job.task_id for job in jobs)
        if not self.alone:  # this engine holds their outputs
            self.admitted.put_back(jobs)
        self._returned(self._kind, [job.task_id for job in jobs])

    def successors_of(self, task_id: str) -> Iterable[Job]:
        if not self.alone:
            return ()
        tasks, kind = self._tasks, self._kind
        return [self.job(each) for each in self._scheduler.successors_of(task_id) if tasks[each].kind == kind]

    def may_have_successors(self, task_ids: Sequence[str]) -> bool:
        return self.alone and self._scheduler.may_have_successors(task_ids)

    def ended_ahead(self, task_ids: Sequence[str]) -> None:
        if not self.alone or self._forced:  # each is compared with what it is to be when it is ready
            return
        if self._broadcast.has_listeners or self._events.tracing is not None:  # they get it one by one
            return
        self._ahead += task_ids

    def prefetch(self, jobs: Sequence[Job]) -> None:
        self._record.about_to_run([self._tasks[job.task_id] for job in jobs], self._forced)

    def _begin(self, task_ids: Sequence[str]) -> None:
        """Take tasks from the ready queue; if rates are limited, it counts when."""
        if not self._scheduler.is_timed:
            self._scheduler.begin(self._kind, task_ids)
            return
        loop = asyncio.get_running_loop()
        self._scheduler.begin(self._kind, task_ids, loop.time())
        if self._scheduler.is_due(loop.time()):
            loop.call_soon(self._post, Woken())

    def job(self, task_id: str) -> Job:
        """Make the job of a task."""
        described = self._tasks[task_id]
        return Job(
            task_id,
            described.task,
            described.timeout,
            task_id in self._forced,
            described.outputs,
            described.spec.key,
            self._scheduler.priority_of(task_id) if self._state.prioritized else 0,
            described.needs,
            self._runs.context_for(task_id) if self._runs.have_contexts else None,
        )
