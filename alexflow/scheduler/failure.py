"""Consequences of failures: trying again, or giving up on all that depends on a task.

Giving up on a task walks up to everything that needs it. Runs in ``stop`` mode that are reached give up their targets
and drain what runs. For runs in ``continue`` mode what depends on the failed task is skipped, and whatever else the
skipped tasks would have read becomes a target of the run itself, so that independent branches go on.

A dynamic task with a failed child goes on until all its children have ended, and is skipped then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from alexflow.errors import CycleError
from alexflow.scheduler.chores import withdraw_run
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
from alexflow.scheduler.instructions import Delay, GaveUp, TryAgain
from alexflow.scheduler.priorities import raise_for_run
from alexflow.scheduler.state import CHECKING, MISSING, PRESENT, UNKNOWN, Group, Key, Node, RunState, State, TaskCheck
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
        _give_up(state, node, event.error)


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
        run.skipped.setdefault(node.spec.task_id, run.draining[node])
    leave_active(state, node)
    node.move("unwanted, ended")
    unwanted: list[Node] = []
    forget(state, node, unwanted)
    drop_unwanted(state, unwanted)


# -- giving up


def _give_up(state: State, node: Node, error: Any) -> None:
    dependents = Dependents(state, through_parents=True).of_nodes([node])
    for run in (*dependents.runs, *node.drained_by):
        run.failures[node.spec.task_id] = error
    for parent in dependents.parents:
        parent.first_failure = parent.first_failure or (node.spec.task_id, error)
    node.move("error")
    _end_with_dependents(state, node, dependents, node.spec.task_id)
    leave_active(state, node)  # last: what waits for its slot may not be wanted any more


def give_up_generators(state: State) -> None:
    """Fail dynamic tasks whose children have all ended and of which at least one failed."""
    while state.failed_generators:
        node = state.failed_generators.pop()
        if node.state != GENERATING or node.first_failure is None or node.children or not node.exhausted:
            continue
        dependents = Dependents(state, through_parents=True).of_nodes([node])
        failed_id, error = node.first_failure
        for run in dependents.runs:  # those that came after the failure do not have it yet
            run.failures.setdefault(failed_id, error)
            run.skipped.setdefault(node.spec.task_id, failed_id)
        for parent in dependents.parents:
            parent.first_failure = parent.first_failure or node.first_failure
        node.move("generated task failed")
        _end_with_dependents(state, node, dependents, failed_id)


def _end_with_dependents(state: State, node: Node, dependents: Dependents, failed_id: str) -> None:
    going_on = [run for run in dependents.runs if run.on_error == "continue"]
    stopping = [run for run in dependents.runs if run.on_error == "stop"]
    for run in stopping:
        theirs = _wanted_of(state, run, list(dependents.waiting), node, dependents.runs)
        stop(state, run)
        if run.leaving:  # they would be dropped later, and cannot wait: what they need is given up
            run.skipped.update((node.spec.task_id, "") for node in theirs if not node.is_final)
    draining = {run: "" for run in stopping if run.leaving}  # what runs for the skipped tasks alone may end
    _skip(state, list(dependents.waiting), going_on, node, failed_id, draining)
    # children of a dynamic task are not adopted: they could generate the same failing task again, and so without end
    withdraw_children(state, node, {**dict.fromkeys(stopping, ""), **dict.fromkeys(going_on, failed_id)})
    end_badly(state, node)


def stop(state: State, run: RunState, *, is_wrong: bool = False) -> None:
    """Give up a run's targets; it is over when what it drains has ended. In a wrong graph nothing goes on."""
    if not run.stopping:
        run.stopping = True
        withdraw_run(state, run, cancel=is_wrong, at_once=is_wrong)
        state.settled.append(run)


def _skip(
    state: State,
    dependents: list[Node],
    runs: list[RunState],
    cause: Node,
    failed_id: str,
    draining: Mapping[RunState, str],
) -> None:
    doomed = [node for node in dependents if not node.is_final]
    over = {*doomed, cause}
    for run in runs:
        for node in _wanted_of(state, run, doomed, cause, runs):
            run.skipped.setdefault(node.spec.task_id, failed_id)
            for name in node.spec.inputs:
                key = state.keys.get(name)
                if key is not None and key.state != PRESENT and key.producer not in over:
                    _adopt(state, key, run)
    for node in doomed:
        node.move("input failed")
    for node in doomed:
        end_badly(state, node, draining)


def _adopt(state: State, key: Key, run: RunState) -> None:
    """Make a key that a skipped task would have read a target of the run itself."""
    if run not in key.targets:
        key.add_target(run)
        if state.prioritized and key.producer is not None:
            raise_for_run(state, key.producer, run)


def _wanted_of(
    state: State, run: RunState, doomed: list[Node], cause: Node, runs: Collection[RunState]
) -> Sequence[Node]:
    """Return the doomed tasks that one of some runs wants; of one run alone all, unless others are being withdrawn."""
    return doomed if len(runs) == 1 and not state.chores else _wanted_by(state, run, {*doomed, cause})


def _wanted_by(state: State, run: RunState, doomed: set[Node]) -> list[Node]:
    """Return the doomed tasks that one run wants: from its targets down, also through children of dynamic tasks."""
    found: dict[Node, None] = {}
    stack = list(_wanted_directly(state, run))
    while stack:
        node = stack.pop()
        if node in found or (node not in doomed and not node.children):
            continue
        found[node] = None
        for name in node.spec.inputs:
            key = state.keys.get(name)
            if key is not None and key.state == MISSING and key.producer is not None:
                stack.append(key.producer)
        stack += [state.nodes[task_id] for task_id in node.children if task_id in state.nodes]
    return [node for node in found if node in doomed and node.state == WAITING]


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
    dependents = Dependents(state, through_parents=False)
    dependents.of_keys(keys)
    dependents.of_checks(checks)
    dependents.of_nodes(nodes)
    for run in dependents.runs:
        _fail_run(state, error, run)
    for parent in dependents.parents:
        if parent.state == GENERATING:
            _give_up(state, parent, error)
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


def _fail_run(state: State, error: Any, run: RunState) -> None:
    run.error = run.error or error
    stop(state, run, is_wrong=True)


# -- standing still


def fail_if_stuck(state: State) -> None:
    """Fail runs that are open although nothing is active.

    Their tasks wait for each other, through a dynamic task or an output that was lost. If no runs are open, such tasks
    may still be left over from one that was cancelled.
    """
    if state.active or state.inspecting or state.to_search or state.chores or not (state.runs or state.nodes):
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
    for node in stuck:
        end_badly(state, node)


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
