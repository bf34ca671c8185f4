"""What follows when something is there: an output exists, a task is done, a run has all it asked for."""

from __future__ import annotations

from alexflow.scheduler.attribution import owner_of
from alexflow.scheduler.demand import (
    drop_node,
    drop_unwanted,
    forget,
    pull_more,
    release_inputs,
    release_key,
    settle_inspections,
    unpin,
    withdraw_run,
)
from alexflow.scheduler.instructions import Close, Finish, Verify
from alexflow.scheduler.state import MISSING, PRESENT, Key, Node, Run, State, TaskCheck
from alexflow.scheduler.states import ACTIVE, GENERATING, WAITING

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
        node.exhausted = False
        node.first_failure = None
        node.held = {}
    elif not node.spec.tags or state.slots.take(node, node.spec.tags):
        node.move("slot free")
    else:
        return
    state.active += 1
    state.out.start.append(node.spec.task_id)


def leave_active(state: State, node: Node) -> None:
    """What was at work on a task has ended: others may have its slots, stopped runs need not wait for it."""
    if node.spec.dynamic:
        if node.pulling:
            node.pulling = False
            state.active -= 1
        return
    state.active -= 1
    if node.drained_by:
        _end_draining(state, node)
    if node.spec.tags:
        _start_all(state, state.slots.release(node.spec.tags))


def hand_out_slots(state: State) -> None:
    """Start what can take the slots that were reserved for a task which does not want them any more."""
    _start_all(state, state.slots.hand_out())


def _start_all(state: State, waiters: list[Node]) -> None:
    for waiter in waiters:
        waiter.move("slot free")
        state.active += 1
        state.out.start.append(waiter.spec.task_id)


# -- ending well


def succeeded(state: State, task_ids: tuple[str, ...]) -> None:
    """Tasks have run and their outputs are published."""
    unwanted: list[Node] = []
    for task_id in task_ids:
        node = state.nodes.get(task_id)
        if node is None or node.state not in ACTIVE or node.state == GENERATING:
            continue
        run = node.owner
        if run is None or run.withdrawn:
            run = owner_of(state, node)
        if run is not None:
            run.ran += 1
        leave_active(state, node)
        node.move("succeeded")
        done(state, node, unwanted, here=True)
    if unwanted:
        drop_unwanted(state, unwanted)


def done(state: State, node: Node, unwanted: list[Node], *, here: bool) -> None:
    """A task is over, and its outputs exist; it has run here, or elsewhere."""
    keys = state.keys
    for name in node.spec.outputs:
        key = keys.get(name)
        if key is not None:
            _key_made(state, key, node, unwanted, here)
    if node.spec.inputs:
        release_inputs(state, node, keep=False, unwanted=unwanted)
    for run in node.runs:
        run.made += node.spec.outputs
        settle_target(state, run)
    drop_node(state, node)
    for parent in node.parents:
        child_ended(state, parent, node.spec.task_id)


def _key_made(state: State, key: Key, node: Node, unwanted: list[Node], here: bool) -> None:
    """A task that is done says that it made this."""
    key.made = key.made or (here and key.state == MISSING)
    producer = key.producer
    if key.state == MISSING and producer is not None and producer is not node:
        if key.demanded:
            producer.demand -= 1
            if producer.demand == 0:
                unwanted.append(producer)
        if producer.group is not None:
            producer.group.find().growth += 1
    if key.state != PRESENT:
        for run in key.targets:
            run.made.append(key.key)
        if key.group is not None:
            settle_inspections(state, key.group)  # the answer that is on its way is not needed any more
        key_present(state, key)


def key_present(state: State, key: Key) -> None:
    """An output exists: who waits for it need wait no more."""
    key.state = PRESENT
    key.seen = True
    key.producer = key.group = None
    for reader in key.readers:
        if reader.state == WAITING:
            reader.missing -= 1
            if reader.missing == 0:
                ready_if_complete(state, reader)
    if key.targets:
        targets, key.targets = key.targets, ()
        for run in targets:
            settle_target(state, run)
    if not key.readers:
        release_key(state, key)


def settle_check(state: State, check: TaskCheck) -> None:
    """A task that was asked for is done already."""
    for run in check.runs:
        settle_target(state, run)
    for parent in check.parents:
        child_ended(state, parent, check.task_id)


def child_ended(state: State, parent: Node, task_id: str) -> None:
    """Something that a dynamic task gave has ended."""
    parent.children.pop(task_id, None)
    continue_generator(state, parent)


def continue_generator(state: State, parent: Node) -> None:
    """Ask a dynamic task for more, or conclude it if nothing of what it gave is left."""
    if parent.state != GENERATING:
        return
    if not parent.exhausted:
        pull_more(state, parent)
    elif parent.children:
        return
    elif parent.first_failure is not None:
        state.failed_generators.append(parent)
    else:
        parent.move("all generated")
        parent.pulling = True
        state.active += 1
        state.out.others.append(Close(parent.spec.task_id, tuple(parent.held.items())))


# -- ending otherwise


def end_badly(state: State, node: Node) -> None:
    """A task is over without its outputs: its targets are settled, its inputs given up."""
    for name in node.spec.outputs:
        key = state.keys.get(name)
        if key is not None and key.producer is node and key.state == MISSING:
            targets, key.targets = key.targets, ()
            for run in targets:
                settle_target(state, run)
    for run in node.runs:
        settle_target(state, run)
    unwanted: list[Node] = []
    forget(state, node, unwanted)
    drop_unwanted(state, unwanted)
    for parent in node.parents:
        child_ended(state, parent, node.spec.task_id)


def cancelled(state: State, node: Node) -> None:
    """A task that was to be cancelled has ended without a result."""
    leave_active(state, node)
    if node.demand:
        node.move("wanted again")
        start(state, node)
        return
    node.move("ended")
    unwanted: list[Node] = []
    forget(state, node, unwanted)
    drop_unwanted(state, unwanted)


def _end_draining(state: State, node: Node) -> None:
    for run in node.drained_by:
        del run.draining[node]
        state.settled.append(run)
    node.drained_by = ()


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
            if not run.draining:
                finish(state, run)
        elif run.open == 0 and not run.draining:
            if run.made and not run.failures:
                run.verifying = True
                state.verifying.add(run.run_id)
                state.active += 1
                made, run.made = tuple(dict.fromkeys(run.made)), []
                state.out.others.append(Verify(run.run_id, made))
            else:
                finish(state, run)


def finish(state: State, run: Run) -> None:
    """A run is over."""
    run.finished = True
    withdraw_run(state, run, cancel=True)
    unpin(state, run)
    del state.runs[run.run_id]
    state.out.finish.append(
        Finish(
            run.run_id,
            error=run.error,
            failures=tuple(run.failures.items()),
            ran=run.ran,
            cached=run.cached,
            skipped=tuple(run.skipped.items()),
        )
    )
