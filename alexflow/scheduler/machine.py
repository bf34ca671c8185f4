"""The scheduler: events in, instructions out.

A pure state machine: no clock, no I/O, no event loop, no chance. Every race can be replayed by passing the same events
in the same order. ``state`` holds the memory; ``requests``, ``demand``, ``discovery``, ``completion``, ``failure`` and
``peers`` each change it for one kind of cause. ``states`` lists the transitions of a task, and ``attribution`` decides
for which request it counts.

Handlers change what the event itself changes, and leave the consequences in queues of ``state``, which ``handle`` then
works off: graphs that are known whole, conflicts, dynamic tasks with failed children, runs that may be over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import inf
from typing import Any

from alexflow.scheduler.chores import come_back, do_chores
from alexflow.scheduler.completion import (
    cancelled,
    conclude_runs,
    continue_generator,
    hand_out_slots,
    leave_active,
    succeeded,
)
from alexflow.scheduler.cycles import search_groups
from alexflow.scheduler.demand import generated_task
from alexflow.scheduler.discovery import inspected, inspection_failed
from alexflow.scheduler.events import (
    Cancelled,
    DelayOver,
    DoneByPeer,
    Event,
    Failed,
    Generated,
    HeldByPeer,
    InputsLost,
    Inspected,
    InspectionFailed,
    Postponed,
    PutBack,
    ReleasedByPeer,
    Resumed,
    RunRequested,
    RunsCancelled,
    SharedBy,
    Spent,
    Succeeded,
    TargetsAdded,
    TaskSpec,
    Verified,
    Woken,
)
from alexflow.scheduler.failure import delay_over, fail_if_stuck, failed, give_up_generators, inputs_lost, postponed
from alexflow.scheduler.instructions import Instruction, WakeAt
from alexflow.scheduler.peers import active_specs, done_by_peer, held_by_peer, readers_of_ephemeral, released_by_peer
from alexflow.scheduler.priorities import raise_tasks
from alexflow.scheduler.rates import RateSpec
from alexflow.scheduler.requests import run_requested, runs_cancelled, targets_added, verified
from alexflow.scheduler.revocation import put_back
from alexflow.scheduler.slots import Slots
from alexflow.scheduler.state import MISSING, Node, State
from alexflow.scheduler.states import CANCELLING, GENERATING, READY, RUNNING, WAITING

#: How many children of one dynamic task may be under way at once.
WINDOW = 2000

#: How many deaths of a worker a task survives.
MAX_DEATHS = 3

#: Tasks examined in one turn while a part of the graph is searched for cycles: some millisecond, with their start.
STEPS_PER_TURN = 64

#: Tasks in a ready queue that are looked at for one that may begin, while a large request is leaving.
MAX_PASSED_OVER = 256

#: Readers of one output that are considered as successors of the task that makes it.
MAX_SUCCESSORS = 4


class Scheduler:
    """Decides what to do next.

    Args:
        limits: how many tasks with a tag may run at once, or how often they may start, by tag.
        window: how many children of one dynamic task may be under way at once.
        max_deaths: how many deaths of a worker a task survives.
        case_sensitive: whether keys that differ only by case are different outputs.
        steps_per_turn: how many tasks are examined in one turn while a part of the graph is searched for cycles.

    Raises:
        ValueError: a limit is less than 1, so that tasks with its tag would wait for ever.
    """

    def __init__(
        self,
        limits: Mapping[str, int | RateSpec] | None = None,
        *,
        window: int = WINDOW,
        max_deaths: int = MAX_DEATHS,
        case_sensitive: bool = True,
        steps_per_turn: int = STEPS_PER_TURN,
    ):
        limits = limits or {}
        rates = {tag: limit for tag, limit in limits.items() if isinstance(limit, RateSpec)}
        at_once = {tag: limit for tag, limit in limits.items() if not isinstance(limit, RateSpec)}
        slots: Slots[Node] = Slots(at_once, lambda node: node.state == READY, rates)
        self.is_timed = bool(rates)  #: Whether events have to come with the time.
        self._wake_at = inf
        self.state = State(
            slots,
            window=window,
            max_deaths=max_deaths,
            case_sensitive=case_sensitive,
            steps_per_turn=steps_per_turn,
        )

    def handle(self, event: Event, now: float = 0.0) -> list[Instruction]:
        """Handle an event. Returns what is to be done.

        Args:
            event: what has happened.
            now: when, in seconds; it only matters if rates are limited (:attr:`is_timed`).
        """
        state = self.state
        if self.is_timed:
            state.slots.at(now)
        HANDLERS[type(event)](state, event)
        if state.to_raise:
            raise_tasks(state)
        if state.chores or state.consequences:
            do_chores(state)
        if state.to_search or state.conflicts or state.failed_generators:
            search_groups(state)
            while state.failed_generators:
                give_up_generators(state)
                search_groups(state)
        if state.chores or state.consequences:
            come_back(state)
        if state.settled:
            conclude_runs(state)
        if state.slots.freed:
            hand_out_slots(state)
        if not (state.active or state.inspecting or state.slots.waiting) and (state.runs or state.nodes):
            fail_if_stuck(state)
            conclude_runs(state)
        if state.settled and not state.releasing:
            come_back(state)
        if self.is_timed:
            if type(event) is Woken:
                self._wake_at = inf  # its timer has gone off
            self._ask_to_be_woken(now)
        return state.out.drain()

    def _ask_to_be_woken(self, now: float) -> None:
        at = self.state.slots.buckets.wake_at
        if at < self._wake_at or self._wake_at <= now:
            self._wake_at = at
            if at < inf:
                self.state.out.others.append(WakeAt(at))

    # -- executors take what is ready

    def ready(self, executor: str) -> Mapping[str, object]:
        """Return the tasks, by id, that an executor may take, in the order in which they should begin; a live view."""
        return self.state.queue[executor]

    def startable(self, executor: str) -> Iterable[str]:
        """Select some of them that may begin while a large request is leaving: all that it wanted is passed over.

        What it shares with others begins when it has left; so does what is behind too much of its own.
        """
        queue = self.state.queue[executor]
        for task_id, node in [(task_id, queue[task_id]) for task_id in islice(queue, MAX_PASSED_OVER)]:
            if node.demand and node.owner is not None and not node.owner.withdrawn:
                yield task_id

    def begin(self, executor: str, task_ids: Sequence[str], now: float = 0.0) -> None:
        """Take tasks that begin now. The one change that is no event: an executor needs its jobs at once."""
        state = self.state
        nodes = [state.nodes[task_id] for task_id in task_ids]
        state.queue[executor].take(task_ids, nodes)
        state.begin(nodes)
        for node in nodes:
            if node.spec.spends:
                state.slots.buckets.begin(node.spec.spends, now)

    def is_due(self, now: float) -> bool:
        """Whether something that waits for a limited rate should be looked at (``Woken``)."""
        return self.state.slots.buckets.wake_at <= now

    def priority_of(self, task_id: str) -> int:
        """Return the priority of a task; 0 for one that is not wanted."""
        node = self.state.nodes.get(task_id)
        return 0 if node is None else node.priority

    def ready_before(self, executor: str, priority: int) -> int:
        """Return how many of those tasks wait for a place of an executor."""
        return self.state.queue[executor].count_from(priority)

    def withdrawn(self, executor: str) -> int:
        """Return how many tasks have left its queue without having begun, ever."""
        return self.state.queue[executor].withdrawn

    def waiting_before(self, priority: int) -> int:
        """Return how many tasks have not begun, and go before one of this priority that comes now."""
        return self.state.waiting_before(priority)

    # -- questions of the driver

    def wanted(self, task_ids: Iterable[str]) -> list[str]:
        """Return those of these tasks that are wanted and not done."""
        nodes = self.state.nodes
        return [task_id for task_id in task_ids if task_id in nodes]

    def pending(self) -> Iterator[tuple[TaskSpec, bool]]:
        """Yield the tasks that are wanted and not done, each with whether it waits for inputs."""
        for node in self.state.nodes.values():
            yield node.spec, node.state == WAITING

    def owner_of(self, task_id: str) -> int:
        """Return the number of the run for which a task that is not over counts; 0 if that run is."""
        node = self.state.nodes.get(task_id)
        owner = None if node is None else node.owner
        return 0 if owner is None else owner.run_id

    def owners_of(self, task_ids: Iterable[str]) -> list[int]:
        """Return the same for several tasks."""
        nodes = self.state.nodes
        owners = [None if (node := nodes.get(task_id)) is None else node.owner for task_id in task_ids]
        return [0 if owner is None else owner.run_id for owner in owners]

    def failures_of(self, task_id: str) -> int:
        """Return how many attempts at a task that is not over have failed, those included that a death ended."""
        node = self.state.nodes.get(task_id)
        return 0 if node is None else node.attempts + node.deaths

    def successors_of(self, task_id: str) -> list[str]:
        """Return tasks that could start the moment this one is done, because it makes all that they miss.

        Tasks with limited tags are left out, and only a few readers are considered, since one successor is mostly
        enough.
        """
        successors: list[str] = []
        node = self.state.nodes.get(task_id)
        if node is None:
            return successors
        for name in node.spec.outputs:
            key = self.state.keys.get(name)
            if key is not None and key.state == MISSING and key.producer is node:
                for reader in islice(key.readers, MAX_SUCCESSORS):
                    if reader.missing == 1 and reader.state == WAITING and reader.group is None:
                        spec = reader.spec
                        if not spec.tags and not spec.dynamic:
                            successors.append(spec.task_id)
        return successors

    def may_have_successors(self, task_ids: Iterable[str]) -> bool:
        """Whether there may be successors of some tasks; most of a wide graph have none, and this asks in one call."""
        nodes, keys = self.state.nodes, self.state.keys
        for task_id in task_ids:
            node = nodes.get(task_id)
            for name in () if node is None else node.spec.outputs:
                key = keys.get(name)
                for reader in () if key is None else islice(key.readers, MAX_SUCCESSORS):
                    if reader.missing == 1:
                        return True
        return False

    def active_specs(self) -> Iterator[TaskSpec]:
        """Yield tasks that were started and have not ended; it scans all that are wanted."""
        return active_specs(self.state)

    def readers_of_ephemeral(self, task_id: str) -> list[TaskSpec]:
        """Return tasks that wait, and that show this one to be done if they are: readers of its ephemeral outputs."""
        return readers_of_ephemeral(self.state, task_id)


def _cancelled(state: State, event: Cancelled) -> None:
    for task_id in event.tasks:
        node = state.nodes.get(task_id)
        if node is not None and node.state == CANCELLING:
            cancelled(state, node)


def _generated(state: State, event: Generated) -> None:
    parent = state.nodes.get(event.task_id)
    if parent is None or parent.state != GENERATING:
        return
    if event.paused or event.last:
        leave_active(state, parent)
    parent.exhausted = event.last
    group = state.new_group(parent.owner)
    for task_id in event.tasks:
        group = generated_task(state, task_id, parent, group)
    state.settle_inspections(group)
    continue_generator(state, parent)


def _spent(state: State, event: Spent) -> None:
    node = state.nodes.get(event.task_id)
    if node is None or node.state not in (RUNNING, CANCELLING):
        return
    for name, amounts in event.amounts:
        state.slots.buckets.correct(event.task_id, name, dict(node.spec.spends)[name], amounts)
        state.slots.freed.add(name)


def _shared_by(state: State, event: SharedBy) -> None:
    state.slots.buckets.share_among(event.parts, anew=event.anew, lag=event.lag)


def _woken(state: State, event: Woken) -> None:
    """Nothing more: what has come due is free by now. A timer may be early: then the scheduler asks again."""


def _resumed(state: State, event: Resumed) -> None:
    state.resuming = False


#: The handler of each event.
HANDLERS: dict[type[Event], Callable[[State, Any], None]] = {
    RunRequested: run_requested,
    TargetsAdded: targets_added,
    RunsCancelled: runs_cancelled,
    Inspected: inspected,
    InspectionFailed: inspection_failed,
    Succeeded: succeeded,
    Failed: failed,
    InputsLost: inputs_lost,
    PutBack: put_back,
    HeldByPeer: held_by_peer,
    ReleasedByPeer: released_by_peer,
    DoneByPeer: done_by_peer,
    Cancelled: _cancelled,
    Generated: _generated,
    DelayOver: delay_over,
    Verified: verified,
    Resumed: _resumed,
    Postponed: postponed,
    Spent: _spent,
    SharedBy: _shared_by,
    Woken: _woken,
}
