"""Tasks that store for the dynamic task that gave them.

A dynamic task's output is made by one of its tasks, and kept under another key until all of them are done. So for the
scheduler the two make different keys: who waits for the dynamic task's output waits for the dynamic task. What is held
for it is told with ``Close``.
"""

from __future__ import annotations

from collections.abc import Iterable

from alexflow.errors import GraphError, OutputConflict
from alexflow.scheduler.events import TaskSpec
from alexflow.scheduler.state import Node, Run, State


def serve(state: State, node: Node) -> None:
    """See that a task stores for dynamic tasks that gave it, and is the only one that does."""
    for name, place in node.spec.serves:
        served = [parent for parent in node.parents if _is_made_by(parent.spec, name)]
        if not served:
            state.conflicts.append((node, _not_given(node.spec, name)))
            return
        for parent in served:
            rival = parent.held.setdefault(name, place)
            if rival != place:
                claimants = _producer_of(state, rival), node.spec.task_id
                state.conflicts.append((node, OutputConflict(name, claimants)))
                return


def refuse_as_target(state: State, spec: TaskSpec, runs: Iterable[Run]) -> None:
    """Fail runs that ask for a task which stores for a dynamic task; what it holds for that one is no result.

    Others who want the task, such as the dynamic task itself, go on.
    """
    for run in runs:
        state.conflicts.append((run, _not_given(spec, spec.serves[0][0])))


def _not_given(spec: TaskSpec, name: str) -> GraphError:
    return GraphError(
        f"{spec.task_id} stores {name!r}, which is an output of a dynamic task that has not given it; "
        f"ask for that dynamic task"
    )


def _is_made_by(spec: TaskSpec, name: str) -> bool:
    return name in spec.outputs or any(name == key for key, _ in spec.serves)


def _producer_of(state: State, place: str) -> str:
    key = state.keys.get(place)
    return place if key is None or key.producer is None else key.producer.spec.task_id
