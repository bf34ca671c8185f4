"""Thousands of random tasks under alexflow 1.1.4 and under this one: ``nox -s legacy``."""

from __future__ import annotations

import os
from collections import Counter

import former_tasks
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.legacy.peer import VARIABLE, Peer
from tests.legacy.recipes import Recipe, any_other, any_task

pytestmark = [
    pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no Python with alexflow 1.1.4"),
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),  # of a strategy made from many
]

#: With an id; some more are made that both refuse.
COMPARISONS = 5_000


def compare_all(recipes: st.SearchStrategy[Recipe], number: int) -> Counter[str]:
    """Ask both; how often there was something to compare."""
    tally: Counter[str] = Counter()

    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(recipes)
    def compare(recipe: Recipe) -> None:
        theirs, ours = peer.ask(recipe), former_tasks.answer(recipe)
        assert ours["id"] == theirs["id"]
        tally["ids"] += theirs["id"] is not None
        for what in ("document", "again"):
            if theirs[what] is not None:
                assert ours[what] == theirs[what]
                tally[what] += 1

    with Peer() as peer:
        compare()
    return tally


def test_ids_and_documents_are_the_same(capsys):
    tally = compare_all(any_task, 2 * COMPARISONS)
    with capsys.disabled():
        print(
            f"\n{tally['ids']:,} ids and {tally['document']:,} documents compared, "
            f"{tally['again']:,} of which both had read and written again: 0 differences"
        )
    assert tally["ids"] >= COMPARISONS
    assert tally["again"] >= COMPARISONS // 2


def test_documents_of_what_is_no_task_are_the_same(capsys):
    tally = compare_all(any_other, 1_000)
    with capsys.disabled():
        print(f"\n{tally['document']:,} documents of outputs, workflows and storages compared, 0 differences")
    assert tally["again"] >= 500
