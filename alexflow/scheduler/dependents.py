"""Dependents: everything above some tasks, keys or checks, found by walking up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alexflow.scheduler.state import MISSING, Key, Node, RunState, State, TaskCheck
from alexflow.scheduler.states import WAITING


def missing_outputs(state: State, node: Node) -> Iterator[Key]:
    """Yield the outputs that a task is to make: what waits for them waits for the task."""
    for name in node.spec.outputs:
        key = state.keys.get(name)
        if key is not None and key.state == MISSING and key.producer is node:
            yield key


class Dependents:
    """Collects what depends on the tasks, keys and checks that it is given.

    Args:
        through_parents: whether the dynamic tasks that are reached are walked through, or only listed.

    Attributes:
        runs: runs that want any of it.
        waiting: tasks that wait for it.
        parents: dynamic tasks that generated it.
    """

    __slots__ = ("_seen", "_stack", "_state", "_through_parents", "parents", "runs", "waiting")

    def __init__(self, state: State, *, through_parents: bool):
        self.runs: dict[RunState, None] = {}
        self.waiting: dict[Node, None] = {}
        self.parents: dict[Node, None] = {}
        self._state = state
        self._through_parents = through_parents
        self._seen: set[Node] = set()
        self._stack: list[Node] = []

    def of_nodes(self, nodes: Sequence[Node]) -> Dependents:
        """Walk up from tasks, and from all that was reached before. Returns itself."""
        self._seen.update(nodes)
        self._stack += nodes
        while self._stack:
            node = self._stack.pop()
            self._reach(node)
            for key in missing_outputs(self._state, node):
                self._reach_key(key)
        return self

    def of_keys(self, keys: Sequence[Key]) -> None:
        """Reach what reads or targets these keys."""
        for key in keys:
            self._reach_key(key)

    def of_checks(self, checks: Sequence[TaskCheck]) -> None:
        """Reach what wants these tasks."""
        for check in checks:
            self._reach(check)

    def _reach_key(self, key: Key) -> None:
        self.runs.update(dict.fromkeys(key.targets))
        for reader in key.readers:
            if reader.state == WAITING and reader not in self._seen:
                self._seen.add(reader)
                self.waiting[reader] = None
                self._stack.append(reader)

    def _reach(self, wanted: Node | TaskCheck) -> None:
        self.runs.update(dict.fromkeys(wanted.runs))
        for parent in wanted.parents:
            if parent not in self._seen:
                self._seen.add(parent)
                self.parents[parent] = None
                if self._through_parents:
                    self._stack.append(parent)
