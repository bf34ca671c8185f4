"""Tasks on their way to the executors: straight, or through the coordination with peers.

The driver starts, cancels and forgets tasks by their ids. Here that becomes offers to an executor, steps of a dynamic
task, or work for :class:`~alexflow.engine.peers.PeerCoordination` while the storage has other engines.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from alexflow.engine.peers import PeerCoordination
from alexflow.engine.ready_jobs import ReadyJobs
from alexflow.engine.recording import EngineRecorder
from alexflow.engine.tallies import Tallies
from alexflow.engine.task_events import TaskEvents
from alexflow.executors.interface import Done, Executor, Settled
from alexflow.graph import Catalog, Described, Kind
from alexflow.hooks import repr_of
from alexflow.logs import logger
from alexflow.scheduler import Scheduler
from alexflow.scheduler.events import Event, PutBack

if TYPE_CHECKING:
    from alexflow.engine.dynamic import Generators


NOTHING_RESERVED: Mapping[Kind, int] = MappingProxyType({})


class Dispatch:
    """Offers to the executors what is ready.

    Args:
        executors: run jobs, by kind.
        generators: gives what runs dynamic tasks.
        catalog: the users' tasks behind the scheduler's names.
        scheduler: has the ready queue.
        forced: ids of tasks whose outputs are replaced; a set that others change.
        events: emits that tasks are queued and started.
        tallies: counts them, if that is asked for.
        post: takes events for the scheduler.
        reserve: places that tasks of a priority below 0 never take, by kind.
        record: what is written about tasks.

    Attributes:
        peers: the coordination with other engines; None if no other engine could make the same outputs.
        sources: from which executors take jobs, by kind.
        prefetching: executors that get jobs before their turn, by kind.
        has_started: whether any job has been offered. Dynamic tasks are not jobs: no limit applies to them.
    """

    def __init__(
        self,
        executors: Mapping[Kind, Executor],
        generators: Callable[[], Generators],
        catalog: Catalog,
        scheduler: Scheduler,
        forced: set[str],
        events: TaskEvents,
        tallies: Tallies,
        record: EngineRecorder,
        post: Callable[[Event], None],
        reserve: Mapping[Kind, int] = NOTHING_RESERVED,
    ):
        self._executors = executors
        self.prefetching = {kind: each for kind, each in executors.items() if each.kind.prefetches}
        self._generators = generators
        self._catalog = catalog
        self._forced = forced
        self._events = events
        self._tallies = tallies
        self._post = post
        self._ahead: list[str] = []  # tasks that have succeeded before they were ready
        about = scheduler, catalog, forced, events, tallies, record, self._returned, post, self._ahead
        self.sources = {kind: ReadyJobs(kind, *about, each.kind.prefetches) for kind, each in executors.items()}
        self._bounded: list[Kind] = []  # executors that may have so many jobs of a priority below 0
        for kind, places in reserve.items():  # an executor that prefetches reserves places itself
            if kind in executors and kind not in self.prefetching:
                self.sources[kind].bound_below_0(executors[kind].places - places)
                self._bounded.append(kind)
        self._record = record
        self.peers: PeerCoordination | None = None
        self.has_started = self._is_closed = False

    def _admission(self) -> PeerCoordination | None:
        """Return what admits jobs, if they have to be admitted first, because there are peers."""
        peers = self.peers
        return None if peers is None or peers.alone else peers

    def enter(self, tasks: Mapping[str, Described]) -> None:
        """Keep tasks that will run, and let executors prepare for them while the rest of the graph is discovered."""
        known = self._catalog.tasks
        if known.keys().isdisjoint(tasks):
            known.update(tasks)
        else:
            known.update({task_id: each for task_id, each in tasks.items() if task_id not in known})
        kinds = {described.kind for described in tasks.values()}
        for kind in kinds.intersection(self.prefetching):
            self.sources[kind].withheld = True  # some are ready, and start() has not written them into the record
            try:
                self.prefetching[kind].expect([each.task for each in tasks.values() if each.kind == kind])
            finally:
                self.sources[kind].withheld = False
        if self._tallies.survey is not None:
            self._tallies.survey.entered(tasks)

    def start(self, task_ids: Sequence[str]) -> None:
        """Start dynamic tasks, and offer all others to their executors."""
        if self._is_closed:  # a large request leaves in slices, and some of its tasks become ready meanwhile
            return
        self._record.about_to_run([self._catalog.tasks[task_id] for task_id in task_ids], self._forced)
        offers: defaultdict[Kind, list[str]] = defaultdict(list)
        tasks = self._catalog.tasks
        for task_id in task_ids:
            described = tasks[task_id]
            if described.kind == "dynamic":
                if self._tallies.is_kept:
                    self._tallies.generating(task_id)
                if self._events.watched:
                    self._events.began("dynamic", task_id)
                context = self._events.runs.context_for(task_id)
                self._generators().start(described, replace=task_id in self._forced, request=context)
            else:
                offers[described.kind].append(task_id)
        if offers:
            if not (self.has_started or self.prefetching.keys().isdisjoint(offers)):
                self._record.looks_around()
            self.has_started = True
            if self._tallies.is_kept:
                self._tallies.queued([task_id for offered in offers.values() for task_id in offered])
            if self._events.broadcast.has_listeners:
                self._events.queued([task_id for offered in offers.values() for task_id in offered])
            admission = self._admission()
            if admission is not None:
                admission.advance()
            else:
                for kind, offered in offers.items():
                    self._executors[kind].offer(offered)

    def offer_again(self) -> None:
        """Let the executors look again for what is ready."""
        admission = self._admission()
        if admission is not None:
            admission.advance()
        else:
            for executor in self._executors.values():
                executor.offer(())

    def start_again(self, task_ids: Sequence[str]) -> None:
        """Start tasks again whose job has not begun, though an executor had taken it."""
        for task_id in task_ids:
            source = self.sources[self._catalog.tasks[task_id].kind]
            source.put_back([source.job(task_id)])

    def _returned(self, kind: Kind, task_ids: Sequence[str]) -> None:
        self._events.put_back(task_ids)
        if self._tallies.is_kept:
            self._tallies.put_back(task_ids)
        if self._admission() is not None:
            self._executors[kind].offer(task_ids)
        else:
            self._post(PutBack(tuple(task_ids)))

    def cancel(self, task_ids: Iterable[str]) -> list[str]:
        """Cancel tasks.

        Returns:
            Those that had not reached an executor: no outcome will come of them.
        """
        before_start: list[str] = []
        batches: defaultdict[Kind, list[str]] = defaultdict(list)
        admission = self._admission()
        for task_id in task_ids:
            described = self._catalog.tasks.get(task_id)
            if (described is None or described.kind == "dynamic") and self._generators().cancel(task_id):
                continue
            if admission is not None and admission.cancel(task_id):
                before_start.append(task_id)
            else:
                batches[self._catalog.tasks[task_id].kind].append(task_id)
        for kind, of_kind in batches.items():
            self._executors[kind].cancel(of_kind)
        return before_start

    def collect(self, task_ids: Sequence[str]) -> list[Done]:
        """Return the outcomes of tasks that are done without having been started, as they had succeeded before."""
        if self._tallies.is_kept:
            self._tallies.queued(task_ids)
            self._tallies.taken(task_ids)
        return [outcome for executor in self.prefetching.values() for outcome in executor.collect(task_ids)]

    def prune(self, task_id: str) -> bool:
        """Let a running task end early. Returns whether it was running."""
        described = self._catalog.tasks.get(task_id)
        executor = None if described is None else self._executors.get(described.kind)
        return executor is not None and executor.prune(task_id)

    def warn_of_unused_limits(self, unused: Iterable[str]) -> None:
        """Warn of limits for tags that no task had, if any job has been started."""
        if self.has_started and (tags := sorted(unused, key=str)):
            logger.warning(
                "nothing that ran had the tag %s, for which limits= has a limit; "
                "a task's tags are those of its property `tags`",
                ", ".join(map(repr_of, tags)),
            )

    def ended(self, outcomes: Sequence[Settled]) -> tuple[str, ...]:
        """Note that jobs have ended. Returns the tasks that have succeeded with them, before they were ready."""
        admission = self._admission()
        if admission is not None:
            admission.over(outcomes)
        for kind in self._bounded:
            if self.sources[kind].ended(outcomes):
                self._executors[kind].offer(())
        ahead = tuple(self._ahead)
        self._ahead.clear()
        return ahead

    def close_executors(self) -> Awaitable[object]:
        """End what runs. From now on nothing starts, and executors find nothing that is ready."""
        self._is_closed = True
        for source in self.sources.values():
            source.close()
        return asyncio.gather(*(executor.aclose() for executor in self._executors.values()))

    def forget(self, task_ids: Sequence[str]) -> None:
        """Drop what is kept of tasks that are over, or not wanted any more."""
        for executor in self.prefetching.values():
            executor.forget(task_ids)
        self._record.forget(task_ids)
        if self._tallies.is_kept:
            self._tallies.forgotten(task_ids)
        if self._tallies.survey is not None:
            self._tallies.survey.forgotten(task_ids)
        admission = self._admission()
        if admission is not None:
            admission.forget(task_ids)
        tasks = self._catalog.tasks
        for task_id in task_ids:
            described = tasks.pop(task_id, None)
            if described is not None and described.kind == "dynamic":
                self._generators().forget(task_id)
