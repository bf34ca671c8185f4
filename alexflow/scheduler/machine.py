"""The scheduler: events in, instructions out.

A pure state machine: no clock, no I/O, no event loop, no chance. Every race can be replayed by handing it the same
events in the same order. What it knows is in ``state``; ``demand``, ``discovery``, ``completion`` and ``failure`` each
change it for one kind of cause; ``states`` lists what a task can go through, ``attribution`` says for which request it
counts.

Handlers change what the event itself changes, and leave what follows in queues of ``state``, which ``handle`` then
works off: graphs that are known whole, conflicts, dynamic tasks without hope, runs that may be over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from alexflow.errors import OutputMissing
from alexflow.scheduler.completion import (
    cancelled,
    conclude_runs,
    continue_generator,
    finish,
    hand_out_slots,
    leave_active,
    succeeded,
)
from alexflow.scheduler.cycles import search_groups
from alexflow.scheduler.demand import (
    cancel,
    generated_task,
    inspect_again,
    pin,
    settle_inspections,
    target_key,
    target_task,
    withdraw_run,
)
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
    ReleasedByPeer,
    Resumed,
    RunRequested,
    RunsCancelled,
    Succeeded,
    TaskSpec,
    Verified,
)
from alexflow.scheduler.failure import delay_over, fail_if_stuck, failed, give_up_generators, inputs_lost, stop
from alexflow.scheduler.instructions import Instruction
from alexflow.scheduler.peers import active_specs, done_by_peer, held_by_peer, readers_of_ephemeral, released_by_peer
from alexflow.scheduler.slots import Slots
from alexflow.scheduler.state import MISSING, PRESENT, Group, Node, Run, State, without
from alexflow.scheduler.states import CANCELLING, GENERATING, READY, WAITING

#: How many tasks of one dynamic task may be under way at once.
WINDOW = 2000

#: How many deaths of what a task runs in are forgiven it.
MAX_DEATHS = 3

#: Tasks looked at in one turn while a part of the graph is searched for cycles: some 2 ms.
STEPS_PER_TURN = 1000

#: Readers of one output that are considered as followers of the task that makes it.
MAX_SUCCESSORS = 4

#: How often targets may be found missing after a run before it fails.
MAX_VERIFICATIONS = 3


class Scheduler:
    """Decides what to do next.

    Args:
        limits: how many tasks with a tag may run at once, by tag.
        window: how many tasks of one dynamic task may be under way at once.
        max_deaths: how many deaths of what a task runs in are forgiven it.
        case_sensitive: whether keys that differ only by case are different outputs.
        steps_per_turn: how many tasks are looked at in one turn while a part of the graph is searched for cycles.

    Raises:
        ValueError: a limit is less than 1, so that tasks with its tag would wait for ever.
    """

    def __init__(
        self,
        limits: Mapping[str, int] | None = None,
        *,
        window: int = WINDOW,
        max_deaths: int = MAX_DEATHS,
        case_sensitive: bool = True,
        steps_per_turn: int = STEPS_PER_TURN,
    ):
        slots: Slots[Node] = Slots(limits or {}, lambda node: node.state == READY)
        self.state = State(
            slots,
            window=window,
            max_deaths=max_deaths,
            case_sensitive=case_sensitive,
            steps_per_turn=steps_per_turn,
        )
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            RunRequested: self._run_requested,
            RunsCancelled: self._runs_cancelled,
            Inspected: lambda event: inspected(self.state, event),
            InspectionFailed: lambda event: inspection_failed(self.state, event),
            Succeeded: lambda event: succeeded(self.state, event.tasks),
            Failed: lambda event: failed(self.state, event),
            InputsLost: lambda event: inputs_lost(self.state, event),
            HeldByPeer: lambda event: held_by_peer(self.state, event.tasks),
            ReleasedByPeer: lambda event: released_by_peer(self.state, event.tasks),
            DoneByPeer: lambda event: done_by_peer(self.state, event.tasks),
            Cancelled: self._cancelled,
            Generated: self._generated,
            DelayOver: lambda event: delay_over(self.state, event.task_id, event.attempt),
            Verified: self._verified,
            Resumed: self._resumed,
        }

    def handle(self, event: Event) -> list[Instruction]:
        """Take in what happened; give what is to be done."""
        state = self.state
        self._handlers[type(event)](event)
        if state.to_search or state.conflicts or state.failed_generators:
            search_groups(state)
            while state.failed_generators:
                give_up_generators(state)
                search_groups(state)
        if state.settled:
            conclude_runs(state)
        if state.slots.freed:
            hand_out_slots(state)
        if not state.active:
            fail_if_stuck(state)
            conclude_runs(state)
        return state.out.drain()

    # -- what the driver may ask

    def wanted(self, task_ids: Iterable[str]) -> list[str]:
        """Those of these tasks that are wanted and not done."""
        nodes = self.state.nodes
        return [task_id for task_id in task_ids if task_id in nodes]

    def successors_of(self, task_id: str) -> list[str]:
        """Tasks that could start the moment this one is done, because it makes all that they miss.

        Only such as no limit holds back; and not many, since to be told of one is mostly enough.
        """
        followers: list[str] = []
        node = self.state.nodes.get(task_id)
        if node is None:
            return followers
        for name in node.spec.outputs:
            key = self.state.keys.get(name)
            if key is not None and key.state == MISSING and key.producer is node:
                for reader in islice(key.readers, MAX_SUCCESSORS):
                    if reader.missing == 1 and reader.state == WAITING and reader.group is None:
                        spec = reader.spec
                        if not spec.tags and not spec.dynamic:
                            followers.append(spec.task_id)
        return followers

    def active_specs(self) -> Iterator[TaskSpec]:
        """Tasks that were started and have not ended; looks through all that are wanted."""
        return active_specs(self.state)

    def readers_of_ephemeral(self, task_id: str) -> list[TaskSpec]:
        """Tasks that wait and whose being done shows that this one has been done, too: readers of ephemeral outputs."""
        return readers_of_ephemeral(self.state, task_id)

    # -- requests

    def _run_requested(self, event: RunRequested) -> None:
        state = self.state
        run = state.runs[event.run_id] = Run(event.run_id, event.on_error)
        group = Group(run)
        group.pending = 1  # held open until all targets are in
        state.inspecting += 1
        for name in dict.fromkeys(event.keys):
            group = target_key(state, name, run, group)
        for task_id in dict.fromkeys(event.tasks):
            group = target_task(state, task_id, run, group)
        pin(state, run, event.keys)
        settle_inspections(state, group)
        if run.open == 0:
            state.settled.append(run)

    def _runs_cancelled(self, event: RunsCancelled) -> None:
        for run_id in event.run_ids:
            run = self.state.runs.get(run_id)
            if run is not None:
                run.stopping = True
                withdraw_run(self.state, run, cancel=True)
                self._cancel_draining(run)
                finish(self.state, run)

    def _cancel_draining(self, run: Run) -> None:
        """A run that let tasks end does not wait for them any more."""
        for node in run.draining:
            node.drained_by = without(node.drained_by, run)
            if not node.drained_by and not node.demand:
                cancel(self.state, node)
        run.draining = {}

    def _verified(self, event: Verified) -> None:
        state = self.state
        if event.run_id not in state.verifying:
            return
        state.verifying.remove(event.run_id)
        state.active -= 1
        run = state.runs.get(event.run_id)
        if run is None:
            return
        run.verifying = False
        state.settled.append(run)
        if not event.missing:
            return
        run.rounds += 1
        if run.rounds > MAX_VERIFICATIONS:
            for name in event.missing:
                run.failures[name] = OutputMissing(
                    name, "it was stored, and was gone again each time it was looked for"
                )
            stop(state, run)
            return
        group = Group(run)
        group.pending = 1
        state.inspecting += 1
        for name in event.missing:
            key = state.keys.get(name)
            if key is not None and key.state == PRESENT:
                group = inspect_again(state, key, group)
            group = target_key(state, name, run, group)
        settle_inspections(state, group)

    # -- tasks

    def _cancelled(self, event: Cancelled) -> None:
        for task_id in event.tasks:
            node = self.state.nodes.get(task_id)
            if node is not None and node.state == CANCELLING:
                cancelled(self.state, node)

    def _generated(self, event: Generated) -> None:
        state = self.state
        parent = state.nodes.get(event.task_id)
        if parent is None or parent.state != GENERATING:
            return
        if event.paused or event.last:
            leave_active(state, parent)
        parent.exhausted = event.last
        group = Group(parent.owner)
        group.pending = 1
        state.inspecting += 1
        for task_id in event.tasks:
            group = generated_task(state, task_id, parent, group)
        settle_inspections(state, group)
        continue_generator(state, parent)

    def _resumed(self, event: Resumed) -> None:
        self.state.resuming = False
