"""Trying again, giving up, and what goes on all the same."""

from __future__ import annotations

import pytest

from alexflow.errors import OutputMissing
from alexflow.scheduler.failure import MAX_LOSSES
from alexflow.scheduler.instructions import Delay, Finish, GaveUp, TryAgain
from alexflow.scheduler.requests import MAX_VERIFICATIONS
from tests.scheduler.harness import ERROR, Harness, cancel, failure, finish_of, forget, inspect, start, verify


def test_stop_starts_nothing_more_and_lets_running_tasks_end() -> None:
    h = Harness()
    h.chain("A", "B")
    h.chain("C", "D", "E")
    h.task("F", "b e")
    assert h.plan("f") == [start("A C")]
    assert h.fail("A") == [forget("F E D B A")]
    assert h.done("C") == [failure(1, "A", skipped="F E D B", ran=1), forget("C")]
    assert h.empty


def test_stop_tells_of_all_that_fail_until_the_end() -> None:
    h = Harness()
    h.task("A")
    h.task("B", retries=5)
    h.plan("a b")
    h.fail("A")
    assert h.fail("B") == [failure(1, "A B"), forget("B")]


def test_continue_makes_what_does_not_depend_on_it() -> None:
    h = Harness()
    h.chain("A", "B")
    h.chain("C", "D")
    h.task("E", "b d")
    assert h.plan("e", on_error="continue") == [start("A C")]
    assert h.fail("A") == [forget("B E A")]  # D was read only by E, which is skipped, and is made all the same
    assert h.done("C") == [start("D"), forget("C")]
    assert h.done("D") == [failure(1, "A", skipped="B<A E<A", ran=2), forget("D")]
    assert h.empty


def test_continue_with_an_input_that_is_still_being_asked_about() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a")
    h.chain("C", "D")
    h.plan("a")
    h.task("E", "a d")
    h.ask(2, "e", on_error="continue")
    h.look("e")
    assert h.fail("A") == [failure(1, "A"), forget("E A")]
    assert h.look("d") == [inspect("c")]
    assert h.look("c") == [start("C")]
    h.done("C")
    assert h.done("D") == [failure(2, "A", skipped="E<A", ran=2), forget("D")]


def test_continue_takes_over_only_what_the_run_itself_wants() -> None:
    h = Harness()
    h.task("A")
    h.chain("C", "D")
    h.task("B1", "a")
    h.task("B2", "a d", makes="b2")
    h.plan("b1", on_error="continue")
    h.ask(2, "b2", on_error="continue")
    h.look("b2")
    h.look("d")
    h.look("c")
    assert failure(1, "A", skipped="B1<A") in h.fail("A")
    h.done("C")
    assert h.done("D") == [failure(2, "A", skipped="B2<A", ran=2), forget("D")]


def test_one_run_stops_while_another_continues() -> None:
    h = Harness()
    h.task("A")
    h.task("X")
    h.task("B", "a x")
    h.plan("b")
    h.ask(2, "b", on_error="continue")
    assert h.fail("A") == [failure(1, "A"), forget("B A")]
    assert h.done("X") == [failure(2, "A", ran=1, skipped="B<A"), forget("X")]
    assert h.empty


def test_a_waiter_is_not_started_by_the_failure_that_stops_its_run() -> None:
    h = Harness(limits={"gpu": 1})
    h.task("A", tags="gpu")
    h.task("B", tags="gpu")
    assert h.plan("a b") == [start("A")]
    assert h.fail("A") == [failure(1, "A", skipped="B"), forget("B A")]
    assert h.empty


# -- trying again


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


def test_deaths_and_errors_are_counted_together_and_told_apart() -> None:
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


def test_a_delay_that_nobody_waits_for() -> None:
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


def test_a_lost_worker_gives_its_slot_to_who_waited_first() -> None:
    h = Harness(limits={"gpu": 1})
    h.task("A", tags="gpu")
    h.task("B", tags="gpu")
    h.plan("a b")
    assert h.fail("A", "lost") == [start("B")]
    assert h.done("B") == [start("A"), forget("B")]


# -- inputs lost (fault 28)


def test_a_lost_input_is_made_again() -> None:
    h = Harness()
    h.chain("A", "B", "C")
    h.ask(1, "c")
    h.look("c")
    h.look("b")
    assert h.look(present="a", found="A") == [start("B")]
    assert h.lost("B", "a") == [inspect("a")]
    assert h.look("a") == [start("A")]
    assert h.done("A") == [start("B"), forget("A")]
    h.done("B")
    h.done("C")
    assert h.seen(1) == [Finish(1, ran=3, cached=1)]
    assert h.empty


def test_a_lost_input_that_is_there_after_all() -> None:
    h = Harness()
    h.chain("A", "B")
    h.ask(1, "b")
    h.look("b")
    h.look(present="a")
    h.lost("B", "a")
    assert h.look(present="a", found="A") == [start("B")]
    h.done("B")
    assert h.seen(1) == [Finish(1, ran=1)]  # A has been counted as done, or was not reported at the time


def test_several_readers_of_a_lost_input() -> None:
    h = Harness()
    h.task("A")
    h.task("X")
    h.task("B", "a")
    h.task("C", "a")
    h.task("D", "a x")
    h.ask(1, "b c d")
    h.look("b c d")
    assert h.look("x", present="a") == [start("B C X")]
    assert h.lost("B", "a") == [inspect("a")]
    assert h.done("X") == [forget("X")]  # D waits for it, too
    assert h.lost("C", "a") == []
    assert h.look("a") == [start("A")]
    assert h.done("A") == [start("B C D"), forget("A")]


def test_a_reader_that_had_it_may_end_well() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a")
    h.task("C", "a")
    h.ask(1, "b")
    h.ask(2, "c")
    h.look("b c")
    h.look(present="a")
    h.lost("B", "a")
    h.look("a")
    assert h.done("C") == [verify(2, "c"), forget("C")]
    assert h.fail("A") == [failure(1, "A", skipped="B"), forget("B A")]
    assert h.seen(2) == [Finish(2, ran=1)]
    assert h.empty


def test_a_reader_that_had_what_could_not_be_made_again() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a")
    h.task("C", "a")
    h.ask(1, "b")
    h.ask(2, "c")
    h.look("b c")
    h.look(present="a")
    h.lost("B", "a")
    h.look("a")
    h.fail("A")
    assert h.lost("C", "a") == [inspect("a")]  # once more, on its own account
    assert h.look("a") == [start("A")]
    assert h.done("A") == [start("C"), forget("A")]


def test_a_new_reader_of_what_could_not_be_made_again() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a")
    h.task("C", "a")
    h.task("D", "a")
    h.ask(1, "b")
    h.ask(2, "c")
    h.look("b c")
    h.look(present="a")
    h.lost("B", "a")
    h.look("a")
    h.fail("A")
    h.ask(3, "d")
    assert h.look("d") == [inspect("a")]
    assert h.look(present="a") == [start("D")]


def test_inputs_that_are_lost_again_and_again() -> None:
    h = Harness()
    h.chain("A", "B")
    h.ask(1, "b")
    h.look("b")
    h.look(present="a")
    for _ in range(MAX_LOSSES):
        assert h.lost("B", "a") == [inspect("a")]
        assert h.look(present="a") == [start("B")]
    assert h.lost("B", "a") == [failure(1, "B"), forget("B")]


def test_many_inputs_that_are_lost_one_after_the_other() -> None:
    """The limit is for each of them; and where one has gone, all are looked at."""
    h = Harness()
    names = "A B C D E F G H"
    for name in names.split():
        h.task(name)
    keys = names.lower()
    h.task("R", keys)
    h.ask(1, "r")
    h.look("r")
    h.look(present=keys)
    for name in names.split():
        others = " ".join(key for key in keys.split() if key != name.lower())
        assert h.lost("R", name.lower()) == [inspect(f"{name.lower()} {others}")]
        assert h.look(name.lower(), present=others) == [start(name)]
        assert h.done(name) == [start("R"), forget(name)]
    assert h.lost("R", "h") == [inspect("h a b c d e f g")]
    assert h.look(keys) == [start(names)]  # all of them, as it turns out
    assert h.done(names) == [start("R"), forget(names)]
    h.done("R")
    assert h.seen(1) == [Finish(1, ran=17)]


def test_lost_keys_that_are_no_inputs_are_an_error() -> None:
    h = Harness()
    h.chain("A", "B")
    h.plan("b")
    assert h.lost("A", "z") == [failure(1, "A", skipped="B"), forget("B A")]


def test_inputs_lost_by_a_task_that_is_only_let_end() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "x")
    h.ask(1, "a b")
    h.look("a b")
    h.look(present="x")
    assert h.fail("A") == [forget("A")]
    assert h.lost("B", "x") == [failure(1, "A", skipped="B"), forget("B")]
    assert h.empty


def test_inputs_lost_by_a_dynamic_task_withdraw_what_it_gave() -> None:
    h = Harness()
    h.task("D", "x", dynamic=True)
    h.task("C")
    h.ask(1, "d")
    h.look("d")
    h.look(present="x")
    h.gave("D", "C")
    assert start("C") in h.look(incomplete="C")
    assert [type(i).__name__ for i in h.lost("D", "x")] == ["Inspect", "Cancel"]
    assert h.look(present="x") == [start("D")]
    assert h.ended("C") == [forget("C")]


# -- targets that are not there after all


def test_a_target_that_vanished_is_made_again() -> None:
    h = Harness()
    h.chain("A", "B")
    h.plan("b")
    h.done("A")
    h.done("B")
    assert h.seen(1, "b") == [inspect("b")]
    assert h.look("b") == [inspect("a")]
    assert h.look(present="a") == [start("B")]
    assert h.done("B") == [verify(1, "b"), forget("B")]
    assert h.seen(1) == [Finish(1, ran=3)]


def test_a_target_that_vanished_while_others_read_it() -> None:
    h = Harness()
    h.chain("A", "B")
    h.plan("a")
    h.ask(2, "b")
    h.look("b")
    assert h.done("A") == [start("B"), verify(1, "a"), forget("A")]
    assert h.seen(1, "a") == [inspect("a")]  # not taken for present because of B
    assert h.look("a") == [start("A")]
    assert h.done("A") == [verify(1, "a"), forget("A")]
    assert h.seen(1) == [Finish(1, ran=2)]


def test_a_target_that_others_read_is_verified() -> None:
    h = Harness()
    h.chain("A", "B")
    h.plan("b")
    h.done("A")
    assert h.ask(2, "a") == [verify(2, "a")]
    assert h.seen(2) == [Finish(2)]


def test_a_target_that_others_have_made_is_verified() -> None:
    h = Harness()
    h.task("A")
    h.plan("a")
    assert h.ask(2, "a") == []
    assert h.done("A") == [verify(2, "a"), verify(1, "a"), forget("A")]


def test_a_target_that_vanishes_each_time() -> None:
    h = Harness()
    h.task("A")
    h.plan("a")
    for _ in range(MAX_VERIFICATIONS):
        h.done("A")
        assert h.seen(1, "a") == [inspect("a")]
        assert h.look("a") == [start("A")]
    h.done("A")
    ((name, error),) = finish_of(h.seen(1, "a")).failures
    assert name == "a"
    assert isinstance(error, OutputMissing)
    assert h.empty


def test_an_answer_after_the_run_was_cancelled() -> None:
    h = Harness()
    h.task("A")
    h.plan("a")
    h.done("A")
    assert h.cancel(1) == [Finish(1, ran=1)]
    assert h.seen(1, "a") == []
    assert h.seen(1, "a") == []
    assert h.seen(5) == []


# -- events that say nothing


@pytest.mark.parametrize("state", ["unknown", "waiting", "ready", "delayed", "over"])
def test_events_about_tasks_that_are_not_at_work_are_ignored(state: str) -> None:
    h = Harness(limits={"gpu": 1})
    h.task("A", tags="gpu", retries=1)
    h.task("B", tags="gpu")
    h.task("C", "a")
    task = {"unknown": "Z", "waiting": "C", "ready": "B", "delayed": "A", "over": "A"}[state]
    h.plan("b c" if state != "ready" else "a b")
    if state == "delayed":
        h.plan("a", run_id=2)
    if state in ("delayed", "over"):
        h.done("B")
        h.fail("A") if state == "delayed" else h.done("A")
    assert h.done(task) == []
    assert h.fail(task) == []
    assert h.fail(task, "lost") == []
    assert h.lost(task, "a") == []
    assert h.ended(task) == []
    assert h.gave(task, last=True) == []
    assert h.over(task, 5) == []


def test_answers_to_what_was_not_asked_are_ignored() -> None:
    h = Harness()
    h.chain("A", "B")
    assert h.look("a", present="z", complete="Y") == []
    assert h.cannot_look("q", "Q") == []
    assert h.cancel(9) == []
    assert h.resume() == []
    assert h.scheduler.wanted(["Z"]) == []
    assert h.empty
    assert ERROR.args
