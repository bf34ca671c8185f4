"""Demand: asking for keys and tasks, and giving them up.

Asking for something unknown gives an ``Inspect``; what is being made already is joined. Giving up drops a task that
nothing else wants, and what only it wanted, however deep, without recursion.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from alexflow.scheduler.instructions import Generate
from alexflow.scheduler.links import linked, unlinked
from alexflow.scheduler.priorities import raise_for_parent, raise_for_run
from alexflow.scheduler.serving import refuse_as_target, serve
from alexflow.scheduler.state import (
    CHECKING,
    MISSING,
    PRESENT,
    UNKNOWN,
    Group,
    Key,
    Node,
    RunState,
    State,
    TaskCheck,
)
from alexflow.scheduler.states import (
    ACTIVE,
    CANCELLING,
    DELAYED,
    ELSEWHERE,
    FAILING,
    GENERATING,
    QUEUED,
    RUNNING,
    WAITING,
)

#: Inputs that are released, or adopted, in one step: it is little work.
INPUTS_PER_STEP = 8

NO_RUNS: Final[Mapping[RunState, str]] = MappingProxyType({})


def read_inputs(state: State, reader: Node, group: Group) -> Group:
    """Make a new task a reader of its inputs. Returns its group, which may have become part of another."""
    keys = state.keys
    ephemeral = reader.spec.ephemeral
    question = state.out.question
    new: list[str] = []
    for name in reader.spec.inputs:
        key = keys.get(name)
        if key is None:
            key = keys[name] = Key(name, CHECKING, group, question)
            new.append(name)
        elif key.state != PRESENT:
            if key.group is not group or key.state != CHECKING or group.merged_into is not None:  # else as of most
                group = _join(state, key, group)
            reader.missing += 1
        key.readers[reader] = None
        if name in ephemeral:
            key.ephemeral = True
        else:
            key.keep = True
    if new:
        reader.missing += len(new)
        _inspect(state, new, group)
    return group


def target_key(state: State, name: str, run: RunState, group: Group) -> Group:
    """Make a key a target of a run."""
    key = state.keys.get(name)
    if key is None:
        key = state.keys[name] = Key(name, CHECKING, group, state.out.question)
        _inspect(state, [name], group)
    elif key.state == PRESENT:
        run.made.append(name)  # it was present for another request, some time ago: to be verified
        key.keep = True
        return group
    else:
        group = _join(state, key, group)
    key.add_target(run)
    if state.prioritized and key.producer is not None:
        raise_for_run(state, key.producer, run)
    return group


def target_task(state: State, task_id: str, run: RunState, group: Group) -> Group:
    """Make a task a target of a run."""
    wanted, group = _want_task(state, task_id, group)
    run.add_task(wanted, task_id)
    if isinstance(wanted, Node):
        if state.prioritized:
            raise_for_run(state, wanted, run)
        pin(state, run, wanted.spec.outputs)
        if wanted.spec.serves:
            refuse_as_target(state, wanted.spec, (run,))
    return group


def generated_task(state: State, task_id: str, parent: Node, group: Group) -> Group:
    """Make a task a child of a dynamic one."""
    if task_id in parent.children:
        return group
    wanted, group = _want_task(state, task_id, group)
    wanted.parents = linked(wanted.parents, parent)
    parent.children[task_id] = None
    if isinstance(wanted, Node):
        if state.prioritized:
            raise_for_parent(state, wanted, parent)
        if wanted.spec.serves:
            serve(state, wanted)
    return group


def _want_task(state: State, task_id: str, group: Group) -> tuple[Node | TaskCheck, Group]:
    node = state.nodes.get(task_id)
    if node is not None:
        node.add_demand()
        return node, group.merge(node.group) if node.group is not None else group
    check = state.checks.get(task_id)
    if check is not None:
        return check, group.merge(check.group)
    check = state.checks[task_id] = TaskCheck(task_id, group, state.out.question)
    group.pending += 1
    state.inspecting += 1
    state.out.inspect_tasks.append(task_id)
    return check, group


def _inspect(state: State, names: list[str], group: Group) -> None:
    """Inspect keys of which nothing is known yet, or any more."""
    group.pending += len(names)
    state.inspecting += len(names)
    state.out.inspect_keys += names


def _join(state: State, key: Key, group: Group) -> Group:
    """Prepare a key that is not present for a further reader or target. The first one makes its producer wanted."""
    if key.state == CHECKING:
        return group.merge(key.group)
    producer = key.producer
    if key.state == UNKNOWN or producer is None:
        return inspect_again(state, key, group)
    if not key.demanded:
        producer.add_demand()
    return group.merge(producer.group) if producer.group is not None else group


def inspect_again(state: State, key: Key, group: Group, finder: Node | None = None) -> Group:
    """Inspect a key of which nothing is known for certain any more. All that waits for it becomes one group.

    ``finder`` counts its own missing inputs.
    """
    for reader in key.readers:
        if reader.state == WAITING and reader is not finder:
            reader.missing += 1
            if reader.group is not None:
                group = group.merge(reader.group)
    key.state = CHECKING
    key.group = group
    key.asked = state.out.question
    _inspect(state, [key.key], group)
    return group


def inspect_task_again(state: State, check: TaskCheck) -> None:
    """Inspect a task again whose answer came too late to hold."""
    del state.checks[check.task_id]  # the oldest stand first
    state.checks[check.task_id] = check
    check.asked = state.out.question
    state.out.inspect_tasks.append(check.task_id)


# -- giving up


def release_inputs(
    state: State,
    node: Node,
    names: tuple[str, ...] | None = None,
    *,
    keep: bool,
    unwanted: list[Node],
    draining: Mapping[RunState, str] = NO_RUNS,
) -> None:
    """Release the inputs of a task that has ended, in slices if there are many; or some of them now.

    ``keep`` ephemeral ones that it has not used. In later slices what only it wanted is dropped, ``draining`` as in
    :func:`drop_unwanted`.
    """
    if names is None:
        names = node.spec.inputs
        if len(names) > INPUTS_PER_STEP * state.steps_per_turn:
            _release_later(state, node, draining, keep=keep)
            return
    keys = state.keys
    for name in names:
        key = keys.get(name)
        if key is not None and node in (readers := key.readers):
            del readers[node]
            if keep:
                key.keep = True
            if not readers and not key.targets:
                if key.state == PRESENT and not key.ephemeral:
                    del keys[name]  # as release_key does, to which most would come
                else:
                    _undemand(state, key, unwanted)


def _release_later(state: State, node: Node, draining: Mapping[RunState, str], *, keep: bool) -> None:
    for run in draining:
        run.leaving += 1
    if not keep and node.spec.ephemeral:
        state.releasing += 1
    (state.chores if keep else state.consequences).append(Releasing(node, draining, keep=keep))


class Releasing:
    """The release of the inputs of a task that has ended; until then it is still among their readers.

    Attributes:
        node: the task.
        runs: those that drain what it alone wanted, as in :func:`drop_unwanted`.
        released: how many of its inputs have been.
        unwanted: tasks that may have no demand left.
    """

    def __init__(self, node: Node, draining: Mapping[RunState, str], *, keep: bool):
        self.node = node
        self.released = 0
        self.unwanted: list[Node] = []
        self._keep = keep
        self.runs = draining

    def advance(self, state: State, steps: int) -> int:
        """Continue for at most ``steps``. Returns the steps left over; 0 means that there is more to do."""
        inputs = self.node.spec.inputs
        while steps > 0:
            if self.unwanted:
                drop_next(state, self.unwanted, unfinished(self.runs))
            elif self.released < len(inputs):
                upto = self.released + INPUTS_PER_STEP
                names = inputs[self.released : upto]
                release_inputs(state, self.node, names, keep=self._keep, unwanted=self.unwanted)
                self.released = upto
            else:
                for run in self.runs:
                    run.leaving -= 1
                    state.settled.append(run)
                if not self._keep and self.node.spec.ephemeral:
                    state.releasing -= 1
                return steps
            steps -= 1
        return 0


def unfinished(runs: Mapping[RunState, str]) -> Mapping[RunState, str]:
    """Return those that are not over; others may have been cancelled between two slices."""
    return {run: because for run, because in runs.items() if not run.finished} if runs else runs


def _undemand(state: State, key: Key, unwanted: list[Node]) -> None:
    """Give up a key that is not read or targeted any more."""
    if key.state == PRESENT:
        release_key(state, key)
    elif key.state == MISSING:
        if key.producer is not None:
            key.producer.drop_demand(unwanted)
    else:
        if key.group is not None:
            state.settle_inspections(key.group)
        forget_key(state, key)


def forget_key(state: State, key: Key) -> None:
    """Forget what is known of a key, except for the task that claims to make it."""
    key.group = None
    if key.demanded or key.producer is not None:
        key.state = UNKNOWN
    else:
        del state.keys[key.key]


def release_key(state: State, key: Key) -> None:
    """Drop an output that exists once it is not read or targeted; an ephemeral one from the storage, too.

    An output that existed before stays: it was stored for good, as far as is known here.
    """
    if not key.demanded:
        if key.ephemeral and key.made and not key.keep and key.key not in state.pins:
            state.out.remove.append(key.key)
            if state.checks:
                _record_removal(state, key.key)
        del state.keys[key.key]


def _record_removal(state: State, name: str) -> None:
    """Keep the time of a removal: tasks that are being inspected may have been found complete before it."""
    removed = state.removed
    oldest = next(iter(state.checks.values())).asked
    while removed and next(iter(removed.values())) <= oldest:
        del removed[next(iter(removed))]
    removed.pop(name, None)
    removed[name] = state.out.question


def pin(state: State, run: RunState, names: tuple[str, ...]) -> None:
    """Keep a run's target keys from being removed while it lasts, also those that are not wanted any more."""
    pins = state.pins
    for name in names:
        pins[name] = pins.get(name, 0) + 1
        key = state.keys.get(name)
        if key is not None:
            key.keep = True  # nor afterwards: it was requested
    run.pinned += names


def give_up_key(state: State, run: RunState, name: str, unwanted: list[Node]) -> None:
    """Give up a key that is a target of a run."""
    key = state.keys.get(name)
    if key is not None and run in key.targets:
        key.drop_target(run)
        if not key.demanded:
            _undemand(state, key, unwanted)


def give_up_task(state: State, run: RunState, task_id: str, unwanted: list[Node]) -> None:
    """Give up a task that is a target of a run."""
    wanted = state.nodes.get(task_id) or state.checks.get(task_id)
    if wanted is not None and run in wanted.runs:
        wanted.runs = unlinked(wanted.runs, run)
        _unwant_task(state, wanted, unwanted)


def withdraw_children(state: State, parent: Node, draining: Mapping[RunState, str] = NO_RUNS) -> None:
    """Give up the children of a dynamic task; ``draining`` as in :func:`drop_unwanted`."""
    unwanted: list[Node] = []
    disown(state, parent, unwanted)
    drop_unwanted(state, unwanted, draining)


def disown(state: State, parent: Node, unwanted: list[Node]) -> None:
    """Give up the children of a dynamic task; those without demand join ``unwanted``."""
    if not parent.children:
        return
    for task_id in parent.children:
        child = state.nodes.get(task_id) or state.checks.get(task_id)
        if child is not None and parent in child.parents:
            child.parents = unlinked(child.parents, parent)
            _unwant_task(state, child, unwanted)
    parent.children = {}


def _unwant_task(state: State, wanted: Node | TaskCheck, unwanted: list[Node]) -> None:
    if isinstance(wanted, Node):
        wanted.drop_demand(unwanted)
    elif not wanted.runs and not wanted.parents:
        del state.checks[wanted.task_id]
        state.settle_inspections(wanted.group)


def drop_unwanted(state: State, unwanted: list[Node], draining: Mapping[RunState, str] = NO_RUNS) -> None:
    """Drop tasks without demand, and what only they wanted.

    ``draining`` are the runs that wait for the end of tasks that run; without any, those are cancelled. The other tasks
    are skipped for these runs. Each run comes with the failed task that is the reason, or "" if the run was stopped.
    """
    while unwanted:
        drop_next(state, unwanted, draining)


def drop_next(state: State, unwanted: list[Node], draining: Mapping[RunState, str]) -> None:
    """Drop the last of some tasks, unless there is demand for it by now; what only it wanted joins them."""
    node = unwanted.pop()
    if node.demand or node.is_final or node.state in (CANCELLING, FAILING):
        return
    if node.state == RUNNING and (node.drained_by or draining):
        _drain(node, draining)
    elif node.state in ACTIVE:
        disown(state, node, unwanted)
        cancel(state, node)
    else:
        if node.state == QUEUED:
            state.unqueue(node)
        elif node.state in (DELAYED, ELSEWHERE):
            state.deactivate()
        node.move("unwanted")
        for run, because in draining.items():
            run.skipped.setdefault(node.spec.task_id, (node.spec.task_id, because))
        forget(state, node, unwanted, draining)


def _drain(node: Node, runs: Mapping[RunState, str]) -> None:
    for run, because in runs.items():
        if node not in run.draining:
            node.drained_by = linked(node.drained_by, run)
            run.draining[node] = because


def cancel(state: State, node: Node) -> None:
    """Cancel an active task; it is over when the answer has come."""
    if node.spec.dynamic and not node.pulling:
        state.begin_pulling(node)
    node.move("unwanted")
    state.out.cancel.append(node.spec.task_id)


def forget(state: State, node: Node, unwanted: list[Node], draining: Mapping[RunState, str] = NO_RUNS) -> None:
    """Forget a task that has ended without its outputs; ``draining`` as in :func:`release_inputs`."""
    release_inputs(state, node, keep=True, unwanted=unwanted, draining=draining)
    drop_node(state, node)


def drop_node(state: State, node: Node) -> None:
    """Remove a task that has ended from memory, with its outputs that are not wanted."""
    task_id = node.spec.task_id
    del state.nodes[task_id]
    if node.priority:
        state.count_priority(node.priority, -1)
    if node.spec.tags:
        state.slots.forget(node)
    state.out.forget.append(task_id)
    for name in node.spec.outputs:
        key = state.keys.get(name)
        if key is not None and key.producer is node:
            key.producer = None
            if key.state != CHECKING:
                forget_key(state, key)
        if state.claims is not None and (key is None or key.producer is None):
            folded = name.casefold()
            if state.claims.get(folded) == name:
                del state.claims[folded]


def pull_more(state: State, parent: Node) -> None:
    """Ask a dynamic task for further tasks, if its window has room for them."""
    has_room = len(parent.children) <= state.window // 2
    if parent.state == GENERATING and has_room and not parent.pulling and not parent.exhausted:
        state.begin_pulling(parent)
        state.out.others.append(Generate(parent.spec.task_id))
