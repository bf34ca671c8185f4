"""Priorities: a task has the highest of all that want it.

A request's priority holds for everything that is done for it. Where it says none (None), a task has its class's, and
what it needs has at least that; without one of the class it is 0. A more urgent request may come when a task is known
already: then the task and what it still waits for are raised, each at most once for each priority that comes. That is
done in slices, like the search for cycles, since thousands of tasks may be behind one. A task that is in the ready
queue, or in line for a slot, moves to the end of its new priority: what has had that for longer goes first.

A priority is not lowered when the urgent request is cancelled while others still want the task: for that everything
that wants it would have to be looked at again, and all it costs is that something is done early.
"""

from __future__ import annotations

from typing import Final

from alexflow.scheduler.instructions import Resume
from alexflow.scheduler.state import MISSING, UNKNOWN, Key, Node, RunState, State, TaskCheck
from alexflow.scheduler.states import CANCELLING, QUEUED, READY, RUNNING, WAITING

#: Below every priority: of tasks for which none has been said yet.
LOWEST: Final = -(1 << 62)


def rank_new(state: State, node: Node) -> None:
    """Prepare a task that has just been described: what wants it raises it."""
    node.priority = LOWEST
    node.by_class = False
    state.count_priority(LOWEST, 1)
    if node.owner is not None:
        node.fairness_key = node.owner.fairness_key


def raise_producer(state: State, key: Key) -> None:
    """Raise the task that makes a key to what its readers and requests have."""
    node = key.producer
    if node is not None:
        if key.readers:  # there may be thousands
            highest = max(reader.priority for reader in key.readers)
            state.to_raise.append((node, highest, any(reader.by_class for reader in key.readers)))
        for run in key.targets:
            raise_for_run(state, node, run)


def raise_for_run(state: State, node: Node, run: RunState) -> None:
    """Raise a task to what a request for it has."""
    if run.priority is not None:
        state.to_raise.append((node, run.priority, False))
    else:
        by_class = node.spec.priority
        state.to_raise.append((node, 0 if by_class is None else by_class, True))


def raise_for_parent(state: State, node: Node, parent: Node) -> None:
    """Raise a task to what the dynamic task has that generated it."""
    state.to_raise.append((node, parent.priority, parent.by_class))


def raise_for_check(state: State, check: TaskCheck, node: Node) -> None:
    """Raise a task that was requested or generated before it was known."""
    for run in check.runs:
        raise_for_run(state, node, run)
    for parent in check.parents:
        raise_for_parent(state, node, parent)


def raise_tasks(state: State) -> None:
    """Raise tasks and what they wait for, a bounded number of steps."""
    if state.resuming:
        return  # it has had this turn
    steps = state.steps_per_turn
    to_raise = state.to_raise
    while to_raise and steps > 0:
        node, priority, by_class = to_raise.pop()
        steps -= 1
        if by_class and node.spec.priority is not None:
            priority = max(priority, node.spec.priority)
        if node.is_final or (priority <= node.priority and by_class <= node.by_class):
            continue
        node.by_class = node.by_class or by_class
        if priority > node.priority:
            _set_priority(state, node, priority)
        _raise_behind(state, node)
    if to_raise:
        state.resuming = True
        state.out.others.append(Resume())


def _set_priority(state: State, node: Node, priority: int) -> None:
    if node.spec.dynamic or node.state not in (RUNNING, CANCELLING):  # those that have begun are not counted
        state.count_priority(node.priority, -1)
        state.count_priority(priority, 1)
    if node.state == QUEUED and not node.spec.dynamic:
        queue = state.queue[node.spec.executor]
        queue.remove(node.spec.task_id, node)
        node.priority = priority
        queue.add(node.spec.task_id, node)
    else:
        node.priority = priority
        if node.state == READY:
            state.slots.raise_waiter(node, priority, node.fairness_key)


def _raise_behind(state: State, node: Node) -> None:
    """Raise what a task waits for."""
    if node.state == WAITING:
        for name in node.spec.inputs:
            key = state.keys.get(name)
            if key is not None and key.state in (MISSING, UNKNOWN) and key.producer is not None:
                state.to_raise.append((key.producer, node.priority, node.by_class))
    for task_id in node.children:
        child = state.nodes.get(task_id)
        if child is not None:
            state.to_raise.append((child, node.priority, node.by_class))
