"""Who wants what: asking for keys and tasks, and giving them up.

Asking for something unknown gives an ``Inspect``; what is being made already is joined. Giving up drops a task that
nobody else wants, and what only it wanted, however deep, without recursion.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from alexflow.scheduler.instructions import Generate
from alexflow.scheduler.serving import refuse_as_target, serve
from alexflow.scheduler.state import (
    CHECKING,
    MISSING,
    PRESENT,
    UNKNOWN,
    Group,
    Key,
    Node,
    Run,
    State,
    TaskCheck,
    without,
)
from alexflow.scheduler.states import ACTIVE, CANCELLING, DELAYED, ELSEWHERE, GENERATING, RUNNING, WAITING

NO_RUNS: Final[Mapping[Run, str]] = MappingProxyType({})


def read_inputs(state: State, reader: Node, group: Group) -> Group:
    """A new task needs its inputs. Returns its group, which may have become part of another."""
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
            group = _join(state, key, group)
            reader.missing += 1
        key.readers[reader] = None
        if name in ephemeral:
            key.ephemeral = True
        else:
            key.keep = True
    if new:
        reader.missing += len(new)
        _ask(state, new, group)
    return group


def target_key(state: State, name: str, run: Run, group: Group) -> Group:
    """``run`` asks for ``name``."""
    key = state.keys.get(name)
    if key is None:
        key = state.keys[name] = Key(name, CHECKING, group, state.out.question)
        _ask(state, [name], group)
    elif key.state == PRESENT:
        run.made.append(name)  # it was seen for somebody else, some time ago: to be verified
        key.keep = True
        return group
    else:
        group = _join(state, key, group)
    key.targets += (run,)
    key.keep = True
    run.keys.append(name)
    run.open += 1
    return group


def target_task(state: State, task_id: str, run: Run, group: Group) -> Group:
    """``run`` asks for a task."""
    wanted, group = _want_task(state, task_id, group)
    wanted.runs += (run,)
    if isinstance(wanted, Node):
        pin(state, run, wanted.spec.outputs)
        if wanted.spec.serves:
            refuse_as_target(state, wanted.spec, (run,))
    run.tasks.append(task_id)
    run.open += 1
    return group


def generated_task(state: State, task_id: str, parent: Node, group: Group) -> Group:
    """``parent`` gave a task."""
    if task_id in parent.children:
        return group
    wanted, group = _want_task(state, task_id, group)
    wanted.parents += (parent,)
    parent.children[task_id] = None
    if isinstance(wanted, Node) and wanted.spec.serves:
        serve(state, wanted)
    return group


def _want_task(state: State, task_id: str, group: Group) -> tuple[Node | TaskCheck, Group]:
    node = state.nodes.get(task_id)
    if node is not None:
        node.demand += 1
        return node, group.merge(node.group) if node.group is not None else group
    check = state.checks.get(task_id)
    if check is not None:
        return check, group.merge(check.group)
    check = state.checks[task_id] = TaskCheck(task_id, group, state.out.question)
    group.pending += 1
    state.inspecting += 1
    state.out.inspect_tasks.append(task_id)
    return check, group


def _ask(state: State, names: list[str], group: Group) -> None:
    """Ask about keys of which nothing is known any more, or yet."""
    group.pending += len(names)
    state.inspecting += len(names)
    state.out.inspect_keys += names


def _join(state: State, key: Key, group: Group) -> Group:
    """Before somebody is added to a key that is not present. The first one makes its producer wanted."""
    if key.state == CHECKING:
        return group.merge(key.group)
    producer = key.producer
    if key.state == UNKNOWN or producer is None:
        return inspect_again(state, key, group)
    if not key.demanded:
        producer.demand += 1
    return group.merge(producer.group) if producer.group is not None else group


def inspect_again(state: State, key: Key, group: Group, finder: Node | None = None) -> Group:
    """What was known of a key does not hold any more. All who wait for it become one group.

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
    _ask(state, [key.key], group)
    return group


# -- giving up


def release_inputs(state: State, node: Node, *, keep: bool, unwanted: list[Node]) -> None:
    """A task that is over needs its inputs no more; ``keep`` ephemeral ones that it has not made use of."""
    keys = state.keys
    for name in node.spec.inputs:
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


def _undemand(state: State, key: Key, unwanted: list[Node]) -> None:
    """Nobody reads or targets a key any more."""
    if key.state == PRESENT:
        release_key(state, key)
    elif key.state == MISSING:
        producer = key.producer
        if producer is not None:
            producer.demand -= 1
            if producer.demand == 0:
                unwanted.append(producer)
    else:
        if key.group is not None:
            settle_inspections(state, key.group)
        forget_key(state, key)


def forget_key(state: State, key: Key) -> None:
    """Nothing is known of a key any more, except who says that it makes it."""
    key.group = None
    if key.demanded or key.producer is not None:
        key.state = UNKNOWN
    else:
        del state.keys[key.key]


def release_key(state: State, key: Key) -> None:
    """Drop an output that exists once nobody reads or targets it; an ephemeral one from the storage, too.

    What was there before stays: somebody has stored it for good, as far as is known here.
    """
    if not key.demanded:
        if key.ephemeral and key.made and not key.keep and key.key not in state.pins:
            state.out.remove.append(key.key)
            if state.checks:
                _remember_removal(state, key.key)
        del state.keys[key.key]


def _remember_removal(state: State, name: str) -> None:
    """For tasks that are asked about: that they are complete may have been seen before this."""
    removed = state.removed
    oldest = next(iter(state.checks.values())).asked
    while removed and next(iter(removed.values())) <= oldest:
        del removed[next(iter(removed))]
    removed.pop(name, None)
    removed[name] = state.out.question


def inspect_task_again(state: State, check: TaskCheck) -> None:
    """The answer about a task does not hold any more."""
    del state.checks[check.task_id]  # the oldest stand first
    state.checks[check.task_id] = check
    check.asked = state.out.question
    state.out.inspect_tasks.append(check.task_id)


def pin(state: State, run: Run, names: tuple[str, ...]) -> None:
    """Keep a run's target keys from being removed while it lasts, also those that are not asked for any more."""
    pins = state.pins
    for name in names:
        pins[name] = pins.get(name, 0) + 1
        key = state.keys.get(name)
        if key is not None:
            key.keep = True  # nor afterwards: it was asked for
    run.pinned += names


def unpin(state: State, run: Run) -> None:
    """A run is over."""
    pins = state.pins
    for name in run.pinned:
        pins[name] -= 1
        if not pins[name]:
            del pins[name]
    run.pinned = []


def settle_inspections(state: State, group: Group, count: int = 1) -> None:
    """So many keys or tasks less to look at; a group that is known whole is searched for cycles next."""
    if group.merged_into is not None:
        group = group.find()
    group.pending -= count
    state.inspecting -= count
    if group.pending == 0:
        state.to_search.append(group)


def withdraw_run(state: State, run: Run, *, cancel: bool) -> None:
    """Give up all targets of a run.

    With ``cancel``, what nobody else wants is stopped; else tasks that run are let end, and the run lingers for them.
    """
    run.withdrawn = True
    unwanted: list[Node] = []
    for name in run.keys:
        key = state.keys.get(name)
        if key is not None and run in key.targets:
            key.targets = without(key.targets, run)
            if not key.demanded:
                _undemand(state, key, unwanted)
    for task_id in run.tasks:
        wanted = state.nodes.get(task_id) or state.checks.get(task_id)
        if wanted is not None and run in wanted.runs:
            wanted.runs = without(wanted.runs, run)
            _unwant_task(state, wanted, unwanted)
    run.keys = []
    run.tasks = []
    drop_unwanted(state, unwanted, {} if cancel else {run: ""})


def withdraw_children(state: State, parent: Node, let_end: Mapping[Run, str] = NO_RUNS) -> None:
    """A dynamic task will not wait for what it gave; ``let_end`` as in :func:`drop_unwanted`."""
    unwanted: list[Node] = []
    _disown(state, parent, unwanted)
    drop_unwanted(state, unwanted, let_end)


def _disown(state: State, parent: Node, unwanted: list[Node]) -> None:
    if not parent.children:
        return
    for task_id in parent.children:
        child = state.nodes.get(task_id) or state.checks.get(task_id)
        if child is not None and parent in child.parents:
            child.parents = without(child.parents, parent)
            _unwant_task(state, child, unwanted)
    parent.children = {}


def _unwant_task(state: State, wanted: Node | TaskCheck, unwanted: list[Node]) -> None:
    if isinstance(wanted, Node):
        wanted.demand -= 1
        if wanted.demand == 0:
            unwanted.append(wanted)
    elif not wanted.runs and not wanted.parents:
        del state.checks[wanted.task_id]
        settle_inspections(state, wanted.group)


def drop_unwanted(state: State, unwanted: list[Node], let_end: Mapping[Run, str] = NO_RUNS) -> None:
    """Drop tasks whose demand has come to nothing, and what only they wanted.

    ``let_end`` are the runs that wait for running ones to end; if there are none, those are cancelled. The others are
    skipped for these runs, each with the failed task because of which, or "" for one that was stopped.
    """
    while unwanted:
        node = unwanted.pop()
        if node.demand or node.is_final or node.state == CANCELLING:
            continue
        if node.state == RUNNING and (node.drained_by or let_end):
            for run, because in let_end.items():
                if node not in run.draining:
                    node.drained_by += (run,)
                    run.draining[node] = because
        elif node.state in ACTIVE:
            _disown(state, node, unwanted)
            cancel(state, node)
        else:
            if node.state in (DELAYED, ELSEWHERE):
                state.active -= 1
            node.move("unwanted")
            for run, because in let_end.items():
                run.skipped.setdefault(node.spec.task_id, because)
            forget(state, node, unwanted)


def cancel(state: State, node: Node) -> None:
    """Have what is at work on a task stopped; the task is over when that has answered."""
    if node.spec.dynamic and not node.pulling:
        node.pulling = True
        state.active += 1
    node.move("unwanted")
    state.out.cancel.append(node.spec.task_id)


def forget(state: State, node: Node, unwanted: list[Node]) -> None:
    """A task is over without having made its outputs."""
    release_inputs(state, node, keep=True, unwanted=unwanted)
    drop_node(state, node)


def drop_node(state: State, node: Node) -> None:
    """Take a task that is over out of memory, and its unread outputs with it."""
    task_id = node.spec.task_id
    del state.nodes[task_id]
    if node.spec.tags:
        state.slots.forget(node, node.spec.tags)
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
    """Ask a dynamic task for further tasks, if there is room for them."""
    has_room = len(parent.children) <= state.window // 2
    if parent.state == GENERATING and has_room and not parent.pulling and not parent.exhausted:
        parent.pulling = True
        state.active += 1
        state.out.others.append(Generate(parent.spec.task_id))
