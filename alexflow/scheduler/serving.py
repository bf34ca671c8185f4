"""Tasks that serve the dynamic task that generated them, by making an output for it.

The output of the dynamic task is made by one of its children, and held under another key until all of them are done. So
the scheduler sees two different keys: a reader of the dynamic task's output waits for the dynamic task. ``Close`` says
what is held for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from alexflow.errors import GraphError, OutputConflict
from alexflow.scheduler.events import TaskSpec
from alexflow.scheduler.state import Node, RunState, State


def serve(state: State, node: Node) -> None:
    """Check that a task serves dynamic tasks that generated it, and that no other one makes the same output."""
    for name, held_as in node.spec.serves:
        served = [parent for parent in node.parents if _is_output_of(parent.spec, name)]
        if not served:
            state.conflicts.append((node, _not_generated(node.spec, name)))
            return
        for parent in served:
            rival = parent.held.setdefault(name, held_as)
            if rival != held_as:
                claimants = _producer_of(state, rival), node.spec.task_id
                state.conflicts.append((node, OutputConflict(name, claimants)))
                return


def refuse_as_target(state: State, spec: TaskSpec, runs: Iterable[RunState]) -> None:
    """Fail runs that request a task which serves a dynamic one: what it holds for that one is no result.

    Whatever else wants the task, such as the dynamic task itself, goes on.
    """
    for run in runs:
        state.conflicts.append((run, _not_generated(spec, spec.serves[0][0])))


def _not_generated(spec: TaskSpec, name: str) -> GraphError:
    return GraphError(
        f"{spec.task_id} stores {name!r}, which is an output of a dynamic task that has not generated it; "
        f"request that dynamic task"
    )


def _is_output_of(spec: TaskSpec, name: str) -> bool:
    return name in spec.outputs or any(name == key for key, _ in spec.serves)


def _producer_of(state: State, held_as: str) -> str:
    key = state.keys.get(held_as)
    return held_as if key is None or key.producer is None else key.producer.spec.task_id
