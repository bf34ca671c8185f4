"""Giving up on a task that has failed for good, and skipping all that depends on it, in slices.

The walk goes up from the failed task, one path at a time. A task that waits for it ends once everything above that task
has ended: then the requests that want it are known. They are its own, and those of the tasks above, which have become
its own as these ended: whatever a skipped task would have read becomes a target of the request itself. So independent
branches go on, the requests of each task are known without a second walk, and none of them is over before the failed
task is.

Between two slices tasks may end, be dropped, or be wanted by further requests. So nothing is kept of what was seen but
the path, and each task on it is looked at anew when its turn comes. A request that joins in the middle fails as well.

Rejected: finding all dependents first, to end them afterwards. What was found would be outdated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alexflow.scheduler.chores import begin, withdraw_run
from alexflow.scheduler.completion import end_badly, leave_active
from alexflow.scheduler.demand import INPUTS_PER_STEP, disown, drop_next, unfinished
from alexflow.scheduler.dependents import missing_outputs
from alexflow.scheduler.priorities import raise_for_run
from alexflow.scheduler.state import CHECKING, MISSING, Key, Node, RunState, State
from alexflow.scheduler.states import FAILING, GENERATING, WAITING

#: What wants a task is passed over in one step, so far, if it has ended.
PASSED_PER_STEP = 16

#: Inputs of a task and requests for it, together, with which it may end in one step.
MOST_OF_LEAF = 8


def give_up(state: State, node: Node, cause: str, failed_id: str, error: Any) -> None:
    """Give up on a task, and skip what depends on it.

    Args:
        state: the scheduler's.
        node: the task.
        cause: that of its transition to FAILING.
        failed_id: the task that has failed: this one, or one that it generated.
        error: of that task.
    """
    for run in node.drained_by:
        run.failures[failed_id] = error
    node.move(cause)
    leave_active(state, node, hand_out=False)  # what waits for its slots may not be wanted any more
    begin(state, GivingUp(state, node, failed_id, error))


def stop(state: State, run: RunState, *, is_wrong: bool = False) -> None:
    """Give up a run's targets; it is over when what it drains has ended. In a wrong graph nothing goes on."""
    if not run.stopping:
        run.stopping = True
        withdraw_run(state, run, cancel=is_wrong, at_once=is_wrong)
        state.settled.append(run)


class _Visit:
    """A task on the path.

    Attributes:
        above: what wants it: tasks and runs that have not been looked at, the next one last.
        runs: the runs for which its inputs are being adopted; None before that.
        adopted: how many of its inputs have been.
    """

    __slots__ = ("above", "adopted", "node", "runs")

    def __init__(self, state: State, node: Node, met: Mapping[RunState, None]):
        self.node = node
        self.above: list[Node | RunState] = [*node.parents]
        self.above += [run for run in node.runs if run not in met]
        for key in missing_outputs(state, node):
            self.above += [run for run in key.targets if run not in met]
            self.above += key.readers
        self.above.reverse()
        self.runs: list[RunState] | None = None
        self.adopted = 0


class GivingUp:
    """The walk up from one task that has failed.

    Attributes:
        node: the failed task.
        runs: those that it was found to fail; none of them ends before the walk does.
        unwanted: tasks that may have no demand left.
    """

    def __init__(self, state: State, node: Node, failed_id: str, error: Any):
        self.node = node
        self.unwanted: list[Node] = []
        self._failed_id = failed_id
        self._error = error
        self._draining: dict[RunState, str] = {}  # as ``drop_next`` takes it
        self._path: list[_Visit] = []
        self._on_path: set[Node] = set()
        self._passed: set[Node] = set()  # dynamic tasks that generated one on the path
        self.runs: dict[RunState, None] = {}
        self._in_circle = False  # tasks on the path wait for each other: it ends in one turn
        self._awaited: RunState | None = None  # it gives its targets up: what only it wants is none of this walk's
        self._enter(state, node)

    def advance(self, state: State, steps: int) -> int:
        """Continue for at most ``steps``. Returns the steps left over; 0 means that there is more to do."""
        while steps > 0 or self._in_circle:
            if self._awaited is not None and self._awaited.leaving:
                return 0
            if self.unwanted:
                drop_next(state, self.unwanted, unfinished(self._draining))
            elif self._path:
                self._go_on(state, self._path[-1])
            elif self.runs:
                run, _ = self.runs.popitem()
                run.held -= 1
                state.settled.append(run)
            else:
                return max(steps, 1)
            steps -= 1
        return 0

    # -- up

    def _go_on(self, state: State, visit: _Visit) -> None:
        node = visit.node
        if node.state not in (WAITING, GENERATING) and node is not self.node:
            self._leave()  # it has ended, or it may run after all
            return
        if not visit.above:
            if node is not self.node and node.state == WAITING and visit.runs is None and self._end_leaf(state, node):
                self._leave()
            else:
                self._look_again(state, visit)
            return
        for _ in range(min(len(visit.above), PASSED_PER_STEP)):
            above = visit.above.pop()
            if isinstance(above, RunState):
                self._meet(state, above)
                return
            if above.state == WAITING:
                if above not in self._on_path and not self._end_leaf(state, above):
                    self._enter(state, above)
                return
            if above.state == GENERATING and above in node.parents and above not in self._passed:
                self._passed.add(above)
                self._enter(state, above)
                return

    def _enter(self, state: State, node: Node) -> None:
        self._on_path.add(node)
        self._path.append(_Visit(state, node, self.runs))

    def _leave(self) -> None:
        self._on_path.discard(self._path.pop().node)

    def _meet(self, state: State, run: RunState) -> None:
        """Note the failure for a run; one in ``stop`` mode gives its targets up."""
        if run in self.runs:
            return
        self.runs[run] = None
        run.held += 1
        if self._failed_id == self.node.spec.task_id:
            run.failures[self._failed_id] = self._error
        else:  # one that came after that failure does not have it yet
            run.failures.setdefault(self._failed_id, self._error)
            run.skipped.setdefault(self.node.spec.task_id, (self.node.spec.task_id, self._failed_id))
        if run.on_error == "stop":
            stop(state, run)
        if run.leaving:
            self._awaited = run

    def _look_again(self, state: State, visit: _Visit) -> None:
        """Look for what wants a task and has not been met; once there is nothing more, the task may end."""
        node = visit.node
        new: list[Node | RunState] = [run for run in node.runs if run not in self.runs]
        new += [parent for parent in node.parents if parent.state == GENERATING and parent not in self._passed]
        for key in missing_outputs(state, node):
            new += [run for run in key.targets if run not in self.runs]
            for reader in key.readers:
                if reader.state == WAITING:
                    if reader not in self._on_path:
                        new.append(reader)
                    elif reader is not node:
                        self._in_circle = True
        if new:
            visit.above = new
        elif node in self._passed:
            node.first_failure = node.first_failure or (self._failed_id, self._error)
            self._leave()
        elif node is self.node:
            self._end_failed(state, node)
        else:
            self._skip(state, visit)

    # -- and down

    def _end_leaf(self, state: State, node: Node) -> bool:
        """End a task at once that only requests want which have been met, as most; returns whether it has ended."""
        inputs, runs = node.spec.inputs, [*node.runs]
        for key in missing_outputs(state, node):
            if key.readers:
                return False
            runs += key.targets
        if node.parents or len(runs) + len(inputs) > MOST_OF_LEAF:
            return False
        going_on: list[RunState] = []
        for run in runs:
            if run not in self.runs:
                return False
            if run.on_error == "continue" and not run.withdrawn:
                going_on.append(run)
        self._adopt(state, node, inputs, going_on)
        self._end_skipped(state, node, going_on)
        return True

    def _skip(self, state: State, visit: _Visit) -> None:
        """End a task that waits for the failed one; what it would have read is adopted first, in slices."""
        node, inputs = visit.node, visit.node.spec.inputs
        if visit.runs is None or visit.adopted >= len(inputs):
            runs = [run for run in _runs_wanting(state, node) if run.on_error == "continue" and not run.withdrawn]
            if runs == (visit.runs or []):
                self._end_skipped(state, node, runs)
                self._leave()
                return
            visit.runs, visit.adopted = runs, 0
        upto = visit.adopted + INPUTS_PER_STEP
        self._adopt(state, node, inputs[visit.adopted : upto], visit.runs)
        visit.adopted = upto

    def _adopt(self, state: State, node: Node, names: Sequence[str], runs: Sequence[RunState]) -> None:
        for name in names if runs else ():
            key = state.keys.get(name)
            if key is not None and (key.state == CHECKING or (key.state == MISSING and key.producer is not node)):
                for run in runs:
                    _adopt(state, key, run)

    def _end_skipped(self, state: State, node: Node, runs: Sequence[RunState]) -> None:
        for run in runs:
            run.skipped.setdefault(node.spec.task_id, (node.spec.task_id, self._failed_id))
        node.move("input failed")
        end_badly(state, node, self.unwanted)

    def _end_failed(self, state: State, node: Node) -> None:
        """End the failed task, when its children have been given up.

        They are not adopted: they could generate the same failing task again, and so without end.
        """
        if node.children:
            self._draining = {run: "" if run.on_error == "stop" else self._failed_id for run in self.runs}
            disown(state, node, self.unwanted)
            return
        self._draining = {}  # its children's
        node.move("dependents skipped")
        end_badly(state, node, self.unwanted)
        self._leave()


def _runs_wanting(state: State, node: Node) -> dict[RunState, None]:
    """Return the runs that have a task as a target, or a dynamic one that generated it."""
    found: dict[RunState, None] = {}
    stack, seen = [node], {node}
    while stack:
        each = stack.pop()
        found.update(dict.fromkeys(each.runs))
        for key in missing_outputs(state, each):
            found.update(key.targets)
        for parent in each.parents:
            if parent.state in (GENERATING, FAILING) and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return found


def _adopt(state: State, key: Key, run: RunState) -> None:
    """Make a key that a skipped task would have read a target of the run itself."""
    if run not in key.targets:
        key.add_target(run)
        if state.prioritized and key.producer is not None:
            raise_for_run(state, key.producer, run)
