"""Whether the engine of a run that has not ended is still there."""

from __future__ import annotations

from alexflow.record.engine_process import engine_exists, where_it_stands
from alexflow.timeline.run_fold import RunFold


def engine_is_gone(run: RunFold) -> bool:
    """Return whether a run has no end and its engine's process is gone; of another machine's that is not known."""
    return run.ended is None and engine_exists(run.header.host, run.header.pid) is False


def state_of(run: RunFold) -> str:
    """Return how a run ended, or where it stands."""
    if run.ended is not None:
        return "ended by an error" if run.outcome == "error" else run.outcome
    return where_it_stands(run.header.host, run.header.pid)
