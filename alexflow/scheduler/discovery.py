"""Discovery of the graph, from targets back to what is missing, and no further.

A request's part of the graph is a group. Answers to ``Inspect`` add to it until nothing is pending; then the group is
searched for cycles (``cycles``), and only then does any of it start.
"""

from __future__ import annotations

from alexflow.errors import OutputConflict
from alexflow.scheduler.attribution import owner_of_inspected
from alexflow.scheduler.completion import key_present, settle_check
from alexflow.scheduler.demand import inspect_task_again, pin, read_inputs
from alexflow.scheduler.events import Inspected, InspectionFailed, TaskSpec
from alexflow.scheduler.failure import fail_graph
from alexflow.scheduler.growth import grow_early
from alexflow.scheduler.links import all_linked
from alexflow.scheduler.priorities import raise_for_check, raise_producer, rank_new
from alexflow.scheduler.serving import refuse_as_target, serve
from alexflow.scheduler.state import CHECKING, MISSING, PRESENT, UNKNOWN, Group, Key, Node, RunState, State, TaskCheck


def inspected(state: State, event: Inspected) -> None:
    """Handle a part of an answer: what exists is present, what does not has a producer now."""
    specs = {spec.task_id: spec for spec in event.specs}
    state.found = None
    owner = _add_present(state, event) if event.present else None
    if event.missing:
        _add_all_missing(state, event, specs)
    outdated: set[str] = set()
    for task_id in event.complete:
        check = _asked_task(state, task_id, event.question)
        if check is not None:
            spec = specs.get(task_id)
            if spec is not None and state.removed and _removed_since(state, check, spec):
                inspect_task_again(state, check)
                outdated.add(task_id)
                continue
            owner = owner or owner_of_inspected(state, check)
            _add_complete(state, check, spec)
    for task_id in event.incomplete:
        check = _asked_task(state, task_id, event.question)
        if check is not None:
            del state.checks[task_id]
            _add_incomplete(state, check, specs)
    grow_early(state)
    if owner is not None:
        found = event.found
        if outdated:
            found = tuple(task_id for task_id in found if task_id not in outdated)
        if owner.ran_here is not None:  # what a dynamic task generates reads what has just been made
            found = tuple(task_id for task_id in found if task_id not in owner.ran_here)
        owner.count_found(found)
        state.found = (found, owner.run_id) if found else None


def inspection_failed(state: State, event: InspectionFailed) -> None:
    """Fail everything that wants what could not be inspected."""
    for name in event.keys:
        key = _asked_key(state, name, event.question)
        if key is not None:
            # all that waits for it is given up; a reader may still hold it from when it existed
            fail_graph(state, event.error, keys=[key])
    for task_id in event.tasks:
        check = _asked_task(state, task_id, event.question)
        if check is not None:
            fail_graph(state, event.error, checks=[check])


def _asked_key(state: State, name: str, question: int | None) -> Key | None:
    """Return the key, if this is the question whose answer it awaits."""
    key = state.keys.get(name)
    if key is None or key.state != CHECKING or (key.asked != question and question is not None):
        return None
    return key


def _asked_task(state: State, task_id: str, question: int | None) -> TaskCheck | None:
    check = state.checks.get(task_id)
    if check is None or (check.asked != question and question is not None):
        return None
    return check


def _add_present(state: State, event: Inspected) -> RunState | None:
    """Take keys as present. Returns the run for which they count, if any was not present before."""
    owner: RunState | None = None
    settled: dict[Group, int] = {}
    for name in event.present:
        key = _asked_key(state, name, event.question)
        if key is not None and (group := key.group) is not None:
            if not key.seen:
                owner = owner or owner_of_inspected(state, key)
            key_present(state, key)
            settled[group] = settled.get(group, 0) + 1
    for group, count in settled.items():
        state.settle_inspections(group, count)
    return owner


def _removed_since(state: State, check: TaskCheck, spec: TaskSpec) -> bool:
    return any(check.asked < state.removed.get(name, 0) for name in spec.outputs)


def _add_complete(state: State, check: TaskCheck, spec: TaskSpec | None) -> None:
    """Settle a task that was found done."""
    del state.checks[check.task_id]
    state.settle_inspections(check.group)
    if spec is not None:
        _pin_outputs(state, check, spec)
        if spec.serves:
            refuse_as_target(state, spec, check.runs)
        for parent in check.parents:
            parent.held.update(spec.serves)
    settle_check(state, check)


def _pin_outputs(state: State, check: TaskCheck, spec: TaskSpec) -> None:
    for run in check.runs:
        pin(state, run, spec.outputs)


def _add_all_missing(state: State, event: Inspected, specs: dict[str, TaskSpec]) -> None:
    settled: dict[Group, int] = {}
    next_question = state.out.question
    foreseen: set[str] = set()
    for name, task_id in event.missing:
        key = _asked_key(state, name, event.question) or _asked_key(state, name, next_question)
        if key is None:
            continue
        if key.asked == next_question:  # an input of one of those before it, about to be asked about
            foreseen.add(name)
        group = _add_missing(state, key, task_id, specs)
        settled[group] = settled.get(group, 0) + 1
    if foreseen:
        state.out.inspect_keys = [name for name in state.out.inspect_keys if name not in foreseen]
    for group, count in settled.items():
        state.settle_inspections(group, count)


def _add_missing(state: State, key: Key, task_id: str, specs: dict[str, TaskSpec]) -> Group:
    """Take a key as missing, with the task that makes it as its producer. Returns its group, which is to settle it."""
    group = key.group or Group(None)
    if group.merged_into is not None:
        group = group.find()
    key.state = MISSING
    key.made = False
    key.group = None
    claimant = key.producer
    if claimant is not None and claimant.spec.task_id != task_id:
        _conflict(state, key, claimant.spec.task_id, task_id, key.key)
        task_id = claimant.spec.task_id
    node = state.nodes.get(task_id)
    if node is None:
        node = _new_node(state, specs[task_id], group)
        if node.spec.serves:
            serve(state, node)
    elif node.group is not None:
        group.merge(node.group)
    key.producer = node
    node.add_demand()
    if state.prioritized:
        raise_producer(state, key)
    return group


def _add_incomplete(state: State, check: TaskCheck, specs: dict[str, TaskSpec]) -> None:
    node = state.nodes.get(check.task_id)
    if node is None:
        node = _new_node(state, specs[check.task_id], check.group.find())
    _absorb(state, check, node)
    if node.spec.serves:
        serve(state, node)


def _absorb(state: State, check: TaskCheck, node: Node) -> None:
    """Hand the demand for a task over to the node that it has become."""
    if check.group is not node.group:  # else there is nothing to find or merge, as mostly
        check.group.merge(node.group)
    node.add_demand(len(check.runs) + len(check.parents))
    if state.prioritized:
        raise_for_check(state, check, node)
    node.runs = all_linked(node.runs, check.runs)
    if check.parents:
        node.parents = all_linked(node.parents, check.parents)
    if check.runs:
        _pin_outputs(state, check, node.spec)
        if node.spec.serves:
            refuse_as_target(state, node.spec, check.runs)
    state.settle_inspections(check.group)


def _new_node(state: State, spec: TaskSpec, group: Group) -> Node:
    node = state.nodes[spec.task_id] = Node(spec, group.owner, group)
    group.nodes.append(node)
    if spec.dynamic:
        state.is_dynamic = True
    if spec.priority is not None:
        state.prioritized = True
    if state.prioritized:
        rank_new(state, node)
    if not spec.acyclic:
        group.acyclic = False
    contested = state.claims is not None
    for name in spec.outputs:  # before the inputs: it may read what it makes itself
        key = state.keys.get(name)
        if key is None:
            key = state.keys[name] = Key(name, UNKNOWN)  # another of its outputs is missing; this one may exist
            key.producer = node
        elif key.producer is not None:
            contested = True
        elif key.state != PRESENT:
            key.producer = node
    group = read_inputs(state, node, group)
    if contested:
        _claim(state, node)
    check = state.checks.pop(spec.task_id, None)
    if check is not None:  # one of its outputs was found missing before it was inspected as a whole
        _absorb(state, check, node)
    return node


def _claim(state: State, node: Node) -> None:
    """Compare the outputs of a new task with those of other live tasks."""
    for name in node.spec.outputs:
        other = state.keys[name].producer
        if other is not None and other is not node:
            _conflict(state, node, other.spec.task_id, node.spec.task_id, name)
            return
        if state.claims is not None:
            rival = state.claims.setdefault(name.casefold(), name)
            if rival != name:
                hint = "their keys differ only by case, and this storage ignores case"
                _conflict(state, node, _claimant(state, rival), node.spec.task_id, name, hint)
                return


def _claimant(state: State, name: str) -> str:
    key = state.keys.get(name)
    return key.producer.spec.task_id if key is not None and key.producer is not None else name


def _conflict(state: State, where: Node | Key, rival: str, task_id: str, name: str, hint: str = "") -> None:
    state.conflicts.append((where, OutputConflict(name, (rival, task_id), hint)))
