"""Finding the graph out, from targets back to what is missing, and no further.

A request's part of the graph is a group. Answers to ``Inspect`` add to it until nothing is pending; then the group is
searched for a cycle (Kahn's algorithm: take away what needs nothing, again and again; what stays is on a cycle or
behind one). Only then does any of it start. The search takes a bounded number of steps per turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from alexflow.errors import CycleError, OutputConflict
from alexflow.scheduler.account import account_of_asked
from alexflow.scheduler.completion import key_present, ready_if_complete, settle_check
from alexflow.scheduler.demand import check_task_again, inspection_over, pin, read_inputs
from alexflow.scheduler.events import Inspected, InspectionFailed
from alexflow.scheduler.failure import graph_is_wrong, request_is_wrong
from alexflow.scheduler.instructions import Resume
from alexflow.scheduler.serving import refuse_as_target, serve
from alexflow.scheduler.spec import TaskSpec
from alexflow.scheduler.state import CHECKING, MISSING, PRESENT, UNKNOWN, Group, Key, Node, Run, State, TaskCheck


def inspected(state: State, event: Inspected) -> None:
    """A part of the answer: what exists is there, what does not has a producer now."""
    specs = {spec.task_id: spec for spec in event.specs}
    question = event.question
    again: set[str] = set()
    account: Run | None = None
    over: dict[Group, int] = {}
    for name in event.present:
        key = _asked_key(state, name, question)
        if key is not None and (group := key.group) is not None:
            if not key.seen:
                account = account or account_of_asked(state, key)
            key_present(state, key)
            over[group] = over.get(group, 0) + 1
    for group, count in over.items():
        inspection_over(state, group, count)
    for name, task_id in event.missing:
        key = _asked_key(state, name, question)
        if key is not None:
            _is_missing(state, key, task_id, specs)
    for task_id in event.complete:
        check = _asked_task(state, task_id, question)
        if check is not None:
            spec = specs.get(task_id)
            if spec is not None and state.removed and _removed_since(state, check, spec):
                check_task_again(state, check)
                again.add(task_id)
                continue
            del state.checks[task_id]
            account = account or account_of_asked(state, check)
            inspection_over(state, check.group)
            if spec is not None:
                _pin_outputs(state, check, spec)
                if spec.serves:
                    refuse_as_target(state, spec, check.runs)
                for parent in check.parents:
                    parent.held.update(spec.serves)
            settle_check(state, check)
    for task_id in event.incomplete:
        check = _asked_task(state, task_id, question)
        if check is not None:
            del state.checks[task_id]
            _is_incomplete(state, check, specs)
    if account is not None:
        account.credit(tuple(task_id for task_id in event.found if task_id not in again) if again else event.found)


def inspection_failed(state: State, event: InspectionFailed) -> None:
    """What could not be looked at takes with it everything that wants it."""
    for name in event.keys:
        key = _asked_key(state, name, event.question)
        if key is not None:
            # all who wait for it are given up; others may still hold it from when it existed
            graph_is_wrong(state, event.error, keys=[key])
    for task_id in event.tasks:
        check = _asked_task(state, task_id, event.question)
        if check is not None:
            graph_is_wrong(state, event.error, checks=[check])


def _asked_key(state: State, name: str, question: int | None) -> Key | None:
    """The key, if this is the question that its answer is awaited to."""
    key = state.keys.get(name)
    if key is None or key.state != CHECKING or (key.asked != question and question is not None):
        return None
    return key


def _asked_task(state: State, task_id: str, question: int | None) -> TaskCheck | None:
    check = state.checks.get(task_id)
    if check is None or (check.asked != question and question is not None):
        return None
    return check


def _removed_since(state: State, check: TaskCheck, spec: TaskSpec) -> bool:
    return any(check.asked < state.removed.get(name, 0) for name in spec.outputs)


def _pin_outputs(state: State, check: TaskCheck, spec: TaskSpec) -> None:
    for run in check.runs:
        pin(state, run, spec.outputs)


def _is_missing(state: State, key: Key, task_id: str, specs: dict[str, TaskSpec]) -> None:
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
    node.demand += 1
    inspection_over(state, group)


def _is_incomplete(state: State, check: TaskCheck, specs: dict[str, TaskSpec]) -> None:
    node = state.nodes.get(check.task_id)
    if node is None:
        node = _new_node(state, specs[check.task_id], check.group.find())
    _absorb(state, check, node)
    if node.spec.serves:
        serve(state, node)


def _absorb(state: State, check: TaskCheck, node: Node) -> None:
    """Who asked for a task wants the node that it has become."""
    check.group.merge(node.group)
    node.demand += len(check.runs) + len(check.parents)
    node.runs += check.runs
    node.parents += check.parents
    if check.runs:
        _pin_outputs(state, check, node.spec)
        if node.spec.serves:
            refuse_as_target(state, node.spec, check.runs)
    inspection_over(state, check.group)


def _new_node(state: State, spec: TaskSpec, group: Group) -> Node:
    node = state.nodes[spec.task_id] = Node(spec, group.owner, group)
    group.nodes.append(node)
    if not spec.grounded:
        group.grounded = False
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
    if check is not None:  # one of its outputs was found missing before it was looked at as a whole
        _absorb(state, check, node)
    return node


def _claim(state: State, node: Node) -> None:
    """Hold a new task's outputs against those of other live tasks."""
    for name in node.spec.outputs:
        key = state.keys[name]
        other = key.producer
        if other is not None and other is not node:
            _conflict(state, node, other.spec.task_id, node.spec.task_id, name)
            return
        if state.claims is not None:
            rival_name = state.claims.setdefault(name.casefold(), name)
            if rival_name != name:
                rival_key = state.keys.get(rival_name)
                owner = rival_key.producer if rival_key is not None else None
                rival_id = owner.spec.task_id if owner is not None else rival_name
                hint = "their keys differ only by case, and this storage tells no case"
                _conflict(state, node, rival_id, node.spec.task_id, name, hint)
                return


def _conflict(state: State, where: Node | Key, rival: str, task_id: str, name: str, hint: str = "") -> None:
    state.conflicts.append((where, OutputConflict(name, (rival, task_id), hint)))


# -- a group that is known whole


def close_groups(state: State) -> None:
    """Search groups that are known whole for cycles, a bounded number of steps; then let them start."""
    while state.conflicts:
        where, error = state.conflicts.popleft()
        if isinstance(where, Node):
            graph_is_wrong(state, error, nodes=[where])
        elif isinstance(where, Run):
            request_is_wrong(state, error, where)
        else:
            graph_is_wrong(state, error, keys=[where])
    if state.resuming:
        return  # it has had this turn
    steps = state.steps_per_turn
    while state.closing and steps > 0:
        search = _search(state.closing.popleft())
        if search is not None:
            steps = search.advance(state, steps)
            if steps <= 0:
                state.closing.appendleft(search)
    if state.closing:
        state.resuming = True
        state.out.others.append(Resume())


def _search(closing: Group | CycleSearch) -> CycleSearch | None:
    """Begin the search of a group, or go on with it; None if there is more to find out first."""
    if isinstance(closing, CycleSearch):
        if closing.growth == closing.group.growth and closing.group.merged_into is None:
            return closing
        closing = closing.group.find()  # it met another group meanwhile: all over again
    if closing.merged_into is not None or closing.pending:
        return None
    return CycleSearch(closing)


class CycleSearch:
    """Kahn's algorithm over one group, in steps; then the group starts, in the order found, also in steps.

    A group all of whose tasks are grounded starts at once.
    """

    def __init__(self, group: Group):
        self.group = group
        self.growth = group.growth
        self.order: list[Node] = group.nodes if group.grounded else []
        self.queue: deque[Node] = deque()
        self.counted = len(self.order)
        self.searched = group.grounded
        self.started = 0

    def advance(self, state: State, steps: int) -> int:
        """Go on for at most ``steps`` tasks. Returns how many are left over; 0 means that there is more to do."""
        steps = self._count(state, steps)
        if self.counted < len(self.group.nodes):
            return 0
        steps = self._take_away(state, steps)
        if self.queue:
            return 0
        if not self.searched:
            self.searched = True
            self._fail_cycle(state)
        steps = self._start(state, steps)
        if self.started < len(self.order):
            return 0
        self.group.nodes = []
        return max(steps, 1)

    def _count(self, state: State, steps: int) -> int:
        nodes = self.group.nodes
        while steps > 0 and self.counted < len(nodes):
            node = nodes[self.counted]
            self.counted += 1
            steps -= 1
            # those without a group were started before this one met another, and wait for what was lost since
            node.indegree = sum(1 for _ in _makers(state, node)) if node.missing and node.group is not None else 0
            if node.indegree == 0:
                self.queue.append(node)
        return steps

    def _take_away(self, state: State, steps: int) -> int:
        while steps > 0 and self.queue:
            node = self.queue.popleft()
            self.order.append(node)
            steps -= 1
            for name in node.spec.outputs:
                key = state.keys.get(name)
                if key is not None and key.producer is node and key.state == MISSING:
                    self._free_readers(key)
        return steps

    def _free_readers(self, key: Key) -> None:
        for reader in key.readers:
            if reader.indegree > 0 and reader.group is not None:
                reader.indegree -= 1
                if reader.indegree == 0:
                    self.queue.append(reader)

    def _fail_cycle(self, state: State) -> None:
        for node in self.group.nodes:
            if node.indegree > 0 and not node.over:
                cycle = _cycle(state, node)  # takes this one with it, which is on it or behind it
                graph_is_wrong(state, CycleError([node.spec.task_id for node in cycle]), nodes=cycle)

    def _start(self, state: State, steps: int) -> int:
        while steps > 0 and self.started < len(self.order):
            node = self.order[self.started]
            self.started += 1
            steps -= 1
            node.group = None
            ready_if_complete(state, node)
        return steps


def _makers(state: State, node: Node) -> Iterator[Node]:
    """Tasks of the same group that make a missing input, once per input."""
    for name in node.spec.inputs:
        key = state.keys.get(name)
        if key is not None and key.state == MISSING:
            producer = key.producer
            if producer is not None and producer.group is not None:
                yield producer


def _cycle(state: State, start: Node) -> list[Node]:
    """Follow tasks that are stuck to tasks that are stuck until one comes again."""
    seen: dict[Node, int] = {}
    node = start
    while node not in seen:
        seen[node] = len(seen)
        node = next(maker for maker in _makers(state, node) if maker.indegree > 0)
    return list(seen)[seen[node] :]
