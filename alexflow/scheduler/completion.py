"""Consequences of something that is there: an output exists, a task is done, a run has all its targets."""

from __future__ import annotations

from collections.abc import Collection

from alexflow.scheduler.attribution import owner_of
from alexflow.scheduler.chores import unpin
from alexflow.scheduler.demand import (
    drop_node,
    drop_unwanted,
    forget,
    pull_more,
    release_inputs,
    release_key,
)
from alexflow.scheduler.dependents import missing_outputs
from alexflow.scheduler.events import Succeeded
from alexflow.scheduler.id_set import IdSet
from alexflow.scheduler.instructions import Close, Collect, Finish, Verify
from alexflow.scheduler.state import MAX_FOUND_KEPT, MISSING, PRESENT, Key, Node, RunState, State, TaskCheck
from alexflow.scheduler.states import ACTIVE, GENERATING, QUEUED, WAITING

# -- starting


def ready_if_complete(state: State, node: Node) -> None:
    """Make a task ready once its inputs exist, and start it as soon as the limits of its tags allow."""
    if node.missing == 0 and node.state == WAITING and node.group is None:
        if node.spec.tags or node.spec.dynamic:
            node.move("inputs exist")
            start(state, node)
        else:
            state.enqueue(node, "inputs exist, no tags")


def start(state: State, node: Node) -> None:
    """Queue a READY task, or let it wait for a slot. Dynamic tasks take none: they wait for tasks that need them."""
    if node.spec.dynamic:
        node.move("slot free, dynamic")
        node.exhausted = False
        node.first_failure = None
        node.held = {}
        state.begin_pulling(node)
        state.out.start.append(node.spec.task_id)
    elif not node.spec.tags or state.slots.take(
        node, node.spec.tags, node.priority, node.fairness_key, node.spec.spends
    ):
        state.enqueue(node)


def leave_active(state: State, node: Node, *, hand_out: bool = True) -> None:
    """Count that an attempt has ended: its slots are free for others, and stopped runs need not wait for it.

    ``hand_out`` the slots now, and not at the end of the event.
    """
    if node.spec.dynamic:
        if node.pulling:
            state.end_pulling(node)
        return
    state.end_attempt(node)
    if node.drained_by:
        end_draining(state, node)
    if node.spec.spends:
        state.slots.buckets.end(node.spec.task_id)
    if node.spec.tags and hand_out:
        _start_all(state, state.slots.release(node.spec.tags))
    elif node.spec.tags:
        state.slots.give_back(node.spec.tags)


def hand_out_slots(state: State) -> None:
    """Start tasks with slots that were reserved for a task which does not want them any more."""
    _start_all(state, state.slots.hand_out())


def _start_all(state: State, waiters: list[Node]) -> None:
    for waiter in waiters:
        state.enqueue(waiter)


# -- ending well


def succeeded(state: State, event: Succeeded) -> None:
    """Handle the success of tasks, whose outputs are published."""
    unwanted: list[Node] = []
    for task_id in event.tasks:
        node = state.nodes.get(task_id)
        if node is not None and node.state in ACTIVE and node.state != GENERATING:
            _end_well(state, node, unwanted)
    if event.ahead:
        _end_ahead(state, event.ahead, unwanted)
    if unwanted:
        drop_unwanted(state, unwanted)


def _end_ahead(state: State, task_ids: tuple[str, ...], unwanted: list[Node]) -> None:
    """End those of some tasks that have become ready, as they have succeeded already; each may make the next ready."""
    ended: list[str] = []
    for task_id in task_ids:
        node = state.nodes.get(task_id)
        if node is not None and node.state == QUEUED and not node.spec.tags:
            state.queue[node.spec.executor].remove(task_id, node)
            state.begin([node])
            _end_well(state, node, unwanted)
            ended.append(task_id)
    if ended:
        over = set(ended)
        state.out.start = [task_id for task_id in state.out.start if task_id not in over]
        state.out.others.append(Collect(tuple(ended)))


def _end_well(state: State, node: Node, unwanted: list[Node]) -> None:
    run = node.owner
    if run is None or (run.withdrawn and not run.leaving):  # else it has not been given up yet
        run = owner_of(state, node)
    if run is not None:
        run.ran += 1
        if state.is_dynamic:
            if run.ran_here is None:
                run.ran_here = IdSet(MAX_FOUND_KEPT)
            run.ran_here.add(node.spec.task_id)
    counts = len(state.runs) > 1 and _count_shared(state, node, run)
    leave_active(state, node)
    node.move("succeeded")
    done(state, node, unwanted, here=True, shared_by=run if counts else None)


def _count_shared(state: State, node: Node, owner: RunState | None) -> bool:
    """Count a task that has run for those that wait for it as a target of theirs, besides the one that owns it.

    Returns:
        Whether that is left to :class:`Settling`, since there are very many, each of which waits for one thing.
    """
    several: list[Collection[RunState]] = [node.runs] if node.runs else []
    for name in node.spec.outputs:
        key = state.keys.get(name)
        if key is not None and key.targets:
            several.append(key.targets)
    if len(several) == 1 and len(several[0]) > state.steps_per_turn:
        return True
    for run in several[0] if len(several) == 1 else {run for runs in several for run in runs}:  # mostly one
        if run is not owner:
            run.shared += 1
    return False


def done(state: State, node: Node, unwanted: list[Node], *, here: bool, shared_by: RunState | None = None) -> None:
    """Settle a task whose outputs exist; it has run here, or in another engine.

    ``shared_by`` is the run for which it counts, if the others that wait for it have not counted it.
    """
    keys = state.keys
    for name in node.spec.outputs:
        key = keys.get(name)
        if key is not None and key.state != PRESENT:
            if key.state == MISSING:
                key.made = key.made or here
                if key.producer is not node and key.producer is not None:
                    _made_by_another(key, key.producer, unwanted)
            if key.group is not None:
                state.settle_inspections(key.group)  # the answer that is on its way is not needed any more
            key_present(state, key, (name,), shared_by)
    if node.spec.inputs:
        release_inputs(state, node, keep=False, unwanted=unwanted)
    if node.runs:
        settle_targets(state, node.runs, node.spec.outputs, shared_by)
    drop_node(state, node)
    for parent in node.parents:
        wait_for_child(state, parent, node.spec.task_id)


def _made_by_another(key: Key, producer: Node, unwanted: list[Node]) -> None:
    """Note that a task other than its producer claims to have made an output: nothing wants that of it any more."""
    if key.demanded:
        producer.drop_demand(unwanted)
    if producer.group is not None:
        producer.group.find().growth += 1


def key_present(state: State, key: Key, made: tuple[str, ...] = (), shared_by: RunState | None = None) -> None:
    """Take an output as present: what waits for it misses one input less.

    ``made`` and ``shared_by`` are as for :class:`Settling`.
    """
    key.state = PRESENT
    key.seen = True
    key.producer = key.group = None
    if len(key.readers) > state.steps_per_turn:
        state.consequences.append(Arrival(list(key.readers)))
    else:  # as of most; as in Arrival, without the call
        for reader in key.readers:
            if reader.state == WAITING:
                reader.missing -= 1
                if reader.missing == 0:
                    ready_if_complete(state, reader)
    if key.targets:
        settle_targets(state, key.take_targets(), made, shared_by)
    if not key.readers:
        release_key(state, key)


class Arrival:
    """An output that exists now, and that many tasks wait for: they miss one input less, one after the other.

    Attributes:
        readers: those that still count it as missing, if they wait.
    """

    def __init__(self, readers: list[Node]):
        readers.reverse()  # what is first goes first, from the end of the list
        self.readers = readers

    def advance(self, state: State, steps: int) -> int:
        """Continue for at most ``steps``. Returns the steps left over; 0 means that there is more to do."""
        some = self.readers[-steps:]
        del self.readers[-steps:]
        for reader in reversed(some):
            if reader.state == WAITING:
                reader.missing -= 1
                ready_if_complete(state, reader)
        return 0 if self.readers else max(steps - len(some), 1)


class Settling:
    """The end, well or not, of what very many runs have as a target: it is settled for one after the other.

    Args:
        made: keys that were made for them.
        runs: the runs.
        shared_by: the run for which what has ended counts: the others have shared it; None if they have not, or have
            counted it.
    """

    def __init__(self, made: tuple[str, ...], runs: list[RunState], shared_by: RunState | None = None):
        runs.reverse()  # what is first goes first, from the end of the list
        self.runs = runs
        self._made = made
        self._shared_by = shared_by

    def advance(self, state: State, steps: int) -> int:
        """Continue for at most ``steps``. Returns the steps left over; 0 means that there is more to do."""
        some = self.runs[-steps:]
        del self.runs[-steps:]
        for run in reversed(some):
            run.made += self._made
            run.shared += self._shared_by is not None and run is not self._shared_by
            settle_target(state, run)
        return 0 if self.runs else max(steps - len(some), 1)


def settle_targets(
    state: State, runs: Collection[RunState], made: tuple[str, ...] = (), shared_by: RunState | None = None
) -> None:
    """Settle one target of each of these runs, in slices if there are many; ``made`` is as for :class:`Settling`.

    ``shared_by`` as well: if there are few, the others have counted that they shared it.
    """
    if len(runs) > state.steps_per_turn:
        state.consequences.append(Settling(made, list(runs), shared_by))
    else:
        for run in runs:
            run.made += made
            settle_target(state, run)


def settle_check(state: State, check: TaskCheck) -> None:
    """Settle a task that was found done, for all that wanted it."""
    settle_targets(state, check.runs)
    for parent in check.parents:
        wait_for_child(state, parent, check.task_id)


def wait_for_child(state: State, parent: Node, task_id: str) -> None:
    """Count that a child of a dynamic task has ended."""
    parent.children.pop(task_id, None)
    continue_generator(state, parent)


def continue_generator(state: State, parent: Node) -> None:
    """Ask a dynamic task for more, or conclude it if all its children have ended."""
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
        state.begin_pulling(parent)
        state.out.others.append(Close(parent.spec.task_id, tuple(parent.held.items())))


# -- ending otherwise


def end_badly(state: State, node: Node, unwanted: list[Node]) -> None:
    """End a task that has not made its outputs: its targets are settled, its inputs released.

    Tasks that may have no demand left join ``unwanted``.
    """
    for key in missing_outputs(state, node):
        settle_targets(state, key.take_targets())
    settle_targets(state, node.runs)
    forget(state, node, unwanted)
    for parent in node.parents:
        wait_for_child(state, parent, node.spec.task_id)


def cancelled(state: State, node: Node) -> None:
    """Handle the end of a cancelled task without a result."""
    leave_active(state, node)
    if node.demand:
        node.move("wanted again")
        start(state, node)
        return
    node.move("ended")
    unwanted: list[Node] = []
    forget(state, node, unwanted)
    drop_unwanted(state, unwanted)


def end_draining(state: State, node: Node) -> None:
    """Count that a task has ended for which stopped runs waited."""
    for run in node.drained_by:
        del run.draining[node]
        state.settled.append(run)
    node.drained_by = ()


# -- runs


def settle_target(state: State, run: RunState) -> None:
    """Count that one target of a run has ended, well or not."""
    run.open -= 1
    if run.open == 0:
        state.settled.append(run)


def conclude_runs(state: State) -> None:
    """Finish runs whose targets have all ended, a bounded number; what was made for them is verified first."""
    if state.releasing:
        return
    for _ in range(min(len(state.settled), state.steps_per_turn)):
        run = state.settled.pop()
        if run.finished or (run.verifying and not run.stopping):  # one that was cancelled needs no answer
            continue
        if run.stopping:
            if not (run.draining or run.leaving or run.held):
                finish(state, run)
        elif run.open == 0 and run.entering is None and not (run.draining or run.leaving or run.held):
            if run.made and not run.failures:
                state.begin_verifying(run)
                # a few may have been made twice, or be the output of a target and a target themselves
                made = dict.fromkeys(run.made) if len(run.made) <= state.steps_per_turn else run.made
                run.made = []
                state.out.others.append(Verify(run.run_id, tuple(made)))
            else:
                finish(state, run)


def finish(state: State, run: RunState) -> None:
    """End a run whose targets have all ended, or have been given up."""
    run.finished = run.withdrawn = True
    run.keys, run.tasks = [], []
    unpin(state, run)
    del state.runs[run.run_id]
    state.out.finish.append(
        Finish(
            run.run_id,
            error=run.error,
            failures=tuple(run.failures.items()),
            ran=run.ran,
            cached=run.cached,
            skipped=tuple(run.skipped.values()),
            shared=run.shared,
        )
    )
