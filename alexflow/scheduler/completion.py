"""What follows when something is there: an output exists, a task is done, a run has all it asked for."""

from __future__ import annotations

from alexflow.scheduler.demand import (
    drop_node,
    drop_unwanted,
    forget,
    pull_more,
    release_inputs,
    release_key,
    withdraw_run,
)
from alexflow.scheduler.instructions import Close, Finish, Verify
from alexflow.scheduler.state import PRESENT, Key, Node, Run, State, TaskCheck
from alexflow.scheduler.transitions import GENERATING, READY, WAITING

# -- starting


def ready_if_complete(state: State, node: Node) -> None:
    """Start a task whose inputs all exist, as soon as its tags' limits let it."""
    if node.missing == 0 and node.state == WAITING and node.group is None:
        node.move("inputs exist")
        start(state, node)


def start(state: State, node: Node) -> None:
    """Start a READY task, or let it wait for a slot. Dynamic tasks take none: they wait for what they give."""
    if node.spec.dynamic:
        node.move("slot free, dynamic")
        node.pulling = True
        node.exhausted = node.broken = False
    elif not node.spec.tags or state.slots.take(node, node.spec.tags):
        node.move("slot free")
    else:
        return
    state.active += 1
    state.out.start.append(node.spec.task_id)


def leave_active(state: State, node: Node) -> None:
    """What was at work on the task has ended; others may have its slots."""
    if node.spec.dynamic:
        if node.pulling:
            node.pulling = False
            state.active -= 1
        return
    state.active -= 1
    if node.spec.tags:
        for waiter in state.slots.release(node.spec.tags):
            waiter.move("slot free")
            state.active += 1
            state.out.start.append(waiter.spec.task_id)


# -- ending well


def succeeded(state: State, task_ids: tuple[str, ...]) -> None:
    """Tasks have run and their outputs are published."""
    unwanted: list[Node] = []
    for task_id in task_ids:
        node = state.nodes.get(task_id)
        if node is None or node.state == READY or node.state == WAITING:
            continue
        leave_active(state, node)
        node.move("succeeded")
        _done(state, node, unwanted)
    if unwanted:
        drop_unwanted(state, unwanted, None)


def _done(state: State, node: Node, unwanted: list[Node]) -> None:
    if node.owner is not None:
        node.owner.ran += 1
    keys = state.keys
    for name in node.spec.outputs:
        key = keys.get(name)
        if key is not None:
            key_present(state, key)
    if node.spec.inputs:
        release_inputs(state, node, keep=False, unwanted=unwanted)
    for run in node.runs:
        run.made += node.spec.outputs
        settle_target(state, run)
    end_lingering(state, node)
    drop_node(state, node)
    for parent in node.parents:
        child_over(state, parent, node.spec.task_id)


def key_present(state: State, key: Key) -> None:
    """An output exists: who waits for it need wait no more."""
    if key.state == PRESENT:
        return
    key.state = PRESENT
    key.producer = key.maker = key.group = None
    for reader in key.readers:
        if reader.state == WAITING:
            reader.missing -= 1
            if reader.missing == 0:
                ready_if_complete(state, reader)
    targets, key.targets = key.targets, []
    for run in targets:
        settle_target(state, run)
    release_key(state, key)


def settle_check(state: State, check: TaskCheck) -> None:
    """A task that was asked for is done already."""
    for run in check.runs:
        settle_target(state, run)
    for parent in check.parents:
        child_over(state, parent, check.task_id)


def child_over(state: State, parent: Node, task_id: str) -> None:
    """Something that a dynamic task gave has ended; ask it for more, or conclude it."""
    parent.children.pop(task_id, None)
    if parent.state != GENERATING:
        return
    if not parent.exhausted:
        pull_more(state, parent)
    elif not parent.children:
        conclude_parent(state, parent)


def conclude_parent(state: State, parent: Node) -> None:
    """All that a dynamic task gave has ended."""
    if parent.broken:
        parent.move("generated task failed")
        if parent.owner is not None:
            parent.owner.skipped.append(parent.spec.task_id)
        end_badly(state, parent)
    else:
        parent.move("all generated")
        parent.pulling = True
        state.active += 1
        state.out.others.append(Close(parent.spec.task_id))


# -- ending otherwise


def end_badly(state: State, node: Node) -> None:
    """A task is over without its outputs: its targets are settled, its parents broken, its inputs given up."""
    for name in node.spec.outputs:
        key = state.keys.get(name)
        if key is not None and key.producer is node:
            targets, key.targets = key.targets, []
            for run in targets:
                settle_target(state, run)
    for run in node.runs:
        settle_target(state, run)
    end_lingering(state, node)
    unwanted: list[Node] = []
    forget(state, node, unwanted)
    drop_unwanted(state, unwanted, None)
    for parent in node.parents:
        parent.broken = True
        child_over(state, parent, node.spec.task_id)


def cancelled(state: State, node: Node) -> None:
    """A task that was to be cancelled has ended without a result."""
    leave_active(state, node)
    if node.demand:
        node.move("wanted again")
        start(state, node)
        return
    node.move("ended")
    end_lingering(state, node)
    unwanted: list[Node] = []
    forget(state, node, unwanted)
    drop_unwanted(state, unwanted, None)


def end_lingering(state: State, node: Node) -> None:
    """Stopped runs that let this task end need not wait for it any more."""
    for run in node.lingers_for:
        run.lingering -= 1
        state.settled.append(run)
    node.lingers_for = []


# -- runs


def settle_target(state: State, run: Run) -> None:
    """One target of a run is decided, well or not."""
    run.open -= 1
    if run.open == 0:
        state.settled.append(run)


def conclude_runs(state: State) -> None:
    """Finish runs whose targets are all decided; look again at what was made for them first."""
    while state.settled:
        run = state.settled.pop()
        if run.finished or run.verifying:
            continue
        if run.stopping:
            if run.lingering == 0:
                finish(state, run)
        elif run.open == 0:
            if run.made and not run.failures:
                run.verifying = True
                state.active += 1
                made, run.made = tuple(dict.fromkeys(run.made)), []
                state.out.others.append(Verify(run.run_id, made))
            else:
                finish(state, run)


def finish(state: State, run: Run) -> None:
    """A run is over."""
    run.finished = True
    withdraw_run(state, run, cancel=True)
    del state.runs[run.run_id]
    state.out.others.append(
        Finish(
            run.run_id,
            error=run.error,
            failures=tuple(run.failures),
            ran=run.ran,
            cached=run.cached,
            skipped=tuple(dict.fromkeys(run.skipped)),
        )
    )
