"""Counts of tasks by class and executor, for an engine's statistics.

Scripts ask for none: what is counted per task is counted from the first question on.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from alexflow.early_growth import GROWS_LATER, EarlyGrowth
from alexflow.engine.stats import ClassStats, EngineStats, ExecutorStats, RateStats, TagStats
from alexflow.executors.interface import Done, Executor, Settled, WorkerCounts
from alexflow.graph import Described
from alexflow.scheduler import Scheduler
from alexflow.scheduler.instructions import Finish

if TYPE_CHECKING:
    from alexflow.engine.survey import Survey


class ClassTally:
    """Tasks of one class, of this name, on one executor."""

    __slots__ = ("bytes", "done", "failed", "growth", "name", "queued", "running", "seconds")

    def __init__(self, name: str) -> None:
        self.name = name
        self.queued: OrderedDict[str, float] = OrderedDict()  # since when, by id: the first waits longest
        self.growth = EarlyGrowth(2)  # the first is the ready queue's
        self.running = 0
        self.done = 0
        self.failed = 0
        self.seconds = 0.0
        self.bytes = 0

    @property
    def oldest(self) -> float | None:
        """Since when the task waits that has waited longest."""
        return next(iter(self.queued.values()), None)


class Tallies:
    """The counts of one engine.

    Args:
        tasks: descriptions of the tasks that are not over, by id; others change it.
        scheduler: knows them.
        executors: by name.

    Attributes:
        is_kept: whether tasks are counted by class.
        survey: what is under way; None before the first question.
        by_class: the counts, by the name of the executor, or ``dynamic``, and the class.
        computed, failed, shared, cached: as in :class:`~alexflow.engine.stats.EngineStats`.
    """

    def __init__(self, tasks: Mapping[str, Described], scheduler: Scheduler, executors: Mapping[str, Executor]):
        self._tasks, self._scheduler, self._executors = tasks, scheduler, executors
        self.survey: Survey | None = None
        self.is_kept = False
        self.computed = self.failed = self.shared = self.cached = 0
        self.by_class: dict[tuple[str, type], ClassTally] = {}
        self._of: dict[str, ClassTally] = {}  # of tasks that are queued or run, by id
        self._growth = EarlyGrowth(3)

    def survey_from_now(self) -> Survey:
        """Return what is under way, which is counted from the first call on."""
        from alexflow.engine.survey import Survey  # deferred: only a live page asks

        if self.survey is None:
            self.survey = Survey(self._tasks, self._scheduler, self._executors)
        return self.survey

    def keep_from_now(self) -> None:
        """Count by class from the first call on, with what is queued and runs then."""
        if self.is_kept:
            return
        self.is_kept = True
        queued = [task_id for kind in self._executors for task_id in self._scheduler.ready(kind)]
        running = list({spec.task_id for spec in self._scheduler.active_specs()}.difference(queued))
        self.queued(queued)
        self.queued(running)
        self.taken(running)

    # -- what happens

    def queued(self, task_ids: Iterable[str]) -> None:
        """Note that tasks wait for a place."""
        now = time.monotonic()
        for task_id in task_ids:
            described = self._tasks[task_id]
            kind = described.kind, type(described.task)
            tally = self.by_class.get(kind)
            if tally is None:
                tally = self.by_class[kind] = ClassTally(task_id.rpartition(".")[0])
            self._of[task_id] = tally
            tally.queued[task_id] = now
        if len(self._of) > GROWS_LATER:  # no table of a class is larger
            self._growth.look(self._of)
            for tally in self.by_class.values():
                tally.growth.look(tally.queued)

    def taken(self, task_ids: Iterable[str]) -> None:
        """Note that executors have taken tasks."""
        for task_id in task_ids:
            tally = self._of.get(task_id)
            if tally is not None and tally.queued.pop(task_id, None) is not None:
                tally.running += 1

    def generating(self, task_id: str) -> None:
        """Note that a dynamic task generates, which waits for no place."""
        if task_id not in self._of:
            self.queued([task_id])
            self.taken([task_id])

    def failed_to_generate(self, task_id: str) -> None:
        """Note that it has failed."""
        tally = self._of.pop(task_id, None)
        if tally is not None:
            tally.running -= 1
            tally.failed += 1

    def put_back(self, task_ids: Iterable[str]) -> None:
        """Note that tasks wait again that had been taken."""
        for task_id in task_ids:
            tally = self._of.get(task_id)
            if tally is not None and task_id not in tally.queued:
                tally.running -= 1
                tally.queued[task_id] = time.monotonic()

    def settled(self, outcomes: Sequence[Settled]) -> None:
        """Note the ends of attempts."""
        for outcome in outcomes:
            tally = self._of.pop(outcome.task_id, None)
            if tally is not None:
                if tally.queued.pop(outcome.task_id, None) is None:
                    tally.running -= 1
                if isinstance(outcome, Done):
                    tally.done += 1
                    tally.seconds += outcome.seconds
                    if outcome.usage is not None:
                        for size, _ in outcome.usage.stored.values():
                            tally.bytes += size
                elif outcome.reason != "cancelled":
                    tally.failed += 1

    def forgotten(self, task_ids: Iterable[str]) -> None:
        """Note that tasks are over or not wanted any more."""
        for task_id in task_ids:
            tally = self._of.pop(task_id, None)
            if tally is not None and tally.queued.pop(task_id, None) is None:
                tally.running -= 1

    def finished(self, end: Finish) -> None:
        """Note the end of a run."""
        self.shared += end.shared
        self.cached += end.cached

    # -- the counts

    def executors(self) -> dict[str, ExecutorStats]:
        """Return the counts by executor."""
        now = time.monotonic()
        found = {kind: ExecutorStats(0, 0, executor.places, 0.0) for kind, executor in self._executors.items()}
        for (kind, _), tally in self.by_class.items():
            before = found.get(kind)
            if before is None:  # a dynamic task needs no place
                continue
            wait = 0.0 if tally.oldest is None else now - tally.oldest
            queued, running = before.queued + len(tally.queued), before.running + tally.running
            found[kind] = ExecutorStats(queued, running, before.places, max(before.oldest_wait, wait))
        return found

    def under_way(self) -> list[tuple[str, int, int]]:
        """Return for each class how many tasks wait for a place, and how many run; from any thread."""
        running: Counter[ClassTally | None] = Counter()
        for kind, executor in self._executors.items():
            if type(executor).at_work is Executor.at_work:  # it does not say what runs
                running.update({tally: tally.running for (of, _), tally in list(self.by_class.items()) if of == kind})
            else:
                running.update([self._of.get(live.task_id) for live in executor.at_work()])
        found: list[tuple[str, int, int]] = []
        for (kind, _), tally in list(self.by_class.items()):
            wanted = len(tally.queued) + tally.running
            run = min(wanted, running[tally]) if kind in self._executors else tally.running
            found.append((tally.name, wanted - run, run))
        return found

    def classes(self) -> dict[str, ClassStats]:
        """Return the counts by class."""
        found: dict[str, ClassStats] = {}
        for tally in self.by_class.values():
            mean = tally.seconds / tally.done if tally.done else 0.0
            stats = ClassStats(len(tally.queued), tally.running, tally.done, tally.failed, mean)
            found[tally.name] = stats
        return found

    def stats(self, is_open: bool, runs: int, hits: int, storage_ok: bool) -> EngineStats:
        """Put an engine's statistics together; from the first call on tasks are counted by class."""
        executors, scheduler = self._executors, self._scheduler
        self.keep_from_now()
        slots = scheduler.state.slots
        limits = slots.limits.items()
        workers = [executor.workers for executor in executors.values()]
        return EngineStats(
            open=is_open,
            runs=runs,
            executors=self.executors(),
            classes=self.classes(),
            tags={tag: TagStats(slots.taken(tag), limit, slots.waiting_at(tag)) for tag, limit in limits},
            rates={tag: RateStats(waiting) for tag, waiting in slots.waiting_for_rates().items()},
            workers=WorkerCounts(
                sum(each.alive for each in workers),
                sum(each.starting for each in workers),
                sum(each.deaths for each in workers),
            ),
            hits=hits,
            computed=self.computed,
            shared=self.shared,
            cached=self.cached,
            failed=self.failed,
            storage_ok=storage_ok,
        )
