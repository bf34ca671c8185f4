"""Searching parts of the graph that are known whole for cycles, and starting them.

The search is Kahn's algorithm: tasks that need nothing are taken away, again and again; what stays is on a cycle or
behind one. It takes a bounded number of steps per turn, so that a large graph does not hold the event loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from alexflow.errors import CycleError
from alexflow.scheduler.completion import ready_if_complete
from alexflow.scheduler.dependents import missing_outputs
from alexflow.scheduler.failure import fail_conflicts, fail_graph
from alexflow.scheduler.instructions import Resume
from alexflow.scheduler.state import MISSING, Group, Node, State

#: Inputs or readers of a task that are looked at in one step: it is little work.
EDGES_PER_STEP = 16

#: Started tasks that are let go of together: some have ended by then, and these are freed.
LET_GO_AT_ONCE = 512


def search_groups(state: State) -> None:
    """Fail conflicts; then search groups for cycles, a bounded number of steps, and start their tasks."""
    if state.conflicts:
        fail_conflicts(state)
    if state.resuming:
        return  # it has had this turn
    steps = state.steps_per_turn
    while state.to_search and steps > 0:
        search = _search_of(state.to_search.popleft())
        if search is not None:
            steps = search.advance(state, steps)
            if steps <= 0:
                state.to_search.appendleft(search)
    if state.to_search:
        state.resuming = True
        state.out.others.append(Resume())


def _search_of(group: Group | CycleSearch) -> CycleSearch | None:
    """Begin the search of a group, or continue it; None if there is more to discover first."""
    if isinstance(group, CycleSearch):
        search = group
        if search.growth == search.group.growth and search.group.merged_into is None:
            return search
        group = search.group.find()  # it met another group meanwhile: all over again
    if group.merged_into is not None or group.pending:
        return None
    return CycleSearch(group)


class CycleSearch:
    """The search of one group, in steps; then the start of its tasks, in the order found, also in steps.

    A group whose tasks are all acyclic starts at once.
    """

    def __init__(self, group: Group):
        self.group = group
        self.growth = group.growth
        self.order: list[Node] = group.nodes if group.acyclic else []
        self.queue: deque[Node] = deque()
        self.counted = len(self.order)
        self.inputs_counted = 0  # of the task that is being counted
        self.readers: deque[Node] = deque()  # of what was taken away, each once for each of its inputs
        self.searched = group.acyclic
        self.started = 0

    @property
    def urgency(self) -> int:
        """That of the group."""
        return self.group.urgency

    def advance(self, state: State, steps: int) -> int:
        """Continue for at most ``steps`` tasks. Returns the steps left over; 0 means that there is more to do."""
        if not self.searched:
            steps = self._search(state, steps)
            if not self.searched:
                return 0
        steps = self._start(state, steps)
        if self.started < len(self.order):
            return 0
        self.group.nodes = []
        return max(steps, 1)

    def _search(self, state: State, steps: int) -> int:
        steps = self._count(state, steps)
        if self.counted == len(self.group.nodes):
            steps = self._take_away(state, steps)
            if not (self.queue or self.readers):
                self.searched = True
                if len(self.order) < len(self.group.nodes):
                    self._fail_cycle(state)
                self.group.nodes = self.order  # those that have not started
        return steps

    def _count(self, state: State, steps: int) -> int:
        nodes = self.group.nodes
        while steps > 0 and self.counted < len(nodes):
            node = nodes[self.counted]
            # those without a group were started before this one met another, and wait for what was lost since
            inputs = node.spec.inputs if node.missing and node.group is not None else ()
            if not self.inputs_counted:
                node.indegree = 0
            some = inputs[self.inputs_counted : self.inputs_counted + EDGES_PER_STEP * steps]
            node.indegree += sum(1 for _ in _producers(state, some))
            self.inputs_counted += len(some)
            steps -= 1 + len(some) // EDGES_PER_STEP
            if self.inputs_counted < len(inputs):
                break
            self.counted += 1
            self.inputs_counted = 0
            if node.indegree == 0:
                self.queue.append(node)
        return steps

    def _take_away(self, state: State, steps: int) -> int:
        while steps > 0 and (self.readers or self.queue):
            if self.readers:
                steps -= self._free_readers() // EDGES_PER_STEP
                continue
            node = self.queue.popleft()
            self.order.append(node)
            steps -= 1
            for key in missing_outputs(state, node):
                self.readers += key.readers
        return steps

    def _free_readers(self) -> int:
        """Count one input less for some readers. Returns how many."""
        some = min(EDGES_PER_STEP, len(self.readers))
        for _ in range(some):
            reader = self.readers.popleft()
            if reader.indegree > 0 and reader.group is not None:
                reader.indegree -= 1
                if reader.indegree == 0:
                    self.queue.append(reader)
        return some

    def _fail_cycle(self, state: State) -> None:
        for node in self.group.nodes:
            if node.indegree > 0 and not node.is_final:
                cycle = _cycle(state, node)  # takes this one with it, which is on it or behind it
                fail_graph(state, CycleError([node.spec.task_id for node in cycle]), nodes=cycle)

    def _start(self, state: State, steps: int) -> int:
        while steps > 0 and self.started < len(self.order):
            node = self.order[self.started]
            self.started += 1
            steps -= 1
            node.group = None
            ready_if_complete(state, node)
        if self.started >= LET_GO_AT_ONCE:
            del self.order[: self.started]
            self.started = 0
        for queue in state.queue.values():
            queue.grow_early()
        return steps


def _producers(state: State, inputs: Iterable[str]) -> Iterator[Node]:
    """Yield the tasks of the same group that make missing inputs, once per input."""
    for name in inputs:
        key = state.keys.get(name)
        if key is not None and key.state == MISSING:
            producer = key.producer
            if producer is not None and producer.group is not None:
                yield producer


def _cycle(state: State, start: Node) -> list[Node]:
    """Follow stuck tasks to stuck producers until one comes again."""
    seen: dict[Node, int] = {}
    node = start
    while node not in seen:
        seen[node] = len(seen)
        node = next(producer for producer in _producers(state, node.spec.inputs) if producer.indegree > 0)
    return list(seen)[seen[node] :]
