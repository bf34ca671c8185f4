"""What other engines on the same storage do: tasks that one of them runs, and tasks that one of them has run.

A task that is to run here may turn out to be held by another engine. It then gives its slots back and waits, until it
is free again, or its outputs are there. Outputs that another engine has made may show before anybody waits for them,
even after the ephemeral ones that they were made from are gone; then what was to make those is not wanted any more.
"""

from __future__ import annotations

from collections.abc import Iterator

from alexflow.scheduler.attribution import owner_of
from alexflow.scheduler.completion import done, leave_active, start
from alexflow.scheduler.demand import drop_unwanted
from alexflow.scheduler.events import TaskSpec
from alexflow.scheduler.failure import drop_unstarted
from alexflow.scheduler.state import Node, State
from alexflow.scheduler.states import ELSEWHERE, READY, RUNNING, WAITING


def held_by_peer(state: State, task_ids: tuple[str, ...]) -> None:
    """These were to run, and another engine holds them."""
    for task_id in task_ids:
        node = state.nodes.get(task_id)
        if node is None or node.state != RUNNING or node.spec.dynamic:
            continue
        if not node.demand:  # a run that has stopped would let it end, but it has not begun
            drop_unstarted(state, node)
            continue
        leave_active(state, node)
        node.move("held elsewhere")
        state.active += 1


def released_by_peer(state: State, task_ids: tuple[str, ...]) -> None:
    """No other engine holds these any more, and they are not done."""
    for task_id in task_ids:
        node = state.nodes.get(task_id)
        if node is not None and node.state == ELSEWHERE:
            state.active -= 1
            node.move("free again")
            start(state, node)


def done_by_peer(state: State, task_ids: tuple[str, ...]) -> None:
    """The outputs of these exist, and it was not a task of this engine that made them."""
    found: list[tuple[Node, str]] = []
    for task_id in task_ids:
        node = state.nodes.get(task_id)
        if node is not None and _is_for_another(node):
            found.append((node, node.state))
            node.move("made elsewhere")  # all of them, before what one makes, or its slots, could start another
    unwanted: list[Node] = []
    for node, before in found:
        run = owner_of(state, node)
        if run is not None:
            run.count_found((node.spec.task_id,))
        if before == RUNNING:
            leave_active(state, node)
        elif before == ELSEWHERE:
            state.active -= 1
        done(state, node, unwanted, here=False)
    if unwanted:
        drop_unwanted(state, unwanted)


def _is_for_another(node: Node) -> bool:
    """Whether it is no matter who makes what this task is to make."""
    if node.spec.dynamic:
        return False
    return node.state in (READY, RUNNING, ELSEWHERE) or (node.state == WAITING and node.group is None)


def active_specs(state: State) -> Iterator[TaskSpec]:
    """Tasks that were started and have not ended."""
    for node in state.nodes.values():
        if node.is_active and not node.spec.dynamic:
            yield node.spec


def readers_of_ephemeral(state: State, task_id: str) -> list[TaskSpec]:
    """Tasks that read what passes: ephemeral outputs of this task, or, of such a reader, its own.

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
