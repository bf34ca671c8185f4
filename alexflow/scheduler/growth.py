"""The growth of the scheduler's large tables, each in another turn."""

from __future__ import annotations

from typing import Any

from alexflow.early_growth import GROWS_LATER
from alexflow.scheduler.state import State


def grow_early(state: State) -> None:
    """Let large tables grow in different turns; called where tasks and outputs have come."""
    if len(state.keys) + len(state.checks) > GROWS_LATER:
        tables: tuple[dict[str, Any], ...] = state.nodes, state.keys, state.pins, state.checks
        for growth, table in zip(state.growths, tables, strict=True):
            growth.look(table)
