"""Adds to ``golden.jsonl``: recipes, and what 1.1.4 makes of them (``ALEXFLOW_1_PYTHON`` says where that is)."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.legacy.peer import Peer
from tests.legacy.recipes import Recipe, any_other, any_task

GOLDEN = Path(__file__).parent / "golden.jsonl"

SIZE = 400  # how many are tried


def main() -> None:
    lines = dict.fromkeys(GOLDEN.read_text().splitlines())  # what was pinned once stays

    @seed(1)
    @settings(
        max_examples=SIZE,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(any_task | any_other)
    def ask(recipe: Recipe) -> None:
        answer = peer.ask(recipe)
        pinned = {"id": answer["id"], "document": answer["document"]}
        if answer["again"] and len(answer["document"]) < 2_000:
            lines[json.dumps({"recipe": recipe, **pinned})] = None

    with Peer() as peer:
        ask()
    GOLDEN.write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
