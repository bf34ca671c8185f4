"""Failures: giving up, and branches that go on."""

from __future__ import annotations

import pytest

from alexflow.scheduler.instructions import Offer, Resume
from tests.scheduler.harness import ERROR, Harness, failure, forget, inspect, start


def test_stop_starts_nothing_more_and_lets_running_tasks_end() -> None:
    h = Harness()
    h.chain("A", "B")
    h.chain("C", "D", "E")
    h.task("F", "b e")
    assert h.plan("f") == [start("A C")]
    assert h.fail("A") == [forget("F E D B A")]
    assert h.done("C") == [failure(1, "A", skipped="F E D B", ran=1), forget("C")]
    assert h.empty


def test_what_runs_for_skipped_tasks_alone_may_end_while_a_large_run_is_withdrawn() -> None:
    h = Harness(steps=1)
    h.task("A")
    h.task("R")
    h.task("D", "a r")
    h.task("X")
    h.ask(1, "x d")
    h.look("x d")
    h.look("a r")
    while h.resume():
        pass
    assert h.fail("A") == [Resume()]
    while Offer() not in h.resume():
        pass
    assert h.done("X") == [forget("X")]
    assert h.done("R") == [failure(1, "A", skipped="D", ran=2), forget("R")]
    assert h.empty


def test_a_stopped_run_reports_all_failures_until_its_end() -> None:
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
    assert h.fail("A") == [forget("E B A")]  # D was read only by E, which is skipped, and is made all the same
    assert h.done("C") == [start("D"), forget("C")]
    assert h.done("D") == [failure(1, "A", skipped="E<A B<A", ran=2), forget("D")]
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


# -- events that say nothing


@pytest.mark.parametrize("state", ["unknown", "waiting", "ready", "delayed", "over"])
def test_events_about_tasks_that_are_not_active_are_ignored(state: str) -> None:
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
