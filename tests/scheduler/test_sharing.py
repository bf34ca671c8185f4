"""Several requests at once: equal tasks run once, and stop when no caller waits for them any more (fault 27)."""

from __future__ import annotations

from alexflow.scheduler.instructions import Finish
from tests.scheduler.harness import Harness, cancel, failure, forget, inspect, remove, start, verify


def test_a_task_that_two_ask_for_runs_once() -> None:
    h = Harness()
    h.chain("A", "B")
    h.task("C", "a")
    assert h.plan("b") == [start("A")]
    assert h.ask(2, "c") == [inspect("c")]
    assert h.look("c") == []
    assert h.done("A") == [start("B C"), forget("A")]
    assert h.done("C") == [verify(2, "c"), forget("C")]
    assert h.seen(2) == [Finish(2, ran=1)]
    h.done("B")
    assert h.seen(1) == [Finish(1, ran=2)]
    assert h.empty


def test_a_key_that_is_being_inspected_is_not_inspected_again() -> None:
    h = Harness()
    h.task("A")
    assert h.ask(1, "a", "A") == [inspect("a", "A")]
    assert h.ask(2, "a", "A") == []
    assert h.look(present="a", found="A") == []
    assert h.look(complete="A", found="A") == [Finish(2), Finish(1, cached=1)]


def test_an_answer_to_what_was_asked_before_is_passed_over() -> None:
    """A slow answer said that a key was missing; it was made meanwhile, inspected again, and made twice."""
    h = Harness()
    h.task("A")
    h.ask(1, tasks="A")
    assert h.look(incomplete="A") == [start("A")]
    assert h.ask(2, "a") == [inspect("a")]  # the second question
    assert h.done("A") == [verify(1, "a"), verify(2, "a"), forget("A")]
    h.seen(1)
    h.seen(2)
    assert h.ask(3, "a") == [inspect("a")]
    assert h.look("a", question=2) == []
    assert h.ask(4, tasks="A") == [inspect("", "A")]
    assert h.look(incomplete="A", question=1) == []
    assert h.look(present="a", found="A", question=3) == [Finish(3, cached=1)]
    assert h.look(complete="A", found="A", question=4) == [Finish(4, cached=1)]
    assert h.empty


def test_a_task_found_complete_before_its_output_was_removed_is_inspected_again() -> None:
    """A slow answer said that a task was done; a run that requested it went well without the output."""
    h = Harness()
    h.task("A")
    h.task("B", "a", ephemeral="a")
    assert h.plan("b") == [start("A")]
    assert h.done("A") == [start("B"), forget("A")]
    assert h.ask(2, tasks="A") == [inspect("", "A")]  # the third question
    assert h.done("B") == [remove("a"), verify(1, "b"), forget("B")]
    assert h.look(complete="A", described="A", found="A", question=3) == [inspect("", "A")]
    assert h.look(incomplete="A", question=4) == [start("A")]
    h.seen(1)
    h.done("A")
    assert h.seen(2) == [Finish(2, ran=1)]
    assert h.empty


def test_two_requests_that_meet_start_together() -> None:
    h = Harness()
    h.chain("A", "B")
    h.chain("A", "C")
    h.ask(1, "b")
    h.ask(2, "c")
    assert h.look("b") == [inspect("a")]
    assert h.look("c") == []
    assert h.look("a") == [start("A")]


def test_one_of_two_is_cancelled() -> None:
    h = Harness()
    h.task("A")
    h.plan("a")
    h.ask(2, "a")
    assert h.cancel(1) == [Finish(1)]
    assert h.done("A") == [verify(2, "a"), forget("A")]
    assert h.seen(2) == [Finish(2, ran=1)]


def test_a_task_begun_for_one_run_counts_for_another_that_still_wants_it() -> None:
    h = Harness()
    h.chain("A", "B", "C")
    h.task("D")
    h.plan("c d")
    h.ask(2, "d")
    h.ask(3, "c")
    assert h.cancel(1) == [Finish(1)]
    assert h.done("A") == [start("B"), forget("A")]
    h.done("D")
    assert h.seen(2) == [Finish(2, ran=1)]
    assert h.done("B") == [start("C"), forget("B")]
    h.done("C")
    assert h.seen(3) == [Finish(3, ran=3)]
    assert h.empty


def test_a_child_generated_after_the_first_run_has_gone_counts_for_the_second() -> None:
    h = Harness()
    h.task("P", dynamic=True, makes="p")
    h.task("A")
    h.task("B")
    h.plan("p")
    h.ask(2, "p")
    h.cancel(1)
    h.gave("P", "A B", last=True)
    h.look(complete="A", incomplete="B", found="A")
    h.done("B")
    h.done("P")
    assert h.seen(2) == [Finish(2, ran=2, cached=1)]
    assert h.empty


def test_a_key_inspected_for_one_run_counts_for_another() -> None:
    h = Harness()
    h.task("A")
    h.task("B")
    h.ask(1, "a", "B")
    h.ask(2, "a", "B")
    h.cancel(1)
    assert h.look(present="a", found="A") == []
    assert h.look(complete="B", found="B") == [Finish(2, cached=2)]
    assert h.empty


def test_a_task_done_by_a_peer_counts_for_a_run_that_still_wants_it() -> None:
    h = Harness()
    h.task("A")
    h.plan("a")
    h.ask(2, "a")
    h.cancel(1)
    assert h.held("A") == []
    h.made("A")
    assert h.seen(2) == [Finish(2, cached=1)]
    assert h.empty


def test_both_are_cancelled() -> None:
    h = Harness()
    h.chain("A", "B")
    h.plan("b")
    h.ask(2, "b")
    assert h.cancel(2) == [Finish(2)]
    assert h.cancel(1) == [cancel("A"), Finish(1), forget("B")]
    assert h.ended("A") == [forget("A")]
    assert h.empty


def test_a_hundred_callers_of_whom_the_first_goes() -> None:
    h = Harness()
    h.task("A")
    h.plan("a")
    for run_id in range(2, 101):
        assert h.ask(run_id, "a") == []
    h.cancel(1)
    h.done("A")
    for run_id in range(2, 101):
        assert h.seen(run_id) == [Finish(run_id, ran=int(run_id == 2), shared=int(run_id != 2))]
    assert h.empty


def test_all_of_a_hundred_callers_go() -> None:
    h = Harness()
    h.task("A")
    h.plan("a")
    for run_id in range(2, 101):
        h.ask(run_id, "a")
    for run_id in range(1, 100):
        assert h.cancel(run_id) == [Finish(run_id)]
    assert h.cancel(100) == [cancel("A"), Finish(100)]


def test_cancelled_while_it_is_asked_about() -> None:
    h = Harness()
    h.chain("A", "B")
    h.ask(1, "b", "A")
    assert h.cancel(1) == [Finish(1)]
    assert h.empty
    assert h.look("b") == []
    assert h.look(incomplete="A") == []
    assert h.empty


def test_wanted_again_while_it_is_being_cancelled() -> None:
    h = Harness()
    h.task("A")
    h.plan("a")
    h.cancel(1)
    assert h.ask(2, "a") == []
    assert h.ended("A") == [start("A")]
    h.done("A")
    assert h.seen(2) == [Finish(2, ran=1)]


def test_wanted_again_and_quicker_than_its_cancellation() -> None:
    h = Harness()
    h.task("A")
    h.plan("a")
    h.cancel(1)
    h.ask(2, "a")
    assert h.done("A") == [verify(2, "a"), forget("A")]


def test_made_by_a_task_that_is_being_cancelled_while_another_asks_whether_it_is_there() -> None:
    """That run had nothing run and nothing found."""
    h = Harness()
    h.task("A")
    h.ask(1, tasks="A")
    h.look(incomplete="A")
    assert h.cancel(1) == [cancel("A"), Finish(1)]
    assert h.ask(2, "a") == [inspect("a")]
    assert h.done("A") == [verify(2, "a"), forget("A")]
    assert h.seen(2) == [Finish(2, ran=1)]
    assert h.look(present="a", found="A") == []
    assert h.empty


def test_wanted_again_and_failed_while_it_is_being_cancelled() -> None:
    h = Harness()
    h.task("A", retries=0)
    h.plan("a")
    h.cancel(1)
    h.ask(2, "a")
    assert h.fail("A") == [start("A")]  # that attempt was none


def test_inputs_lost_while_it_is_being_cancelled() -> None:
    h = Harness()
    h.chain("A", "B")
    h.ask(1, "b")
    h.look("b")
    h.look(present="a")
    h.cancel(1)
    assert h.lost("B", "a") == [forget("B")]


def test_a_cancelled_task_ends_well_all_the_same() -> None:
    h = Harness()
    h.task("A")
    h.plan("a")
    h.cancel(1)
    assert h.done("A") == [forget("A")]
    assert h.empty


def test_a_stopped_run_is_cancelled_while_it_lets_tasks_end() -> None:
    h = Harness()
    h.task("A")
    h.task("B")
    h.plan("a b")
    assert h.fail("A") == [forget("A")]
    assert h.cancel(1) == [cancel("B"), failure(1, "A")]
    assert h.ended("B") == [forget("B")]
    assert h.empty


def test_a_task_drained_by_a_stopped_run_is_not_cancelled_with_another() -> None:
    h = Harness()
    h.task("A")
    h.task("B")
    h.plan("a b")
    h.fail("A")
    h.ask(2, "b")
    assert h.cancel(2) == [Finish(2)]
    assert h.done("B") == [failure(1, "A", ran=1), forget("B")]


def test_two_stopped_runs_drain_a_task() -> None:
    h = Harness()
    h.task("A")
    h.task("B")
    h.task("C")
    h.plan("a b")
    h.ask(2, "b c")
    h.look("c")
    assert h.fail("A") == [failure(1, "A"), forget("A")]  # B goes on for the second, which waits for it
    assert h.fail("C") == [forget("C")]
    assert h.done("B") == [failure(2, "C", ran=1), forget("B")]


def test_a_stopped_run_waits_for_one_attempt_only() -> None:
    h = Harness()
    h.task("A")
    h.task("B", retries=1)
    h.plan("a b")
    h.fail("A")
    h.ask(2, "b")
    (finish, delay) = sorted(h.fail("B"), key=lambda instruction: type(instruction).__name__, reverse=True)[:2]
    assert finish == failure(1, "A")
    assert h.over("B", 1) == [start("B")]
    assert delay
