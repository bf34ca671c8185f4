"""Peers: other engines on the same storage, and the tasks that one of them runs or has run.

A task that is to run here may be held by a peer. It then gives its slots back and waits, until it is released, or its
outputs exist. Outputs that a peer has made may appear before anything here waits for them, even after the ephemeral
ones that they were made from are gone; then the producers of those are not wanted any more.
"""

from __future__ import annotations

from collections.abc import Iterator

from alexflow.scheduler.attribution import owner_of
from alexflow.scheduler.completion import done, leave_active, start
from alexflow.scheduler.demand import drop_unwanted
from alexflow.scheduler.events import DoneByPeer, HeldByPeer, ReleasedByPeer, TaskSpec
from alexflow.scheduler.failure import drop_unstarted
from alexflow.scheduler.state import Node, State
from alexflow.scheduler.states import ELSEWHERE, QUEUED, READY, RUNNING, WAITING


def held_by_peer(state: State, event: HeldByPeer) -> None:
    """Let tasks wait that were to run, and that a peer holds."""
    for task_id in event.tasks:
        node = state.nodes.get(task_id)
        if node is None or node.state != RUNNING or node.spec.dynamic:
            continue
        if not node.demand:  # a stopped run would drain it, but it has not begun
            drop_unstarted(state, node)
            continue
        _give_back_costs(state, node)
        leave_active(state, node)
        state.activate(node, "held elsewhere")


def released_by_peer(state: State, event: ReleasedByPeer) -> None:
    """Start tasks that no peer holds any more, and that are not done."""
    for task_id in event.tasks:
        node = state.nodes.get(task_id)
        if node is not None and node.state == ELSEWHERE:
            state.deactivate()
            node.move("free again")
            start(state, node)


def done_by_peer(state: State, event: DoneByPeer) -> None:
    """Settle tasks whose outputs exist, without a task of this engine having made them."""
    found: list[tuple[Node, str]] = []
    for task_id in event.tasks:
        node = state.nodes.get(task_id)
        if node is not None and _may_be_done_by_peer(node):
            found.append((node, node.state))
            node.move("made elsewhere")  # all of them, before what one makes, or its slots, could start another
    unwanted: list[Node] = []
    for node, before in found:
        run = owner_of(state, node)
        if run is not None:
            run.count_found((node.spec.task_id,))
        if before == RUNNING:
            _give_back_costs(state, node)
            leave_active(state, node)
        elif before == QUEUED:
            state.unqueue(node)
        elif before == ELSEWHERE:
            state.deactivate()
        done(state, node, unwanted, here=False)
    if unwanted:
        drop_unwanted(state, unwanted)


def _give_back_costs(state: State, node: Node) -> None:
    """Give back what a task was to spend that was taken and has not begun."""
    if node.spec.spends:
        state.slots.buckets.put_back(node.spec.spends)
        state.slots.give_back((), node.spec.spends)


def _may_be_done_by_peer(node: Node) -> bool:
    """Return whether it does not matter which engine makes the outputs of this task."""
    if node.spec.dynamic:
        return False
    return node.state in (READY, QUEUED, RUNNING, ELSEWHERE) or (node.state == WAITING and node.group is None)


def active_specs(state: State) -> Iterator[TaskSpec]:
    """Yield tasks that were started and have not ended."""
    for node in state.nodes.values():
        if node.is_active and not node.spec.dynamic:
            yield node.spec


def readers_of_ephemeral(state: State, task_id: str) -> list[TaskSpec]:
    """Return the readers of ephemeral outputs of this task and, of each such reader, those of its own.

    If all of these are done then so was this one, though its outputs are gone.
    """
    node = state.nodes.get(task_id)
    found: dict[Node, None] = {}
    stack = [node] if node is not None else []
    while stack:
        for name in stack.pop().spec.outputs:
            key = state.keys.get(name)
            if key is None or not key.ephemeral or key.keep:
                continue
            for reader in key.readers:
                waits = reader.state == ELSEWHERE or (reader.state == WAITING and reader.group is None)
                if waits and not reader.spec.dynamic and reader not in found:
                    found[reader] = None
                    stack.append(reader)
    return [reader.spec for reader in found]
