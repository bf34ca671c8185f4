"""Tasks that were taken from the ready queue and come back, because they have not begun."""

from __future__ import annotations

from alexflow.scheduler.completion import cancelled, end_draining
from alexflow.scheduler.events import PutBack
from alexflow.scheduler.failure import drop_unstarted
from alexflow.scheduler.state import State
from alexflow.scheduler.states import CANCELLING, RUNNING


def put_back(state: State, event: PutBack) -> None:
    """Queue tasks again, before all others and in their order; they keep their slots, and nothing is counted."""
    for task_id in reversed(event.tasks):
        node = state.nodes.get(task_id)
        if node is None:
            continue
        if node.state == CANCELLING:
            cancelled(state, node)
        elif node.state == RUNNING and not node.demand:  # a stopped run would drain it
            drop_unstarted(state, node)
        elif node.state == RUNNING:
            for run in node.drained_by:
                run.skipped.setdefault(task_id, (task_id, run.draining[node]))
            end_draining(state, node)
            node.move("revoked")
            state.end_attempt(node, is_over=False)
            if node.spec.spends:
                state.slots.buckets.put_back(node.spec.spends)
            state.queue[node.spec.executor].add(task_id, node, first=True)
            state.out.start.append(task_id)
