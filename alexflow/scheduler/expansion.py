"""Finding the graph out, from targets back to what is missing, and no further.

A request's part of the graph is a group. Answers to ``Inspect`` add to it until nothing is pending; then the group is
searched for a cycle (Kahn's algorithm: take away what needs nothing, again and again; what stays is on a cycle or behind
one). Only then does any of it start. The search takes a bounded number of steps per turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from alexflow.errors import CycleError, OutputConflict
from alexflow.scheduler.completion import key_present, ready_if_complete, settle_check
from alexflow.scheduler.demand import inspection_over, read_key
from alexflow.scheduler.events import Inspected, InspectionFailed
from alexflow.scheduler.failure import abandon, graph_is_wrong
from alexflow.scheduler.instructions import Resume
from alexflow.scheduler.spec import TaskSpec
from alexflow.scheduler.state import CHECKING, MISSING, Group, Key, Node, Run, State, TaskCheck

#: Tasks looked at in one turn while a group is searched for cycles: some 2 ms.
STEPS_PER_TURN = 1000


def inspected(state: State, event: Inspected) -> None:
    """A part of the answer: what exists is there, what does not has a producer now."""
    specs = {spec.task_id: spec for spec in event.specs}
    account: Run | None = None
    for name in event.present:
        key = state.keys.get(name)
        if key is not None and key.state == CHECKING and key.group is not None:
            account = account or key.group.find().owner
            _is_present(state, key)
    for name, task_id in event.missing:
        key = state.keys.get(name)
        if key is not None and key.state == CHECKING and key.group is not None:
            _is_missing(state, key, task_id, specs)
    for task_id in event.complete:
        check = state.checks.pop(task_id, None)
        if check is not None:
            account = account or check.group.find().owner
            inspection_over(state, check.group)
            settle_check(state, check)
    for task_id in event.incomplete:
        check = state.checks.pop(task_id, None)
        if check is not None:
            _is_incomplete(state, check, specs)
    if account is not None:
        account.cached += event.cached


def inspection_failed(state: State, event: InspectionFailed) -> None:
    """What could not be looked at takes with it everything that wants it."""
    for name in event.keys:
        key = state.keys.get(name)
        if key is not None and key.state == CHECKING:
            graph_is_wrong(state, event.error, keys=[key])
    for task_id in event.tasks:
        check = state.checks.get(task_id)
        if check is not None:
            graph_is_wrong(state, event.error, checks=[check])


def _is_present(state: State, key: Key) -> None:
    group = key.group
    key_present(state, key)
    if group is not None:
        inspection_over(state, group)


def _is_missing(state: State, key: Key, task_id: str, specs: dict[str, TaskSpec]) -> None:
    group = key.group.find() if key.group is not None else Group(None)
    node = state.nodes.get(task_id)
    key.state = MISSING
    key.group = None
    if node is None:
        node = _new_node(state, specs[task_id], group)
    elif node.group is not None:
        group.merge(node.group)
    if key.producer is None:
        key.producer = node
    node.demand += 1
    for run in key.targets:
        run.made.append(key.key)
    inspection_over(state, group)


def _is_incomplete(state: State, check: TaskCheck, specs: dict[str, TaskSpec]) -> None:
    node = state.nodes.get(check.task_id)
    if node is None:
        node = _new_node(state, specs[check.task_id], check.group.find())
    elif node.group is not None:
        check.group.merge(node.group)
    node.demand += len(check.runs) + len(check.parents)
    node.runs += check.runs
    node.parents += check.parents
    for run in check.runs:
        run.made += node.spec.outputs
    inspection_over(state, check.group)


def _new_node(state: State, spec: TaskSpec, group: Group) -> Node:
    node = state.nodes[spec.task_id] = Node(spec, group.owner, group)
    group.nodes.append(node)
    for name in spec.inputs:
        group = read_key(state, name, node, group)
    for name in spec.outputs:
        key = state.keys.get(name)
        if key is None:
            key = state.keys[name] = Key(name, MISSING)
            key.producer = node
        elif key.state == MISSING and key.producer is None:
            key.producer = node
    _claim(state, node)
    return node


def _claim(state: State, node: Node) -> None:
    """Hold a new task's outputs against those of other live tasks."""
    for name in node.spec.outputs:
        key = state.keys[name]
        other = key.producer
        if other is not None and other is not node:
            rival = key.maker or other
            if rival is not node and not rival.spec.dynamic:
                _conflict(state, node, rival.spec.task_id, name)
                return
            key.maker = node  # a generated task makes it for the dynamic one
        if state.claims is not None:
            rival_name = state.claims.setdefault(name.casefold(), name)
            if rival_name != name:
                rival_key = state.keys.get(rival_name)
                owner = rival_key.producer if rival_key is not None else None
                rival_id = owner.spec.task_id if owner is not None else rival_name
                _conflict(state, node, rival_id, name, "their keys differ only by case, and this storage tells no case")
                return


def _conflict(state: State, node: Node, rival: str, name: str, hint: str = "") -> None:
    state.conflicts.append((node, OutputConflict(name, (rival, node.spec.task_id), hint)))


# -- a group that is known whole


def close_groups(state: State) -> None:
    """Search groups that are known whole for cycles, a bounded number of steps; then let them start."""
    while state.conflicts:
        node, error = state.conflicts.popleft()
        graph_is_wrong(state, error, nodes=[node])
    steps = STEPS_PER_TURN
    while state.closing and steps > 0:
        search = _search(state.closing.popleft())
        if search is not None:
            steps = search.advance(state, steps)
            if steps <= 0:
                state.closing.appendleft(search)
    if state.closing:
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
    """Kahn's algorithm over one group, in steps; then the group starts, in the order found, also in steps."""

    def __init__(self, group: Group):
        self.group = group
        self.growth = group.growth
        self.order: list[Node] = []
        self.queue: deque[Node] = deque()
        self.counted = 0
        self.searched = False
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
            node.indegree = sum(1 for _ in _makers(state, node)) if node.missing else 0
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
        stuck = [node for node in self.group.nodes if node.indegree > 0 and not node.over]
        if stuck:
            cycle = _cycle(state, stuck[0])
            graph_is_wrong(state, CycleError([node.spec.task_id for node in cycle]), nodes=cycle)
            abandon(state, stuck)

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
