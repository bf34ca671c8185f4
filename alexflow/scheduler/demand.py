"""Who wants what: asking for keys and tasks, and giving them up.

Asking for something unknown gives an ``Inspect``; what is being made already is joined. Giving up drops a task that nobody
else wants, and what only it wanted, however deep, without recursion.
"""

from __future__ import annotations

from alexflow.scheduler.instructions import Generate
from alexflow.scheduler.state import CHECKING, MISSING, PRESENT, Group, Key, Node, Run, State, TaskCheck
from alexflow.scheduler.transitions import ACTIVE, CANCELLING, GENERATING, RUNNING


def read_key(state: State, name: str, reader: Node, group: Group) -> Group:
    """``reader`` needs ``name``. Returns its group, which may have become part of another."""
    key = state.keys.get(name)
    if key is None:
        key = _check_key(state, name, group)
    elif key.state != PRESENT:
        group = _join(key, group)
    _demand(key)
    key.readers[reader] = None
    if name in reader.spec.ephemeral:
        key.ephemeral = True
    else:
        key.keep = True
    if key.state != PRESENT:
        reader.missing += 1
    return group


def target_key(state: State, name: str, run: Run, group: Group) -> Group:
    """``run`` asks for ``name``."""
    key = state.keys.get(name)
    if key is None:
        key = _check_key(state, name, group)
    elif key.state != PRESENT:
        group = _join(key, group)
    _demand(key)
    key.targets.append(run)
    key.keep = True
    run.keys.append(name)
    if key.state != PRESENT:
        run.open += 1
    return group


def target_task(state: State, task_id: str, run: Run, group: Group) -> Group:
    """``run`` asks for a task."""
    wanted, group = _want_task(state, task_id, group)
    wanted.runs.append(run)
    run.tasks.append(task_id)
    run.open += 1
    return group


def generated_task(state: State, task_id: str, parent: Node, group: Group) -> Group:
    """``parent`` gave a task."""
    if task_id in parent.children:
        return group
    wanted, group = _want_task(state, task_id, group)
    wanted.parents.append(parent)
    parent.children[task_id] = None
    return group


def _want_task(state: State, task_id: str, group: Group) -> tuple[Node | TaskCheck, Group]:
    node = state.nodes.get(task_id)
    if node is not None:
        node.demand += 1
        return node, group.merge(node.group) if node.group is not None else group
    check = state.checks.get(task_id)
    if check is not None:
        return check, group.merge(check.group)
    check = state.checks[task_id] = TaskCheck(task_id, group)
    group.pending += 1
    state.inspecting += 1
    state.out.inspect_tasks.append(task_id)
    return check, group


def _check_key(state: State, name: str, group: Group) -> Key:
    key = state.keys[name] = Key(name, CHECKING)
    key.group = group
    group.pending += 1
    state.inspecting += 1
    state.out.inspect_keys.append(name)
    return key


def _join(key: Key, group: Group) -> Group:
    if key.state == CHECKING:
        return group.merge(key.group)
    producer = key.producer
    if producer is not None and producer.group is not None:
        return group.merge(producer.group)
    return group


def _demand(key: Key) -> None:
    """Before somebody is added to a key: the first one makes its producer wanted."""
    if key.state == MISSING and not key.demanded and key.producer is not None:
        key.producer.demand += 1


# -- giving up


def release_input(state: State, key: Key, reader: Node, *, keep: bool, unwanted: list[Node]) -> None:
    """``reader`` does not need ``key`` any more; ``keep`` an ephemeral output that it has not made use of."""
    key.readers.pop(reader, None)
    if keep:
        key.keep = True
    _undemand(state, key, unwanted)


def release_inputs(state: State, node: Node, *, keep: bool, unwanted: list[Node]) -> None:
    """:func:`release_input` for all inputs of a task that is over."""
    keys = state.keys
    for name in node.spec.inputs:
        key = keys.get(name)
        if key is not None and node in key.readers:
            release_input(state, key, node, keep=keep, unwanted=unwanted)


def _undemand(state: State, key: Key, unwanted: list[Node]) -> None:
    if key.demanded:
        return
    if key.state == PRESENT:
        release_key(state, key)
    elif key.state == CHECKING:
        if key.group is not None:
            inspection_over(state, key.group)
        del state.keys[key.key]
    elif key.producer is not None:
        key.producer.demand -= 1
        if key.producer.demand == 0:
            unwanted.append(key.producer)


def release_key(state: State, key: Key) -> None:
    """Drop an output that exists once nobody reads or targets it; an ephemeral one from the storage, too."""
    if not key.demanded:
        if key.ephemeral and not key.keep:
            state.out.remove.append(key.key)
        del state.keys[key.key]


def inspection_over(state: State, group: Group) -> None:
    """One key or task less to look at; a group that is known whole is searched for cycles next."""
    group = group.find()
    group.pending -= 1
    state.inspecting -= 1
    if group.pending == 0:
        state.closing.append(group)


def withdraw_run(state: State, run: Run, *, cancel: bool) -> None:
    """Give up all targets of a run.

    Args:
        cancel: stop what nobody else wants; else tasks that run are let end, and the run lingers for them.
    """
    unwanted: list[Node] = []
    for name in run.keys:
        key = state.keys.get(name)
        if key is not None and run in key.targets:
            key.targets.remove(run)
            _undemand(state, key, unwanted)
    for task_id in run.tasks:
        wanted = state.nodes.get(task_id) or state.checks.get(task_id)
        if wanted is not None and run in wanted.runs:
            wanted.runs.remove(run)
            _unwant_task(state, wanted, unwanted)
    run.keys = []
    run.tasks = []
    drop_unwanted(state, unwanted, None if cancel else run)


def withdraw_children(state: State, parent: Node, run: Run | None) -> None:
    """A dynamic task will not wait for what it gave."""
    unwanted: list[Node] = []
    _disown(state, parent, unwanted)
    drop_unwanted(state, unwanted, run)


def _disown(state: State, parent: Node, unwanted: list[Node]) -> None:
    for task_id in parent.children:
        child = state.nodes.get(task_id) or state.checks.get(task_id)
        if child is not None and parent in child.parents:
            child.parents.remove(parent)
            _unwant_task(state, child, unwanted)
    parent.children = {}


def _unwant_task(state: State, wanted: Node | TaskCheck, unwanted: list[Node]) -> None:
    if isinstance(wanted, Node):
        wanted.demand -= 1
        if wanted.demand == 0:
            unwanted.append(wanted)
    elif not wanted.runs and not wanted.parents:
        del state.checks[wanted.task_id]
        inspection_over(state, wanted.group)


def drop_unwanted(state: State, unwanted: list[Node], lets_end: Run | None) -> None:
    """Drop tasks whose demand has come to nothing, and what only they wanted.

    Args:
        lets_end: the run that waits for running ones to end; None to cancel them.
    """
    while unwanted:
        node = unwanted.pop()
        if node.demand or node.over or node.state == CANCELLING:
            continue
        if node.state == RUNNING and lets_end is not None:
            if lets_end not in node.lingers_for:
                node.lingers_for.append(lets_end)
                lets_end.lingering += 1
        elif node.state in ACTIVE:
            _disown(state, node, unwanted)
            node.move("unwanted")
            state.out.cancel.append(node.spec.task_id)
        else:
            if node.state == "delayed":
                state.active -= 1
            node.move("unwanted")
            if lets_end is not None:
                lets_end.skipped.append(node.spec.task_id)
            forget(state, node, unwanted)


def forget(state: State, node: Node, unwanted: list[Node]) -> None:
    """A task is over without having made its outputs."""
    release_inputs(state, node, keep=True, unwanted=unwanted)
    drop_node(state, node)


def drop_node(state: State, node: Node) -> None:
    """Take a task that is over out of memory, and its unread outputs with it."""
    task_id = node.spec.task_id
    del state.nodes[task_id]
    state.out.forget.append(task_id)
    for name in node.spec.outputs:
        if state.claims is not None:
            state.claims.pop(name.casefold(), None)
        key = state.keys.get(name)
        if key is None:
            continue
        if key.maker is node:
            key.maker = None
        if key.producer is node:
            key.producer = None
        if key.producer is None and not key.demanded:
            del state.keys[name]


def pull_more(state: State, parent: Node) -> None:
    """Ask a dynamic task for further tasks, if there is room for them."""
    has_room = len(parent.children) <= state.window // 2
    if parent.state == GENERATING and has_room and not parent.pulling and not parent.exhausted:
        parent.pulling = True
        state.active += 1
        state.out.others.append(Generate(parent.spec.task_id))
