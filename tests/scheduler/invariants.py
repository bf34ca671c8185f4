"""What always holds in the scheduler between two events.

The scheduler counts instead of looking: a task knows how many want it and how many inputs it misses, a run how many
targets are open. A count that is off by one shows much later, as a task that never starts or a run that never ends.
Here everything is counted again, the slow way, from the links alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from alexflow.scheduler.state import CHECKING, MISSING, PRESENT, UNKNOWN, Group, Key, Node, Run, State, TaskCheck
from alexflow.scheduler.states import (
    ACTIVE,
    CANCELLING,
    CLOSING,
    DELAYED,
    ELSEWHERE,
    GENERATING,
    READY,
    RUNNING,
    WAITING,
)


class InvariantBroken(AssertionError):
    """The scheduler's memory contradicts itself. The message lists every contradiction."""


def validate(state: State) -> None:
    """Count everything in the scheduler's memory again.

    Raises:
        InvariantBroken: something does not add up.
    """
    broken = [
        *_nodes(state),
        *_keys(state),
        *_runs(state),
        *_groups(state),
        *_slots(state),
        *_totals(state),
        *_leaks(state),
    ]
    if broken:
        raise InvariantBroken("\n".join(broken))


def _nodes(state: State) -> Iterator[str]:
    made = Counter(key.producer for key in state.keys.values() if key.state == MISSING and key.demanded)
    for task_id, node in state.nodes.items():
        if node.spec.task_id != task_id:
            yield f"{node!r} is kept as {task_id}"
        if node.is_final:
            yield f"{node!r} is over and kept"
        yield from _demand(node, made[node])
        yield from _inputs(state, node)
        yield from _family(state, node)
        if node.pulling and not (node.spec.dynamic and node.state in (GENERATING, CLOSING, CANCELLING)):
            yield f"{node!r} is said to give tasks"
        if (
            node.state == READY
            and not node.spec.dynamic
            and not any(_is_full(state, tag) for tag in state.slots.limits)
        ):
            yield f"{node!r} waits for a slot, and all are free"
        for run in node.drained_by:
            if node.state != RUNNING or node not in run.draining or state.runs.get(run.run_id) is not run:
                yield f"{node!r} lets run {run.run_id} wait"


def _demand(node: Node, made: int) -> Iterator[str]:
    demand = made + len(node.runs) + len(node.parents)
    if node.demand != demand:
        yield f"{node!r} counts {node.demand} who want it; there are {demand}"
    if not demand and node.state != CANCELLING and not node.drained_by:
        yield f"{node!r} is kept, and nobody wants it"


def _inputs(state: State, node: Node) -> Iterator[str]:
    absent = 0
    for name in node.spec.inputs:
        key = state.keys.get(name)
        if key is None or node not in key.readers:
            yield f"{node!r} reads {name}, which does not know of it"
        elif key.state not in (PRESENT, UNKNOWN):
            absent += 1
    if node.state == WAITING and node.missing != absent:
        yield f"{node!r} counts {node.missing} missing inputs; there are {absent}"
    if node.state == WAITING and not absent and node.group is None:
        yield f"{node!r} waits for nothing"
    if node.state != WAITING and node.group is not None:
        yield f"{node!r} belongs to a part of the graph that is being found out"
    if node.state == WAITING and node.group is not None and node not in node.group.find().nodes:
        yield f"{node!r} is not in its group"


def _family(state: State, node: Node) -> Iterator[str]:
    if node.children and node.state != GENERATING:
        yield f"{node!r} has children"
    for task_id in node.children:
        child = state.nodes.get(task_id) or state.checks.get(task_id)
        if child is None or node not in child.parents:
            yield f"{node!r} gave {task_id}, which does not know of it"
    if len(set(node.parents)) != len(node.parents):
        yield f"{node!r} has a parent twice"
    for parent in node.parents:
        if node.spec.task_id not in parent.children or state.nodes.get(parent.spec.task_id) is not parent:
            yield f"{node!r} was given by {parent!r}, which does not know of it"
    if node.state == GENERATING and node.exhausted and not node.children:
        yield f"{node!r} has nothing more to wait for"
    if node.state == GENERATING and not node.pulling and not node.exhausted and not node.children:
        yield f"{node!r} is not asked for more"


def _keys(state: State) -> Iterator[str]:
    for name, key in state.keys.items():
        if key.key != name:
            yield f"key {key.key} is kept as {name}"
        yield from _key(state, key)


def _key(state: State, key: Key) -> Iterator[str]:
    name, producer = key.key, key.producer
    if not key.demanded and not (key.state in (MISSING, UNKNOWN) and producer is not None):
        yield f"key {name} ({key.state}) is kept, and nobody wants it"
    if (key.state == MISSING and producer is None) or (key.state == PRESENT and producer is not None):
        yield f"key {name} is {key.state}, made by {producer!r}"
    if (key.group is not None) != (key.state == CHECKING):
        yield f"key {name} is {key.state}, with group {key.group}"
    if producer is not None and (
        state.nodes.get(producer.spec.task_id) is not producer or name not in producer.spec.outputs
    ):
        yield f"key {name} is made by {producer!r}"
    for reader in key.readers:
        if state.nodes.get(reader.spec.task_id) is not reader or name not in reader.spec.inputs:
            yield f"key {name} is read by {reader!r}, which does not"
    for run in key.targets:
        if state.runs.get(run.run_id) is not run or name not in run.keys:
            yield f"key {name} is a target of run {run.run_id}, which does not know of it"
    if key.targets and key.state in (PRESENT, UNKNOWN):
        yield f"key {name} is {key.state}, and still a target"
    if len(set(key.targets)) != len(key.targets):
        yield f"key {name} is twice a target of one run"


def _runs(state: State) -> Iterator[str]:
    pins: Counter[str] = Counter()
    for run_id, run in state.runs.items():
        pins.update(run.pinned)
        if run.run_id != run_id or run.finished:
            yield f"run {run.run_id} is over and kept"
        yield from _run(state, run)
    if pins != Counter(state.pins):
        yield f"pinned are {state.pins}; should be {dict(pins)}"
    if state.settled:
        yield "runs are left that may be over"


def _run(state: State, run: Run) -> Iterator[str]:
    wanted: list[Node | TaskCheck] = [*state.nodes.values(), *state.checks.values()]
    unsettled = sum(run in key.targets for key in state.keys.values()) + sum(run in owner.runs for owner in wanted)
    if run.stopping:
        if unsettled:
            yield f"run {run.run_id} was stopped, with {unsettled} targets left"
        if not run.draining:
            yield f"run {run.run_id} was stopped, waits for nothing, and is not over"
    elif run.open != unsettled:
        yield f"run {run.run_id} counts {run.open} open targets; there are {unsettled}"
    elif not unsettled and not run.verifying and not run.draining:
        yield f"run {run.run_id} has no open targets, and is not over"
    if run.verifying != (run.run_id in state.verifying):
        yield f"run {run.run_id} is being verified: {run.verifying}"
    for node in run.draining:
        if run not in node.drained_by:
            yield f"run {run.run_id} waits for {node!r}, which does not know of it"


def _groups(state: State) -> Iterator[str]:
    pending: Counter[Group] = Counter()
    for key in state.keys.values():
        if key.state == CHECKING and key.group is not None:
            pending[key.group.find()] += 1
    for check in state.checks.values():
        pending[check.group.find()] += 1
        if not check.runs and not check.parents:
            yield f"task {check.task_id} is looked at, and nobody wants it"
    if pending.total() != state.inspecting:
        yield f"{state.inspecting} are said to be looked at; there are {pending.total()}"
    groups = {node.group.find() for node in state.nodes.values() if node.group is not None}
    for group in groups.union(pending):
        if group.pending != pending[group]:
            yield f"a group counts {group.pending} that are looked at; there are {pending[group]}"
        if not group.pending and not state.to_search:
            yield "a group is known whole, and nothing is done about it"
    if state.to_search and not state.resuming:
        yield "groups are left that are known whole, and no further turn was asked for"
    if state.conflicts or state.failed_generators:
        yield "conflicts or hopeless tasks are left"


def _slots(state: State) -> Iterator[str]:
    taken: Counter[str] = Counter()
    for node in state.nodes.values():
        if node.state in (RUNNING, CANCELLING) and not node.spec.dynamic:
            taken.update(set(node.spec.tags))
    for tag, limit in state.slots.limits.items():
        if state.slots.taken(tag) != taken[tag]:
            yield f"{state.slots.taken(tag)} slots of {tag} are said to be taken; {taken[tag]} are"
        if taken[tag] + state.slots.reserved(tag) > limit:
            yield f"{taken[tag]} of {limit} slots of {tag} are taken, or one more is reserved"
    yield from _reserved(state)


def _reserved(state: State) -> Iterator[str]:
    """Slots are reserved for one task, which waits for the others that it needs and gets what comes free of them."""
    for tag in state.slots.limits:
        if state.slots.waiting_at(tag) and not _is_full(state, tag):
            yield f"{state.slots.waiting_at(tag)} wait for a slot of {tag}, and one is free"
    node = state.slots.reserving
    tags = [tag for tag in state.slots.limits if state.slots.reserved(tag)]
    if node is None:
        if tags:
            yield f"slots of {tags} are reserved for nobody"
        return
    if state.nodes.get(node.spec.task_id) is not node or node.state != READY:
        yield f"slots are reserved for {node!r}"
    needed = [tag for tag in state.slots.limits if tag in node.spec.tags]
    if not set(tags) < set(needed):
        yield f"slots of {tags} are reserved for {node!r}, which needs those of {needed}"
    for tag in needed:
        if not _is_full(state, tag):
            yield f"{node!r}, for which slots are reserved, does not get one of {tag}, which is free"


def _is_full(state: State, tag: str) -> bool:
    return state.slots.taken(tag) + state.slots.reserved(tag) >= state.slots.limits[tag]


def _totals(state: State) -> Iterator[str]:
    active = len(state.verifying)
    for node in state.nodes.values():
        at_work = node.pulling if node.spec.dynamic else node.state in ACTIVE
        active += at_work or node.state in (DELAYED, ELSEWHERE)
    if state.active != active:
        yield f"{state.active} are said to be active; {active} are"


def _leaks(state: State) -> Iterator[str]:
    if state.runs or state.active or state.inspecting or state.to_search:
        return
    kept = {
        "tasks": len(state.nodes),
        "keys": len(state.keys),
        "checks": len(state.checks),
        "claims": len(state.claims or ()),
        "pins": len(state.pins),
        "waiting for slots": state.slots.waiting,
    }
    for what, count in kept.items():
        if count:
            yield f"nothing is going on, yet {count} {what} are kept"
