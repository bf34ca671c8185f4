"""Consequences of failures: trying again, or giving up on all that depends on a task.

Giving up on a task walks up to everything that needs it. Runs in ``stop`` mode that are reached give up their targets
and drain what runs. For runs in ``continue`` mode what depends on the failed task is skipped, and whatever else the
skipped tasks would have read becomes a target of the run itself, so that independent branches go on.

A dynamic task with a failed child goes on until all its children have ended, and is skipped then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from alexflow.errors import CycleError
from alexflow.scheduler.chores import finish_since
from alexflow.scheduler.completion import (
    cancelled,
    end_badly,
    leave_active,
    ready_if_complete,
    settle_check,
    settle_target,
    start,
)
from alexflow.scheduler.demand import (
    cancel,
    drop_unwanted,
    forget,
    forget_key,
    inspect_again,
    withdraw_children,
)
from alexflow.scheduler.dependents import Dependents
from alexflow.scheduler.events import DelayOver, Failed, InputsLost, Postponed
from alexflow.scheduler.giving_up import give_up, stop
from alexflow.scheduler.instructions import Delay, GaveUp, TryAgain
from alexflow.scheduler.state import CHECKING, PRESENT, UNKNOWN, Group, Key, Node, RunState, State, TaskCheck
from alexflow.scheduler.states import ACTIVE, CANCELLING, CLOSING, DELAYED, GENERATING, RUNNING, WAITING

#: How often each of a task's inputs may vanish before the task is given up.
MAX_LOSSES = 3

#: The delay before a retry doubles at most so often; of 1 ms it is 34 years by then.
MAX_DOUBLINGS = 40


# -- one attempt


def failed(state: State, event: Failed) -> None:
    """Handle a failed attempt: try again if that can help and is allowed, else give up."""
    node = state.nodes.get(event.task_id)
    if node is None or node.state not in ACTIVE:
        return
    if node.state == CANCELLING:
        cancelled(state, node)
    elif event.reason == "lost" and node.demand and node.deaths < state.max_deaths and node.state == RUNNING:
        node.deaths += 1
        _report_retry(state, node, event.error, 0.0)
        leave_active(state, node)
        node.move("worker lost")
        start(state, node)
    elif event.reason == "error" and node.demand and node.attempts < node.spec.retries:
        _retry_later(state, node, event)
    else:
        failures = node.attempts + node.deaths + 1
        deaths = node.deaths + (event.reason == "lost")
        state.out.reports.append(GaveUp(node.spec.task_id, event.error, failures, deaths))
        give_up(state, node, "error", node.spec.task_id, event.error)


def postponed(state: State, event: Postponed) -> None:
    """Pause what a task asked to be paused, and start the task again after that; no attempt is counted."""
    node = state.nodes.get(event.task_id)
    if node is None or node.state not in ACTIVE:
        return
    state.slots.buckets.pause(node.spec.spends, event.seconds)
    if node.state == CANCELLING:
        cancelled(state, node)
    elif node.state != RUNNING:
        failed(state, Failed(event.task_id, event.error))
    elif not node.demand:  # stopped runs were draining it, and it has ended
        drop_unstarted(state, node)
    else:
        leave_active(state, node)
        state.activate(node, "error, retries left")
        state.out.others.append(Delay(node.spec.task_id, node.attempts, event.seconds))


def _retry_later(state: State, node: Node, event: Failed) -> None:
    seconds = _delay(node, event.chance)
    node.attempts += 1
    _report_retry(state, node, event.error, seconds)
    leave_active(state, node)
    state.activate(node, "error, retries left")
    withdraw_children(state, node)
    state.out.others.append(Delay(node.spec.task_id, node.attempts, seconds))


def _delay(node: Node, chance: float) -> float:
    """Return the seconds before the next attempt; ``chance``, from 0 to 1, varies them by the task's jitter."""
    spec = node.spec
    doubled = spec.retry_delay * 2.0 ** min(node.attempts, MAX_DOUBLINGS)
    return doubled * (1.0 + spec.retry_jitter * (2.0 * chance - 1.0))


def _report_retry(state: State, node: Node, error: Any, seconds: float) -> None:
    failures = node.attempts + node.deaths
    state.out.reports.append(TryAgain(node.spec.task_id, error, failures, node.deaths, seconds))


def delay_over(state: State, event: DelayOver) -> None:
    """Start a task again after the delay before a retry."""
    node = state.nodes.get(event.task_id)
    if node is not None and node.state == DELAYED and node.attempts == event.attempt:
        state.deactivate()
        node.move("delay over")
        start(state, node)


def inputs_lost(state: State, event: InputsLost) -> None:
    """Have inputs that vanished made again, then run the task; no attempt is counted.

    An attempt reports the first input that it misses. Others may have vanished with it: all are inspected.
    """
    node = state.nodes.get(event.task_id)
    if node is None or node.state not in ACTIVE:
        return
    if node.state == CANCELLING:
        cancelled(state, node)
        return
    lost = dict.fromkeys(name for name in event.keys if name in node.spec.inputs)
    if not lost or node.state == CLOSING or any(node.losses.get(name, 0) >= MAX_LOSSES for name in lost):
        failed(state, Failed(event.task_id, event.error))
    elif not node.demand:  # stopped runs were draining it, and it has ended
        drop_unstarted(state, node)
    else:
        node.losses = node.losses | {name: node.losses.get(name, 0) + 1 for name in lost}
        leave_active(state, node)
        node.move("inputs lost")
        withdraw_children(state, node)
        _inspect_inputs(state, node, lost)
        ready_if_complete(state, node)


def _inspect_inputs(state: State, node: Node, lost: Iterable[str]) -> None:
    """Inspect all inputs of a task again, the lost ones first, and count those that are missing."""
    group = Group(node.owner)
    for name in dict.fromkeys([*lost, *node.spec.inputs]):
        key = state.keys[name]
        if key.state == PRESENT or key.state == UNKNOWN:
            group = inspect_again(state, key, group, node)
    node.missing = 0
    for name in node.spec.inputs:
        key = state.keys[name]
        if key.state != PRESENT and key.state != UNKNOWN:
            node.missing += 1


def drop_unstarted(state: State, node: Node) -> None:
    """Drop a task that only stopped runs were draining, and that has not begun to run."""
    for run in node.drained_by:
        run.skipped.setdefault(node.spec.task_id, (node.spec.task_id, run.draining[node]))
    leave_active(state, node)
    node.move("unwanted, ended")
    unwanted: list[Node] = []
    forget(state, node, unwanted)
    drop_unwanted(state, unwanted)


# -- giving up


def give_up_generators(state: State) -> None:
    """Fail dynamic tasks whose children have all ended and of which at least one failed."""
    while state.failed_generators:
        node = state.failed_generators.pop()
        if node.state != GENERATING or node.first_failure is None or node.children or not node.exhausted:
            continue
        give_up(state, node, "generated task failed", *node.first_failure)


# -- wrong graphs


def fail_conflicts(state: State) -> None:
    """Fail what was found to be impossible while the graph was discovered."""
    while state.conflicts:
        where, error = state.conflicts.popleft()
        if isinstance(where, Node):
            fail_graph(state, error, nodes=[where])
        elif isinstance(where, RunState):
            _fail_run(state, error, where)
        else:
            fail_graph(state, error, keys=[where])


def fail_graph(
    state: State,
    error: Any,
    *,
    nodes: Sequence[Node] = (),
    keys: Sequence[Key] = (),
    checks: Sequence[TaskCheck] = (),
) -> None:
    """Fail all requests that want an impossible part of the graph, which has not started, and its dynamic tasks."""
    before = len(state.chores)
    dependents = Dependents(state, through_parents=False)
    dependents.of_keys(keys)
    dependents.of_checks(checks)
    dependents.of_nodes(nodes)
    for run in dependents.runs:
        _fail_run(state, error, run)
    for parent in dependents.parents:
        if parent.state == GENERATING:
            give_up(state, parent, "error", parent.spec.task_id, error)
    abandon(state, [*nodes, *dependents.waiting])
    for key in keys:
        if key.state == CHECKING and state.keys.get(key.key) is key:
            for run in key.take_targets():  # those that adopted it just now
                settle_target(state, run)
            if key.group is not None:
                state.settle_inspections(key.group)
            forget_key(state, key)
    for check in checks:
        if state.checks.pop(check.task_id, None) is not None:
            state.settle_inspections(check.group)
            settle_check(state, check)
    finish_since(state, before)  # nothing of it may start any more


def _fail_run(state: State, error: Any, run: RunState) -> None:
    run.error = run.error or error
    stop(state, run, is_wrong=True)


# -- standing still


def fail_if_stuck(state: State) -> None:
    """Fail runs that are open although nothing is active.

    Their tasks wait for each other, through a dynamic task or an output that was lost. If no runs are open, such tasks
    may still be left over from one that was cancelled.
    """
    if state.active or state.inspecting or state.to_search or state.chores or state.consequences or state.settled:
        return
    if not (state.runs or state.nodes):
        return
    for run in list(state.runs.values()):
        if not run.stopping and run.open > 0:
            circle = _circle(state, run)
            error = CycleError([node.spec.task_id for node in circle])
            dependents = Dependents(state, through_parents=True).of_nodes(circle)
            for victim in (run, *dependents.runs):
                _fail_run(state, error, victim)
            abandon(state, [*circle, *dependents.parents, *dependents.waiting])
    abandon(state, list(state.nodes.values()))


def abandon(state: State, nodes: Sequence[Node]) -> None:
    """Drop tasks that cannot start and may want each other, so that the demand for none would ever end."""
    for node in nodes:
        if node.state == GENERATING:
            withdraw_children(state, node)
            if node.state == GENERATING:
                cancel(state, node)
    stuck = [node for node in nodes if node.state == WAITING]
    for node in stuck:
        node.move("graph wrong")
    unwanted: list[Node] = []
    for node in stuck:
        end_badly(state, node, unwanted)
        drop_unwanted(state, unwanted)


def _circle(state: State, run: RunState) -> list[Node]:
    node: Node | None = next(_wanted_directly(state, run), None)
    seen: dict[Node, None] = {}
    while node is not None and node not in seen:
        seen[node] = None
        node = _waits_for(state, node)
    path = list(seen)
    return path[path.index(node) :] if node is not None else path


def _wanted_directly(state: State, run: RunState) -> Iterator[Node]:
    """Yield the tasks that a run still waits for itself."""
    for task_id in run.tasks:
        node = state.nodes.get(task_id)
        if node is not None and run in node.runs:
            yield node
    for name in run.keys:
        key = state.keys.get(name)
        if key is not None and key.producer is not None and run in key.targets:
            yield key.producer


def _waits_for(state: State, node: Node) -> Node | None:
    if node.spec.dynamic and node.children:
        return state.nodes.get(next(iter(node.children)))
    for name in node.spec.inputs:
        key = state.keys.get(name)
        if key is not None and key.state != PRESENT:
            return key.producer
    return None
