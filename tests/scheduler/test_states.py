"""The table of a task's states is complete, and each line of it is used."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType

import pytest

from alexflow.scheduler.state import Node
from alexflow.scheduler.states import ACTIVE, FINAL, STATES, TRANSITIONS, WAITING, diagram
from tests.scheduler import (
    test_discovery,
    test_dynamic,
    test_ephemeral,
    test_failure,
    test_limits,
    test_lost_inputs,
    test_peers,
    test_ready,
    test_retries,
    test_sharing,
    test_verification,
    test_wrong_graphs,
)

HISTORIES: list[ModuleType] = [
    test_dynamic,
    test_peers,
    test_discovery,
    test_ephemeral,
    test_failure,
    test_limits,
    test_lost_inputs,
    test_ready,
    test_retries,
    test_sharing,
    test_verification,
    test_wrong_graphs,
]
PAGE = Path(__file__).parents[2] / "docs" / "design" / "scheduler.md"


def test_every_transition_is_exercised(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[tuple[str, str]] = set()
    move = Node.move

    def recorded(node: Node, cause: str) -> None:
        seen.add((node.state, cause))
        move(node, cause)

    monkeypatch.setattr(Node, "move", recorded)
    for module in HISTORIES:
        for name, history in vars(module).items():
            if name.startswith("test_") and not inspect.signature(history).parameters:
                history()
    assert set(TRANSITIONS) - seen == set()


def test_every_state_is_reached_and_left() -> None:
    reached = {WAITING, *TRANSITIONS.values()}
    left = {state for state, _ in TRANSITIONS}
    assert reached == set(STATES)
    assert left == set(STATES) - FINAL
    assert not ACTIVE & FINAL


def test_the_page_shows_the_table() -> None:
    page = PAGE.read_text()
    begin, end = "<!-- diagram: made from states.diagram() -->\n", "\n<!-- end of diagram -->"
    shown = page.split(begin)[1].split(end)[0]
    assert shown == f"```mermaid\n{diagram()}\n```"
