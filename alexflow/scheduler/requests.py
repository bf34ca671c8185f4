"""Requests for outputs and tasks: their beginning, their cancellation, and the verification at their end."""

from __future__ import annotations

from alexflow.errors import OutputMissing
from alexflow.scheduler.chores import withdraw_run
from alexflow.scheduler.completion import finish
from alexflow.scheduler.demand import cancel, inspect_again, pin, target_key, target_task
from alexflow.scheduler.events import RunRequested, RunsCancelled, TargetsAdded, Verified
from alexflow.scheduler.giving_up import stop
from alexflow.scheduler.growth import grow_early
from alexflow.scheduler.links import unlinked
from alexflow.scheduler.state import PRESENT, Group, RunState, State

#: How often targets may be found missing after a run before the run fails.
MAX_VERIFICATIONS = 3


def run_requested(state: State, event: RunRequested) -> None:
    """Begin a run."""
    run = state.runs[event.run_id] = RunState(event.run_id, event.on_error, event.priority, event.fairness_key)
    if event.priority is not None or event.fairness_key:
        state.prioritized = True
    _add_targets(state, run, state.new_group(run), event)


def targets_added(state: State, event: TargetsAdded) -> None:
    """Continue a run of which there was more than one turn may take in."""
    run = state.runs.get(event.run_id)
    if run is not None and run.entering is not None:
        _add_targets(state, run, run.entering.find(), event)


def _add_targets(state: State, run: RunState, group: Group, event: RunRequested | TargetsAdded) -> None:
    for name in dict.fromkeys(event.keys):
        group = target_key(state, name, run, group)
    for task_id in dict.fromkeys(event.tasks):
        group = target_task(state, task_id, run, group)
    if event.keys:
        pin(state, run, event.keys)
    if event.more:
        grow_early(state)
        run.entering = group
        return
    run.entering = None
    state.settle_inspections(group)
    if run.open == 0:
        state.settled.append(run)


def runs_cancelled(state: State, event: RunsCancelled) -> None:
    """End runs at once. Tasks that nothing else wants are cancelled."""
    for run_id in event.run_ids:
        run = state.runs.get(run_id)
        if run is not None:
            run.stopping = True
            withdraw_run(state, run, cancel=True)
            _cancel_draining(state, run)
            if not run.leaving:
                finish(state, run)


def _cancel_draining(state: State, run: RunState) -> None:
    for node in run.draining:
        node.drained_by = unlinked(node.drained_by, run)
        if not node.drained_by and not node.demand:
            cancel(state, node)
    run.draining = {}


def verified(state: State, event: Verified) -> None:
    """Handle the verification of a run's targets: request those that are missing once more."""
    if event.run_id not in state.verifying:
        return
    state.end_verifying(event.run_id)
    run = state.runs.get(event.run_id)
    if run is None:
        return
    run.verifying = False
    state.settled.append(run)
    if run.stopping or not event.missing:
        return
    run.rounds += 1
    if run.rounds > MAX_VERIFICATIONS:
        for name in event.missing:
            run.failures[name] = OutputMissing(name, "it was stored, and was missing again at each verification")
        stop(state, run)
    else:
        _request_again(state, run, event.missing)


def _request_again(state: State, run: RunState, names: tuple[str, ...]) -> None:
    group = state.new_group(run)
    for name in dict.fromkeys(names):  # a large run names some twice
        key = state.keys.get(name)
        if key is not None and key.state == PRESENT:
            group = inspect_again(state, key, group)
        group = target_key(state, name, run, group)
    state.settle_inspections(group)
