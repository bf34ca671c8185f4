"""What follows when something goes wrong: trying again, or giving up on all that depends on it.

Giving up on a task walks up to everything that needs it. Runs in ``stop`` mode that are reached give up their targets and
let running tasks end. For runs in ``continue`` mode what depends on the failed task is skipped, and whatever else the
skipped tasks would have read becomes a target of the run itself, so that independent branches go on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from alexflow.errors import CycleError
from alexflow.scheduler.completion import (
    cancelled,
    end_badly,
    leave_active,
    ready_if_complete,
    start,
)
from alexflow.scheduler.demand import drop_unwanted, forget, withdraw_children, withdraw_run
from alexflow.scheduler.events import Failed, InputsLost
from alexflow.scheduler.instructions import Delay
from alexflow.scheduler.state import CHECKING, MISSING, PRESENT, Group, Key, Node, Run, State, TaskCheck
from alexflow.scheduler.transitions import ACTIVE, CANCELLING, GENERATING, RUNNING, WAITING

#: How often a task's inputs may vanish before it is given up on.
MAX_LOSSES = 3


def failed(state: State, event: Failed) -> None:
    """An attempt failed: try again if that can help and is allowed."""
    node = state.nodes.get(event.task_id)
    if node is None or node.state not in ACTIVE:
        return
    if node.state == CANCELLING:
        cancelled(state, node)
    elif event.reason == "lost" and node.demand and node.deaths < state.max_deaths:
        node.deaths += 1
        leave_active(state, node)
        node.move("worker lost")
        start(state, node)
    elif event.reason == "error" and node.demand and node.attempts < node.spec.retries:
        _try_later(state, node)
    else:
        _give_up(state, node, event.error)


def _try_later(state: State, node: Node) -> None:
    node.attempts += 1
    leave_active(state, node)
    node.move("error, retries left")
    withdraw_children(state, node, None)
    state.active += 1
    seconds = node.spec.retry_delay * 2.0 ** (node.attempts - 1)
    state.out.others.append(Delay(node.spec.task_id, node.attempts, seconds))


def delay_over(state: State, task_id: str, attempt: int) -> None:
    """The delay before a retry has passed."""
    node = state.nodes.get(task_id)
    if node is not None and node.state == "delayed" and node.attempts == attempt:
        state.active -= 1
        node.move("delay over")
        start(state, node)


def inputs_lost(state: State, event: InputsLost) -> None:
    """Inputs that existed are gone: have them made again, then run the task; no attempt is counted."""
    node = state.nodes.get(event.task_id)
    if node is None or node.state not in ACTIVE:
        return
    if node.state == CANCELLING:
        cancelled(state, node)
        return
    lost = [name for name in event.keys if name in node.spec.inputs]
    if not lost or node.losses >= MAX_LOSSES or node.state not in (RUNNING, GENERATING):
        failed(state, Failed(event.task_id, event.error))
        return
    node.losses += 1
    leave_active(state, node)
    node.move("inputs lost")
    withdraw_children(state, node, None)
    group = Group(node.owner)
    for name in lost:
        key = state.keys[name]
        if key.state == PRESENT:
            _look_again(state, key, node, group)
    node.missing = sum(1 for name in node.spec.inputs if state.keys[name].state != PRESENT)
    ready_if_complete(state, node)


def _look_again(state: State, key: Key, finder: Node, group: Group) -> None:
    key.state = CHECKING
    key.group = group
    group.pending += 1
    state.inspecting += 1
    state.out.inspect_keys.append(key.key)
    for reader in key.readers:
        if reader is not finder and reader.state == WAITING:
            reader.missing += 1


def _give_up(state: State, node: Node, error: Any) -> None:
    runs, dependents, parents = _dependents(state, nodes=[node], through_parents=True)
    for run in dict.fromkeys([*runs, *node.lingers_for]):
        run.failures.append((node.spec.task_id, error))
    leave_active(state, node)
    node.move("error")
    withdraw_children(state, node, None)
    for parent in parents:
        parent.broken = True
    for run in runs:
        if run.on_error == "stop":
            stop(state, run)
    _skip(state, dependents, [run for run in runs if run.on_error == "continue"], node)
    end_badly(state, node)


def stop(state: State, run: Run, *, cancel: bool = False) -> None:
    """Give up a run's targets; it is over when what it lets end has ended."""
    if not run.stopping:
        run.stopping = True
        withdraw_run(state, run, cancel=cancel)
        state.settled.append(run)


def _skip(state: State, dependents: list[Node], runs: list[Run], cause: Node) -> None:
    doomed = [node for node in dependents if not node.over]
    over = {*doomed, cause}
    for node in doomed:
        for name in node.spec.inputs:
            key = state.keys.get(name)
            if key is not None and key.state != PRESENT and key.producer not in over:
                _adopt(key, runs)
    for node in doomed:
        if node.over:
            continue
        node.move("input failed")
        for run in runs:
            run.skipped.append(node.spec.task_id)
        end_badly(state, node)


def _adopt(key: Key, runs: list[Run]) -> None:
    """Make a key that a skipped task would have read a target of the runs themselves."""
    for run in runs:
        if run not in key.targets:
            key.targets.append(run)
            key.keep = True
            run.keys.append(key.key)
            run.open += 1


def graph_is_wrong(
    state: State,
    error: Any,
    *,
    nodes: Iterable[Node] = (),
    keys: Iterable[Key] = (),
    checks: Iterable[TaskCheck] = (),
) -> None:
    """A part of the graph that has not started cannot be: fail the requests that want it, and dynamic tasks that gave it."""
    runs, _, parents = _dependents(state, nodes=nodes, keys=keys, checks=checks, through_parents=False)
    for run in runs:
        run.error = run.error or error
        stop(state, run, cancel=True)
    for parent in parents:
        if parent.state == GENERATING:
            _give_up(state, parent, error)


def _dependents(
    state: State,
    *,
    nodes: Iterable[Node] = (),
    keys: Iterable[Key] = (),
    checks: Iterable[TaskCheck] = (),
    through_parents: bool,
) -> tuple[list[Run], list[Node], list[Node]]:
    """Walk up: runs that want these, tasks that wait for them, and dynamic tasks that gave them."""
    runs: dict[Run, None] = {}
    waiting: dict[Node, None] = {}
    parents: dict[Node, None] = {}
    stack: list[Node] = list(nodes)
    seen: set[Node] = set(stack)

    def reach_key(key: Key) -> None:
        runs.update(dict.fromkeys(key.targets))
        for reader in key.readers:
            if reader.state == WAITING and reader not in seen:
                seen.add(reader)
                waiting[reader] = None
                stack.append(reader)

    def reach(owner: Node | TaskCheck) -> None:
        runs.update(dict.fromkeys(owner.runs))
        for parent in owner.parents:
            if parent not in seen and not parent.broken:
                seen.add(parent)
                parents[parent] = None
                if through_parents:
                    stack.append(parent)

    for key in keys:
        reach_key(key)
    for check in checks:
        reach(check)
    while stack:
        node = stack.pop()
        reach(node)
        for name in node.spec.outputs:
            made = state.keys.get(name)
            if made is not None and made.state == MISSING and made.producer is node:
                reach_key(made)
    return list(runs), list(waiting), list(parents)


# -- standing still


def fail_if_stuck(state: State) -> None:
    """Nothing is under way and nothing will happen, yet runs are open: tasks wait for each other through a dynamic task."""
    if state.active or state.inspecting or state.closing or not state.runs:
        return
    for run in list(state.runs.values()):
        if not run.stopping and run.open > 0:
            circle = _circle(state, run)
            run.error = CycleError([node.spec.task_id for node in circle])
            stop(state, run, cancel=True)
            abandon(state, circle)


def abandon(state: State, nodes: Iterable[Node]) -> None:
    """Drop tasks that only want each other, so that no demand ever comes to nothing."""
    unwanted: list[Node] = []
    for node in nodes:
        if node.state == GENERATING:
            withdraw_children(state, node, None)
            node.move("unwanted")
            state.out.cancel.append(node.spec.task_id)
        elif node.state == WAITING:
            node.move("graph wrong")
            forget(state, node, unwanted)
    drop_unwanted(state, unwanted, None)


def _circle(state: State, run: Run) -> list[Node]:
    names = iter(run.keys)
    node = next((state.nodes[task_id] for task_id in run.tasks if task_id in state.nodes), None)
    while node is None:
        key = state.keys.get(next(names))
        node = key.producer if key is not None else None
    seen: dict[Node, None] = {}
    while node is not None and node not in seen:
        seen[node] = None
        node = _waits_for(state, node)
    path = list(seen)
    return path[path.index(node) :] if node is not None else path


def _waits_for(state: State, node: Node) -> Node | None:
    if node.spec.dynamic and node.children:
        return state.nodes.get(next(iter(node.children)))
    for name in node.spec.inputs:
        key = state.keys.get(name)
        if key is not None and key.state != PRESENT:
            return key.producer
    return None
