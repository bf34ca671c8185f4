"""Planning: the scheduler discovers the graph of a request, and nothing is started.

The scheduler that would run it answers: it is given the request and the storage's answers, and its instructions to
start tasks are dropped. So a plan is what a run would begin with, cycles and conflicts of keys are refused as by a run,
and nothing upstream of what exists is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from alexflow.graph.catalog import Catalog
from alexflow.graph.describe import Defaults
from alexflow.graph.inspector import Inspector, Subjects
from alexflow.record.plan import CAUSES, Cause, Plan, PlannedTasks, with_estimates
from alexflow.scheduler import Scheduler, TaskSpec
from alexflow.scheduler.events import Event, Inspected, Resumed, RunRequested, TargetsAdded
from alexflow.scheduler.instructions import Finish, Inspect, Resume
from alexflow.storage import Storage
from alexflow.storage.background import in_thread
from alexflow.storage.shown_place import shown_place

if TYPE_CHECKING:
    from alexflow.record.record import Record

#: The only request of a scheduler that plans.
_RUN = 1

#: Targets that its scheduler takes in between two turns of the event loop: some millisecond.
TARGETS_AT_ONCE = 128

#: Tasks, or keys, that are dropped between two turns at the end.
DROPPED_PER_TURN = 512


async def make_plan(
    subjects: Subjects, catalog: Catalog, storage: Storage, defaults: Defaults, forced: Collection[str]
) -> Plan:
    """Plan a request.

    Args:
        subjects: the targets, by name.
        catalog: the catalog in which their keys were claimed.
        storage: where outputs are.
        defaults: settings for those that classes leave open.
        forced: ids of the tasks that run although their outputs exist.

    Raises:
        GraphError: the graph as described cannot be run.
        StorageError: the storage did not answer.
    """
    planning = _Planning(catalog, storage, defaults, forced)
    try:
        await planning.discover(subjects)
        return await _planned(planning, storage, forced)
    finally:
        await planning.drop()


async def _planned(planning: _Planning, storage: Storage, forced: Collection[str]) -> Plan:
    if not planning.has_tasks:
        return Plan([], len(planning.found), shown_place(storage))
    damaged = await in_thread(lambda: set(storage.quarantined()))
    record = await in_thread(_record_of, storage)
    run = await in_thread(_groups, planning, forced, damaged, record)  # there may be very many
    return await in_thread(with_estimates, Plan(run, len(planning.found), shown_place(storage)), record)


def _record_of(storage: Storage) -> Record:
    """Load the record; in a thread, as its modules alone take longer than the event loop's turn may."""
    from alexflow.record.record import Record  # deferred: where everything exists it is not needed

    record = Record(storage)
    record.load()
    return record


def _groups(
    planning: _Planning, forced: Collection[str], damaged: Collection[str], record: Record
) -> list[PlannedTasks]:
    """Group the tasks that have to run by class and reason."""
    ephemeral = {key for spec, _ in planning.tasks() for key in spec.ephemeral}
    groups: dict[tuple[str, Cause], list[TaskSpec]] = {}
    for spec, waits in planning.tasks():
        reason: Cause = "upstream missing" if waits else "missing"
        if spec.task_id in forced:
            reason = "forced"
        elif planning.is_too_old(spec.task_id):
            reason = "too old"
        elif any(key in damaged for key in spec.outputs):
            reason = "damaged"
        elif spec.outputs and ephemeral.issuperset(spec.outputs) and record.row_of_task(spec.task_id) is not None:
            reason = "read and gone"
        groups.setdefault((spec.task_id.rpartition(".")[0], reason), []).append(spec)
    return [
        PlannedTasks(name, reason, [spec.task_id for spec in specs], specs[0].dynamic)
        for (name, reason), specs in sorted(groups.items(), key=lambda item: CAUSES.index(item[0][1]))
    ]


class _Planning:
    """One request on a scheduler and an inspector of its own."""

    def __init__(self, catalog: Catalog, storage: Storage, defaults: Defaults, forced: Collection[str]):
        self._catalog = catalog
        self._inspector = Inspector(catalog, storage, defaults, checks_writing=False)
        self._inspector.forced.update(forced)
        self._scheduler = Scheduler(case_sensitive=storage.case_sensitive)
        self._questions: list[Subjects] = []
        self.found: set[str] = set()  #: Ids of the tasks that are done.

    async def discover(self, targets: Subjects) -> None:
        keys, tasks = tuple(targets.outputs), tuple(targets.tasks)
        await self._handle(RunRequested(_RUN, keys[:TARGETS_AT_ONCE], tasks[:TARGETS_AT_ONCE], more=True), targets)
        for start in range(TARGETS_AT_ONCE, max(len(keys), len(tasks)), TARGETS_AT_ONCE):
            part = slice(start, start + TARGETS_AT_ONCE)
            await self._handle(TargetsAdded(_RUN, keys[part], tasks[part], more=True), targets)
        await self._handle(TargetsAdded(_RUN), targets)
        while self._questions:
            questions, self._questions = self._questions, []
            await self._inspector.look(questions, partial(asyncio.sleep, 0), self._take)

    async def _take(self, event: Event, subjects: Subjects) -> None:
        if isinstance(event, Inspected):
            self.found.update(event.found)
        await self._handle(event, subjects)

    async def _handle(self, event: Event, subjects: Subjects) -> None:
        events: list[Event] = [event]
        for each in events:  # grows
            instructions = self._scheduler.handle(each)
            if each is event:
                for task_id in self._scheduler.wanted(subjects.described):
                    self._catalog.tasks.setdefault(task_id, subjects.described[task_id])
            await asyncio.sleep(0)  # of large requests this is a part
            for instruction in instructions:
                if isinstance(instruction, Inspect):
                    question = subjects.asked(instruction.keys, instruction.tasks, instruction.question)
                    self._questions.append(question)
                elif isinstance(instruction, Resume):
                    events.append(Resumed())
                elif isinstance(instruction, Finish) and instruction.error is not None:
                    raise instruction.error

    async def drop(self) -> None:
        """Drop what is known, a part in each turn: it is freed with what holds it, and of 100,000 tasks in 25 ms."""
        state = self._scheduler.state
        tables: list[dict[str, Any]] = [queue.plain for queue in state.queue.values()]
        for known in (*tables, self._catalog.tasks, state.keys, state.nodes, state.pins):
            while known:
                for _ in range(min(len(known), DROPPED_PER_TURN)):
                    known.popitem()
                await asyncio.sleep(0)
        for run in state.runs.values():
            while run.pinned:
                del run.pinned[-DROPPED_PER_TURN:]
                await asyncio.sleep(0)

    def is_too_old(self, task_id: str) -> bool:
        """Whether outputs of a task exist that are older than its class allows."""
        return task_id in self._inspector.outdated

    @property
    def has_tasks(self) -> bool:
        """Whether there is anything to run."""
        return any(True for _ in self.tasks())

    def tasks(self) -> Iterable[tuple[TaskSpec, bool]]:
        """Each task that has to run, and whether it waits for what is upstream of it."""
        return self._scheduler.pending()
