"""Thousands of random tasks under alexflow 1.1.4 and under this one: ``nox -s legacy``."""

from __future__ import annotations

import os
from collections import Counter

import former_tasks
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.legacy.peer import VARIABLE, Peer
from tests.legacy.recipes import Recipe, any_task

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no Python with alexflow 1.1.4")

#: With an id; some more are made that both refuse.
COMPARISONS = 5_000


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of a strategy made from many
def test_ids_and_documents_are_the_same(capsys):
    tally: Counter[str] = Counter()

    @settings(
        max_examples=2 * COMPARISONS,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(any_task)
    def compare(recipe: Recipe) -> None:
        theirs, ours = peer.ask(recipe), former_tasks.answer(recipe)
        assert ours["id"] == theirs["id"]
        tally["ids"] += theirs["id"] is not None
        if theirs["document"] is not None:
            assert ours["document"] == theirs["document"]
            tally["documents"] += 1

    with Peer() as peer:
        compare()
    with capsys.disabled():
        print(f"\n{tally['ids']:,} ids and {tally['documents']:,} documents compared, 0 differences")
    assert tally["ids"] >= COMPARISONS
