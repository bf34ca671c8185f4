"""What follows when something goes wrong: trying again, or giving up on all that depends on it.

Giving up on a task walks up to everything that needs it. Runs in ``stop`` mode that are reached give up their targets
and let running tasks end. For runs in ``continue`` mode what depends on the failed task is skipped, and whatever else
the skipped tasks would have read becomes a target of the run itself, so that independent branches go on.

A dynamic task of which something failed goes on until all that it gave has ended, and is skipped then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from alexflow.errors import CycleError
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
    settle_inspections,
    withdraw_children,
    withdraw_run,
)
from alexflow.scheduler.events import Failed, InputsLost
from alexflow.scheduler.instructions import Delay, GaveUp, TryAgain
from alexflow.scheduler.state import CHECKING, MISSING, PRESENT, UNKNOWN, Group, Key, Node, Run, State, TaskCheck
from alexflow.scheduler.states import ACTIVE, CANCELLING, CLOSING, DELAYED, GENERATING, RUNNING, WAITING

#: How often each of a task's inputs may vanish before it is given up on.
MAX_LOSSES = 3

#: The delay before a retry grows no more after this many; of 1 ms it is 34 years by then.
MAX_DOUBLINGS = 40


def failed(state: State, event: Failed) -> None:
    """An attempt failed: try again if that can help and is allowed."""
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
        _try_later(state, node, event)
    else:
        failures = node.attempts + node.deaths + 1
        deaths = node.deaths + (event.reason == "lost")
        state.out.reports.append(GaveUp(node.spec.task_id, event.error, failures, deaths))
        _give_up(state, node, event.error)


def _try_later(state: State, node: Node, event: Failed) -> None:
    seconds = _delay(node, event.chance)
    node.attempts += 1
    _report_retry(state, node, event.error, seconds)
    leave_active(state, node)
    node.move("error, retries left")
    withdraw_children(state, node)
    state.active += 1
    state.out.others.append(Delay(node.spec.task_id, node.attempts, seconds))


def _delay(node: Node, chance: float) -> float:
    """Seconds before the next attempt; ``chance``, from 0 to 1, makes it shorter or longer by the task's jitter."""
    spec = node.spec
    doubled = spec.retry_delay * 2.0 ** min(node.attempts, MAX_DOUBLINGS)
    return doubled * (1.0 + spec.retry_jitter * (2.0 * chance - 1.0))


def _report_retry(state: State, node: Node, error: Any, seconds: float) -> None:
    failures = node.attempts + node.deaths
    state.out.reports.append(TryAgain(node.spec.task_id, error, failures, node.deaths, seconds))


def delay_over(state: State, task_id: str, attempt: int) -> None:
    """The delay before a retry has passed."""
    node = state.nodes.get(task_id)
    if node is not None and node.state == DELAYED and node.attempts == attempt:
        state.active -= 1
        node.move("delay over")
        start(state, node)


def inputs_lost(state: State, event: InputsLost) -> None:
    """Inputs that existed are gone: have them made again, then run the task; no attempt is counted.

    An attempt tells of the first that it misses. Where one has gone, others may have: all are looked at.
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
        return
    if not node.demand:  # stopped runs let it end, which it has
        drop_unstarted(state, node)
        return
    node.losses = node.losses | {name: node.losses.get(name, 0) + 1 for name in lost}
    leave_active(state, node)
    node.move("inputs lost")
    withdraw_children(state, node)
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
    ready_if_complete(state, node)


def drop_unstarted(state: State, node: Node) -> None:
    """A task that only runs which have stopped would let end has not come to run."""
    for run in node.drained_by:
        run.skipped.setdefault(node.spec.task_id, run.draining[node])
    leave_active(state, node)
    node.move("unwanted, ended")
    unwanted: list[Node] = []
    forget(state, node, unwanted)
    drop_unwanted(state, unwanted)


def _give_up(state: State, node: Node, error: Any) -> None:
    runs, dependents, parents = _dependents(state, nodes=[node], through_parents=True)
    for run in (*runs, *node.drained_by):
        run.failures[node.spec.task_id] = error
    for parent in parents:
        parent.first_failure = parent.first_failure or (node.spec.task_id, error)
    node.move("error")
    _end_with_dependents(state, node, runs, dependents, node.spec.task_id)
    leave_active(state, node)  # last: what waits for its slot may not be wanted any more


def give_up_generators(state: State) -> None:
    """Dynamic tasks all of whose tasks have ended, and not all well, have failed with those."""
    while state.failed_generators:
        node = state.failed_generators.pop()
        if node.state != GENERATING or node.first_failure is None or node.children or not node.exhausted:
            continue
        runs, dependents, parents = _dependents(state, nodes=[node], through_parents=True)
        failed_id, error = node.first_failure
        for run in runs:  # those that came after the failure have not been told yet
            run.failures.setdefault(failed_id, error)
            run.skipped.setdefault(node.spec.task_id, failed_id)
        for parent in parents:
            parent.first_failure = parent.first_failure or node.first_failure
        node.move("generated task failed")
        _end_with_dependents(state, node, runs, dependents, failed_id)


def _end_with_dependents(state: State, node: Node, runs: list[Run], dependents: list[Node], failed_id: str) -> None:
    going_on = [run for run in runs if run.on_error == "continue"]
    stopping = [run for run in runs if run.on_error == "stop"]
    for run in stopping:
        stop(state, run)
    _skip(state, dependents, going_on, node, failed_id)
    # what a dynamic task gave is not adopted: it could give the same failing task again, and so without end
    withdraw_children(state, node, {**dict.fromkeys(stopping, ""), **dict.fromkeys(going_on, failed_id)})
    end_badly(state, node)


def stop(state: State, run: Run, *, cancel_running: bool = False) -> None:
    """Give up a run's targets; it is over when what it lets end has ended."""
    if not run.stopping:
        run.stopping = True
        withdraw_run(state, run, cancel=cancel_running)
        state.settled.append(run)


def _skip(state: State, dependents: list[Node], runs: list[Run], cause: Node, failed_id: str) -> None:
    doomed = [node for node in dependents if not node.is_final]
    over = {*doomed, cause}
    for run in runs:
        theirs = doomed if len(runs) == 1 else _wanted_by(state, run, over)
        for node in theirs:
            run.skipped.setdefault(node.spec.task_id, failed_id)
            for name in node.spec.inputs:
                key = state.keys.get(name)
                if key is not None and key.state != PRESENT and key.producer not in over:
                    _adopt(key, run)
    for node in doomed:
        node.move("input failed")
    for node in doomed:
        end_badly(state, node)


def _adopt(key: Key, run: Run) -> None:
    """Make a key that a skipped task would have read a target of the run itself."""
    if run not in key.targets:
        key.targets += (run,)
        key.keep = True
        run.keys.append(key.key)
        run.open += 1


def _wanted_by(state: State, run: Run, doomed: set[Node]) -> list[Node]:
    """Those doomed to wait in vain that one run wants: from its targets down, also through what dynamic tasks gave."""
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


def fail_graph(
    state: State,
    error: Any,
    *,
    nodes: Sequence[Node] = (),
    keys: Sequence[Key] = (),
    checks: Sequence[TaskCheck] = (),
) -> None:
    """A part of the graph that has not started cannot be: fail all requests that want it, and what gave it."""
    runs, waiting, parents = _dependents(state, nodes=nodes, keys=keys, checks=checks, through_parents=False)
    for run in runs:
        run.error = run.error or error
        stop(state, run, cancel_running=True)
    for parent in parents:
        if parent.state == GENERATING:
            _give_up(state, parent, error)
    abandon(state, [*nodes, *waiting])
    for key in keys:
        if key.state == CHECKING and state.keys.get(key.key) is key:
            targets, key.targets = key.targets, ()  # runs that adopted it just now
            for run in targets:
                settle_target(state, run)
            if key.group is not None:
                settle_inspections(state, key.group)
            forget_key(state, key)
    for check in checks:
        if state.checks.pop(check.task_id, None) is not None:
            settle_inspections(state, check.group)
            settle_check(state, check)


def fail_request(state: State, error: Exception, run: Run) -> None:
    """A run asks for what cannot be asked for: it fails, and no other."""
    run.error = run.error or error
    stop(state, run, cancel_running=True)


def _dependents(
    state: State,
    *,
    nodes: Sequence[Node] = (),
    keys: Sequence[Key] = (),
    checks: Sequence[TaskCheck] = (),
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
            if parent not in seen:
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
    """Nothing is under way, yet runs are open: tasks wait for each other through a dynamic task, or what was lost.

    If no runs are open, such tasks may still be left over from one that was cancelled.
    """
    if state.active or state.inspecting or state.to_search or not (state.runs or state.nodes):
        return
    for run in list(state.runs.values()):
        if not run.stopping and run.open > 0:
            circle = _circle(state, run)
            error = CycleError([node.spec.task_id for node in circle])
            runs, waiting, parents = _dependents(state, nodes=circle, through_parents=True)
            for victim in (run, *runs):
                victim.error = victim.error or error
                stop(state, victim, cancel_running=True)
            abandon(state, [*circle, *parents, *waiting])
    abandon(state, list(state.nodes.values()))


def abandon(state: State, nodes: Sequence[Node]) -> None:
    """Drop tasks that cannot start and that may want each other, so that no demand would ever come to nothing."""
    for node in nodes:
        if node.state == GENERATING:
            withdraw_children(state, node)
            if node.state == GENERATING:
                cancel(state, node)
    failed_generators = [node for node in nodes if node.state == WAITING]
    for node in failed_generators:
        node.move("graph wrong")
    for node in failed_generators:
        end_badly(state, node)


def _circle(state: State, run: Run) -> list[Node]:
    node: Node | None = next(_wanted_directly(state, run), None)
    seen: dict[Node, None] = {}
    while node is not None and node not in seen:
        seen[node] = None
        node = _waits_for(state, node)
    path = list(seen)
    return path[path.index(node) :] if node is not None else path


def _wanted_directly(state: State, run: Run) -> Iterator[Node]:
    """Tasks that a run still waits for itself."""
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
