"""The ready queue: tasks that may start wait for a place, and stay the scheduler's until then."""

from __future__ import annotations

from tests.scheduler.harness import Harness, cancel, collect, failure, forget, start, verify, without_places


def test_what_is_ready_waits_in_order():
    h = without_places("A B C")
    assert h.plan("a b c") == [start("A B C")]
    assert h.queued == "A B C"
    h.begin("A B")
    assert h.queued == "C"
    h.done("A")
    assert h.queued == "C"


def test_a_task_that_is_not_wanted_any_more_leaves_the_queue_at_once():
    h = without_places("A B C")
    h.plan("a b c")
    h.begin("A")
    assert cancel("A") in h.cancel(1)
    assert h.queued == ""
    h.ended("A")
    assert h.empty


def test_a_run_that_stops_does_not_wait_for_what_has_no_place():
    h = without_places("A B C")
    h.plan("a b c")
    h.begin("A B")
    assert forget("C A") in h.fail("A")
    assert h.queued == ""
    assert failure(1, "A", skipped="C", ran=1) in h.done("B")


def test_what_has_not_begun_comes_back_before_all_others_and_in_order():
    h = without_places("A B C D")
    h.plan("a b c d")
    h.begin("A B C")
    assert h.back("B C") == [start("C B")]
    assert h.queued == "B C D"


def test_what_comes_back_keeps_its_slots():
    h = Harness(places=False, limits={"gpu": 1})
    h.task("A", tags="gpu")
    h.task("B", tags="gpu")
    assert h.plan("a b") == [start("A")]
    h.begin("A")
    h.back("A")
    assert h.queued == "A"
    h.begin("A")
    assert h.done("A")[0] == start("B")


def test_slots_of_what_leaves_the_queue_are_free():
    h = Harness(places=False, limits={"gpu": 1})
    h.task("A", tags="gpu")
    h.task("B", tags="gpu")
    h.plan("a", run_id=1)
    h.plan("b", run_id=2)
    assert h.queued == "A"
    assert start("B") in h.cancel(1)
    assert h.queued == "B"


def test_what_comes_back_and_was_cancelled_has_ended():
    h = without_places("A")
    h.plan("a")
    h.begin("A")
    h.cancel(1)
    assert h.back("A") == [forget("A")]
    assert h.empty


def test_what_comes_back_and_is_wanted_by_stopped_runs_alone_is_dropped():
    h = without_places("A B")
    h.plan("a b")
    h.begin("A B")
    h.fail("A")
    assert failure(1, "A", skipped="B") in h.back("B")
    assert h.empty


def test_a_stopped_run_does_not_wait_for_what_comes_back_and_is_wanted_by_another():
    h = without_places("A B")
    h.plan("a b", run_id=1)
    h.begin("A B")
    h.fail("A")
    h.ask(2, "b")
    assert failure(1, "A", skipped="B") in h.back("B")
    assert h.queued == "B"


def test_a_task_may_be_done_by_a_peer_while_it_is_queued():
    h = Harness(places=False, limits={"gpu": 1})
    h.task("A", tags="gpu")
    h.task("B", tags="gpu")
    h.task("C", reads="a")
    h.plan("c", run_id=1)
    h.plan("b", run_id=2)
    assert h.queued == "A"
    h.made("A")
    assert h.queued == "C B"


def test_what_has_succeeded_before_it_was_ready_is_done_with_what_makes_it_ready():
    h = Harness()
    h.chain("A", "B", "C", "D")
    h.plan("d")
    assert h.done("A", ahead="B C") == [start("D"), collect("B C"), forget("A B C")]
    assert h.done("D") == [verify(1, "d"), forget("D")]
    h.seen(1)
    assert h.empty


def test_what_does_not_become_ready_is_not_done_though_it_has_succeeded():
    h = Harness()
    h.chain("A", "B")
    h.task("X")
    h.task("C", "b x")
    h.chain("D")
    h.plan("c")
    assert h.done("A", ahead="B C D") == [collect("B"), forget("A B")]
    assert h.done("X") == [start("C"), forget("X")]


def test_what_was_given_up_is_not_done():
    h = Harness()
    h.chain("A", "B")
    h.plan("b")
    h.cancel(1)
    assert h.done("A", ahead="B") == [forget("A")]
    assert h.empty
