"""Runs solved by hand: the path through inputs, workers, limits and attempts; the bounds; what cost most."""

from __future__ import annotations

import pytest

from alexflow.report.facts import RunFacts
from tests.timeline.solved_runs import SECOND, Ran, solved, steps


def in_seconds(facts: RunFacts) -> tuple[float, float, int, float, int]:
    """The makespan, the work, the workers, the longest chain and its length."""
    found = facts.bounds
    return found.makespan / SECOND, found.work / SECOND, found.workers, found.chain / SECOND, found.chain_length


def dearest(facts: RunFacts) -> list[tuple[float, str]]:
    return [(thing.seconds, thing.title) for thing in facts.dearest()]


def on_path(letter: str) -> str:
    return f"1 task of {letter} on the critical path"


def test_a_chain() -> None:
    facts = solved(Ran("a", 1, 3, 7), Ran("b", 3.5, 8, 8, "a"), Ran("c", 8, 9, 7, "b"))
    assert steps(facts) == [("a", "start", 1, 2), ("b", "input", 0.5, 4.5), ("c", "input", 0, 1)]
    assert in_seconds(facts) == (8, 7.5, 2, 7.5, 3)
    assert dearest(facts) == [(4.5, on_path("b")), (2, on_path("a")), (1, on_path("c"))]
    assert "more workers would not help" in facts.advice()


def test_a_fan_on_two_workers() -> None:
    fan = [Ran("b", 1, 3, 7, "a"), Ran("c", 1, 4, 8, "a"), Ran("d", 3, 5, 7, "a"), Ran("e", 4, 7, 8, "a")]
    facts = solved(Ran("a", 0, 1, 7), *fan)
    assert steps(facts) == [("a", "start", 0, 1), ("c", "input", 0, 3), ("e", "lane", 0, 3)]
    assert in_seconds(facts) == (7, 11, 2, 4, 2)
    assert dearest(facts)[0][0] == 3
    assert "neither explains" in facts.advice()


def test_a_fan_that_fills_its_workers() -> None:
    fan = [Ran("b", 0, 2, 7), Ran("c", 0, 2, 8), Ran("d", 2, 4, 7), Ran("e", 2, 4.5, 8)]
    facts = solved(*fan)
    assert steps(facts) == [("c", "start", 0, 2), ("e", "lane", 0, 2.5)]
    assert in_seconds(facts) == (4.5, 8.5, 2, 2.5, 1)
    assert "busy 94%" in facts.advice()
    assert "by up to 1.8 times" in facts.advice()


def test_a_diamond_with_an_uneven_side() -> None:
    sides = [Ran("b", 1, 2, 0, "a"), Ran("c", 1, 6, 0, "a")]
    facts = solved(Ran("a", 0, 1), *sides, Ran("d", 6.25, 7, 0, "bc"))
    assert steps(facts) == [("a", "start", 0, 1), ("c", "input", 0, 5), ("d", "input", 0.25, 0.75)]
    assert in_seconds(facts) == (7, 0, 0, 6.75, 3)
    assert dearest(facts) == [(5, on_path("c")), (1, on_path("a")), (0.75, on_path("d"))]


@pytest.mark.parametrize("workers", [(7, 8, 9), (7, 7, 7), (0, 0, 0)], ids=["several", "one", "loop"])
def test_a_limit_of_one_serialises(workers: tuple[int, int, int]) -> None:
    letters, starts = "abc", (0, 2, 5)
    tasks = [
        Ran(letter, start, end, worker, tags=("gpu",))
        for letter, start, end, worker in zip(letters, starts, (2, 5, 6), workers, strict=True)
    ]
    facts = solved(*tasks, limits={"gpu": 1})
    assert steps(facts) == [("a", "start", 0, 2), ("b", "limit", 0, 3), ("c", "limit", 0, 1)]
    assert facts.bounds.chain == 3 * SECOND


def test_a_limit_of_two_holds_up_only_what_stood_in_line() -> None:
    held = [Ran("a", 0, 4, tags=("gpu",)), Ran("b", 0, 2, tags=("gpu",)), Ran("c", 2, 5, tags=("gpu",))]
    facts = solved(*held, limits={"gpu": 2})
    assert steps(facts) == [("b", "start", 0, 2), ("c", "limit", 0, 3)]
    free = [Ran("a", 0, 1, tags=("gpu",)), Ran("b", 1.5, 4, tags=("gpu",))]
    assert steps(solved(*free, limits={"gpu": 2})) == [("b", "start", 1.5, 2.5)], "a slot was free all the time"
    assert steps(solved(*free)) == [("b", "start", 1.5, 2.5)]
    assert steps(solved(*free, limits={"gpu": "RateLimit(1)"})) == [("b", "start", 1.5, 2.5)]


def test_a_task_of_two_limits_waits_for_the_later_one() -> None:
    tasks = [Ran("a", 0, 2, tags=("x",)), Ran("b", 0, 3, tags=("y",)), Ran("c", 3, 4, tags=("x", "y"))]
    assert steps(solved(*tasks, limits={"x": 1, "y": 1})) == [("b", "start", 0, 3), ("c", "limit", 0, 1)]


@pytest.mark.parametrize("workers", [(7, 8), (0, 0)], ids=["workers", "loop"])
def test_a_retry(workers: tuple[int, int]) -> None:
    first, second = workers
    facts = solved(Ran("a", 0, 3, first, failed="retried"), Ran("a", 5, 6, second, attempt=2))
    assert steps(facts) == [("a", "start", 0, 3), ("a", "attempt", 2, 1)]
    assert facts.bounds.makespan == 6 * SECOND
    assert dearest(facts) == [
        (3, "Attempts that failed, on the critical path"),
        (2, "Gaps between the 2 steps of the path"),
        (1, on_path("a")),
    ]


def test_a_dynamic_task() -> None:
    facts = solved(
        Ran("a", 0, 1),
        Ran("b", 2, 4),
        Ran("d", 5, 6, reads="a", generated=2),
        Ran("c", 4, 5.5, reads="b", makes="d"),
    )
    path = [("a", "start", 0, 1), ("b", "generator", 1, 2), ("c", "input", 0, 1.5), ("d", "child", 0, 0.5)]
    assert steps(facts) == path
    assert sum(gap + took for *_, gap, took in path) == 6


def test_a_failed_run() -> None:
    facts = solved(Ran("a", 0, 1, 7), Ran("b", 1, 4, 7, "a", failed="last"), Ran("c", 0, 2, 8))
    assert steps(facts) == [("a", "start", 0, 1), ("b", "input", 0, 3)]
    assert in_seconds(facts) == (4, 6, 2, 4, 2)
    assert dearest(facts)[0] == (3, "Attempts that failed, on the critical path")


def test_a_run_that_found_half_of_it_stored() -> None:
    facts = solved(Ran("c", 0.5, 2, 0, "AB"), Ran("d", 2, 3, 0, "cB"), stored=2)
    assert steps(facts) == [("c", "start", 0.5, 1.5), ("d", "input", 0, 1)]
    assert in_seconds(facts) == (2.5, 0, 0, 2.5, 2)
