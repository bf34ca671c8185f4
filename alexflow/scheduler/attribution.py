"""Attribution: the run for which a task counts. That is the run that it was discovered for or, once that has ended,
one that still wants the task.

It is resolved lazily, when a task is counted: resolving it when a run ends would scan everything that the run shares
with others. The tasks passed on the way up to a run belong to that run from then on, so that a chain is walked once,
not once for each of its tasks.
"""

from __future__ import annotations

from collections.abc import Iterator

from alexflow.scheduler.state import Key, Node, RunState, State, TaskCheck


def owner_of(state: State, node: Node) -> RunState | None:
    """Return the run for which a task counts, or None if no run wants it."""
    owner = node.owner
    return owner if owner is not None and not owner.withdrawn else _find_owner(state, [node])


def owner_of_inspected(state: State, asked: Key | TaskCheck) -> RunState | None:
    """Return the same for what is being inspected."""
    group = asked.group.find() if asked.group is not None else None
    if group is not None and group.owner is not None and not group.owner.withdrawn:
        return group.owner
    direct, nodes = (asked.targets, asked.readers) if isinstance(asked, Key) else (asked.runs, asked.parents)
    owner = next(iter(direct)) if direct else _find_owner(state, [node for node in nodes if not node.is_final])
    if group is not None:
        group.owner = owner
    return owner


def _find_owner(state: State, nodes: list[Node]) -> RunState | None:
    """Walk up from tasks to the first run that wants one of them."""
    below: dict[Node, Node | None] = dict.fromkeys(nodes)
    stack = nodes
    while stack:
        node = stack.pop()
        owner = _nearest(state, node)
        if owner is not None:
            passed: Node | None = node
            while passed is not None:
                passed.owner = owner
                passed = below[passed]
            return owner
        for other in _above(state, node):
            if other not in below:
                below[other] = node
                stack.append(other)
    return None


def _nearest(state: State, node: Node) -> RunState | None:
    if node.owner is not None and not node.owner.withdrawn:
        return node.owner
    targeted = (key.targets for key in _claimed_outputs(state, node))
    return next((next(iter(runs)) for runs in (node.drained_by, node.runs, *targeted) if runs), None)


def _above(state: State, node: Node) -> Iterator[Node]:
    """Yield the tasks that need this one."""
    yield from node.parents
    for key in _claimed_outputs(state, node):
        yield from (reader for reader in key.readers if not reader.is_final)  # those release their inputs in slices


def _claimed_outputs(state: State, node: Node) -> Iterator[Key]:
    """Yield what a task claims to make, and not only what is missing, as :func:`.missing_outputs` does.

    One that is being cancelled may make what is being inspected for another run.
    """
    for name in node.spec.outputs:
        key = state.keys.get(name)
        if key is not None and key.producer is node:
            yield key
