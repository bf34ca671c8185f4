"""Tasks that have run, as they are noted until the next write: for each task a few numbers, and nothing is computed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from alexflow.early_growth import EarlyGrowth
from alexflow.engine.failed_attempts import FailedAttempts
from alexflow.executors.interface import Done, RemoteUsage, Usage
from alexflow.graph import Described
from alexflow.record.lines import MARK_RUN, MARK_TASK
from alexflow.scheduler import TaskSpec

#: What is kept of a task that is not over, in one integer, which the collector of cycles passes over: a mark, as
#: :class:`~alexflow.record.lines.Ended` has it, and above that when it was queued, in microseconds.
LiveTask = int

QUEUED_SHIFT = 64  # where that begins, in bits
_MARK = 2**QUEUED_SHIFT - 1

#: The kind of the line, as alexflow.record.lines has it.
_ENDED = 13


def run_of(live: LiveTask) -> int:
    """Return the number of the run for which a task counts; 0 while it is not known."""
    return live >> 1 & MARK_RUN


class EndedTasks:
    """Notes what came of tasks.

    Args:
        tasks: descriptions of the tasks that are not over, by id; others change it.

    Attributes:
        live: tasks that are not over, by id.
        count: how many are noted.
    """

    def __init__(self, tasks: Mapping[str, Described]):
        self._tasks = tasks
        self.live: dict[str, LiveTask] = {}
        self._growth = EarlyGrowth(4)  # the others are those of the ready queue and of tallies
        self.count = 0
        self._groups: list[tuple[int, float, list[tuple[Any, ...]]]] = []
        self._held: dict[str, tuple[int, bytes] | None] = {}  # stored for dynamic tasks that are not over, by key

    def begin(
        self, task_ids: Sequence[str], first: int, runs: Sequence[int], forced: Collection[str], queued: int
    ) -> None:
        """Keep tasks until they are over.

        Args:
            task_ids: their ids.
            first: the number of the first one in the segment; the others follow.
            runs: the number of the run of each.
            forced: ids of those that are made again, and maybe of others.
            queued: when they had all that they read, in microseconds from the segment's start.
        """
        live, begin, step = self.live, queued << QUEUED_SHIFT | first << MARK_TASK, 1 << MARK_TASK
        if len(runs) > 1 and runs.count(runs[0]) == len(runs):  # as mostly, of several
            live.update(zip(task_ids, count(begin | runs[0] << 1, step), strict=False))  # a range would divide
        else:
            for task_id, run in zip(task_ids, runs, strict=True):
                live[task_id] = begin | run << 1
                begin += step
        for task_id in forced and task_ids:
            if task_id in forced:
                live[task_id] |= 1
        self._growth.look(live)

    def add(self, outcomes: Iterable[Done], at: int, clock: float, failed: FailedAttempts) -> None:
        """Note that tasks have run.

        Args:
            outcomes: what came of them.
            at: now, in microseconds from the segment's start.
            clock: now, by the monotonic clock.
            failed: attempts at them that have failed.
        """
        group: list[tuple[Any, ...]] = []
        forget, find, add = self.live.pop, self._tasks.get, group.append
        have_failed = bool(failed)
        for outcome in outcomes:
            task_id, usage = outcome.task_id, outcome.usage
            live, described = forget(task_id, None), find(task_id)
            if live is None or described is None:
                continue
            spec = described.spec
            if type(usage) is not Usage or outcome.generated is not None or have_failed or spec.serves:
                add(self._rarer(outcome, live, spec, failed.count(task_id) + 1, clock))
                continue
            keys, stored = spec.outputs, usage.stored
            found = (stored.get(keys[0]),) if len(keys) == 1 else tuple(map(stored.get, keys))
            times = live >> QUEUED_SHIFT, outcome.seconds, usage.ended
            add((live & _MARK, *times, found, usage.cpu, usage.rss, usage.worker))
        if group:
            self._groups.append((at, clock, group))
            self.count += len(group)

    def _rarer(self, outcome: Done, live: LiveTask, spec: TaskSpec, attempts: int, clock: float) -> tuple[Any, ...]:
        """Return the items of one that has further ones, or not those of most."""
        usage = outcome.usage
        stored = {} if usage is None else usage.stored
        begin = live & _MARK, live >> QUEUED_SHIFT, outcome.seconds, clock if usage is None else usage.ended
        if outcome.generated is not None:
            # by itself, or by a task that it gave
            served = tuple(stored.get(key) or self._held.pop(key, None) for key in spec.outputs)
            return *begin, served, None, None, 0, attempts, outcome.generated
        if usage is None:
            return *begin, (), None, None, 0, attempts
        self._held.update((key, stored.get(key)) for key, _ in spec.serves)
        items = *begin, tuple(map(stored.get, spec.outputs)), usage.cpu, usage.rss, usage.worker, attempts
        return (*items, None, usage.host) if type(usage) is RemoteUsage else items

    def take(self) -> tuple[Any, ...] | None:
        """Return the line of what is noted; None for nothing."""
        groups, self._groups, self.count = self._groups, [], 0
        return (_ENDED, groups) if groups else None
