"""Retries: after errors with a delay, after the death of a worker at once."""

from __future__ import annotations

import pytest

from alexflow.scheduler.instructions import Delay, Finish, GaveUp, TryAgain
from tests.scheduler.harness import ERROR, Harness, cancel, failure, forget, start


def test_retries_wait_twice_as_long_each_time() -> None:
    h = Harness()
    h.chain("A", "B", retries=2, retry_delay=3.0)
    h.plan("b")
    for attempt, seconds in ((1, 3.0), (2, 6.0)):
        assert h.fail("A") == [Delay("A", attempt, seconds)]
        assert h.reports == [TryAgain("A", ERROR, attempt, 0, seconds)]
        assert h.over("A", attempt) == [start("A")]
    assert h.fail("A") == [failure(1, "A", skipped="B"), forget("B A")]
    assert h.reports == [GaveUp("A", ERROR, 3, 0)]


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 2.4), (0.25, 2.7), (0.5, 3.0), (1.0, 3.6)])
def test_chance_makes_a_delay_with_jitter_shorter_or_longer(chance: float, seconds: float) -> None:
    h = Harness()
    h.task("A", retries=2, retry_delay=3.0, retry_jitter=0.2)
    h.plan("a")
    (delay,) = h.fail("A", chance=chance)
    assert isinstance(delay, Delay)
    assert delay.seconds == pytest.approx(seconds)
    assert [report.seconds for report in h.reports if isinstance(report, TryAgain)] == [delay.seconds]
    h.over("A", 1)
    (delay,) = h.fail("A", chance=chance)
    assert isinstance(delay, Delay)
    assert delay.seconds == pytest.approx(2 * seconds)


def test_delays_do_not_grow_without_end() -> None:
    h = Harness()
    h.task("A", retries=2000, retry_delay=1.0)
    h.plan("a")
    for attempt in range(1, 2001):
        (delay,) = h.fail("A")
        assert isinstance(delay, Delay)
        assert delay.seconds <= 2.0**40
        h.over("A", attempt)


def test_a_task_that_fails_while_it_is_cancelled_and_is_wanted_again_is_not_given_up() -> None:
    h = Harness()
    h.task("A")
    h.plan("a")
    assert h.cancel(1) == [cancel("A"), Finish(1)]
    assert h.ask(2, "a") == []
    assert h.fail("A") == [start("A")]
    assert h.reports == []
    h.done("A")
    assert h.seen(2) == [Finish(2, ran=1)]


def test_deaths_and_errors_are_counted_together_and_reported_apart() -> None:
    h = Harness()
    h.task("A", retries=1)
    h.plan("a")
    h.fail("A", "lost")
    assert h.reports == [TryAgain("A", ERROR, 1, 1, 0.0)]
    h.fail("A")
    assert h.reports == [TryAgain("A", ERROR, 2, 1, 0.0)]
    h.over("A", 1)
    h.fail("A")
    assert h.reports == [GaveUp("A", ERROR, 3, 1)]


def test_a_retry_that_succeeds() -> None:
    h = Harness()
    h.task("A", retries=1)
    h.plan("a")
    h.fail("A")
    assert h.over("A", 7) == []
    assert h.over("A", 1) == [start("A")]
    h.done("A")
    assert h.seen(1) == [Finish(1, ran=1)]


def test_fatal_errors_are_not_tried_again() -> None:
    h = Harness()
    h.task("A", retries=5)
    h.plan("a")
    assert h.fail("A", "fatal") == [failure(1, "A"), forget("A")]
    assert h.reports == [GaveUp("A", ERROR, 1, 0)]


def test_a_delay_without_demand() -> None:
    h = Harness()
    h.task("A", retries=1)
    h.plan("a")
    h.fail("A")
    assert h.cancel(1) == [Finish(1), forget("A")]
    assert h.over("A", 1) == []
    assert h.empty


def test_lost_workers_have_a_limit_of_their_own() -> None:
    h = Harness(max_deaths=2)
    h.task("A")
    h.plan("a")
    for death in (1, 2):
        assert h.fail("A", "lost") == [start("A")]
        assert h.reports == [TryAgain("A", ERROR, death, death, 0.0)]
    assert h.fail("A", "lost") == [failure(1, "A"), forget("A")]
    assert h.reports == [GaveUp("A", ERROR, 3, 3)]


def test_a_lost_worker_gives_its_slot_to_the_first_waiter() -> None:
    h = Harness(limits={"gpu": 1})
    h.task("A", tags="gpu")
    h.task("B", tags="gpu")
    h.plan("a b")
    assert h.fail("A", "lost") == [start("B")]
    assert h.done("B") == [start("A"), forget("B")]
