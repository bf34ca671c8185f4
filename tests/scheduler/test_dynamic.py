"""Dynamic tasks: children are generated as the window has room, waited for, and fail their parent."""

from __future__ import annotations

from alexflow.errors import GraphError, OutputConflict
from alexflow.scheduler.instructions import Close, Delay, Finish, Generate
from tests.scheduler.harness import ERROR, Harness, cancel, failure, finish_of, forget, inspect, start, verify


def dynamic(gives: str = "", **options: object) -> Harness:
    """Start D, which generates these; they are described, and must run."""
    h = Harness(**options)  # type: ignore[arg-type]
    h.task("D", dynamic=True)
    h.task("C1")
    h.task("C2")
    h.task("C3")
    assert h.plan("d") == [start("D")]
    if gives:
        h.gave("D", gives, last=True)
        h.look(incomplete=gives)
    return h


def test_all_that_it_gives_is_done_before_it_is() -> None:
    h = dynamic()
    assert h.gave("D", "C1 C2", last=True) == [inspect("", "C1 C2")]
    assert h.look(incomplete="C1", complete="C2", found="C2") == [start("C1")]
    assert h.done("C1") == [Close("D"), forget("C1")]
    assert h.done("D") == [verify(1, "d"), forget("D")]
    assert h.seen(1) == [Finish(1, ran=2, cached=1)]
    assert h.empty


def test_what_has_run_for_it_before_is_not_found_done() -> None:
    h = Harness()
    h.task("D", "a", dynamic=True)
    h.task("A")
    h.task("B")
    h.task("C")
    assert h.plan("d") == [start("A")]
    assert h.done("A") == [start("D"), forget("A")]
    assert h.gave("D", "A B C", last=True) == [inspect("", "A B C")]
    assert h.look(incomplete="C", complete="A B", found="A B") == [start("C")]
    assert h.scheduler.state.found == (("B",), 1)
    h.done("C")
    h.done("D")
    assert h.seen(1) == [Finish(1, ran=3, cached=1)]
    assert h.empty


def test_it_gives_nothing() -> None:
    h = dynamic()
    assert h.gave("D", last=True) == [Close("D")]
    h.done("D")
    assert h.seen(1) == [Finish(1, ran=1)]


def test_it_says_that_it_has_ended_after_the_last_task_has() -> None:
    h = dynamic()
    h.gave("D", "C1", paused=False)
    assert h.look(incomplete="C1") == [start("C1")]
    assert h.done("C1") == [forget("C1")]
    assert h.gave("D", last=True) == [Close("D")]


def test_it_takes_no_slot() -> None:
    h = Harness(limits={"gpu": 1})
    h.task("D", tags="gpu", dynamic=True)
    h.task("C", tags="gpu")
    assert h.plan("d") == [start("D")]
    h.gave("D", "C", last=True)
    assert h.look(incomplete="C") == [start("C")]


def test_more_is_taken_when_half_of_the_window_is_free() -> None:
    h = dynamic(window=2)
    assert h.gave("D", "C1 C2") == [inspect("", "C1 C2")]
    assert h.look(incomplete="C1 C2") == [start("C1 C2")]
    assert h.done("C1") == [Generate("D"), forget("C1")]
    assert h.done("C2") == [forget("C2")]
    assert h.gave("D", "C3") == [inspect("", "C3"), Generate("D")]
    assert h.gave("D", last=True) == []
    assert h.look(complete="C3") == [Close("D")]


def test_a_task_given_twice() -> None:
    h = dynamic()
    assert h.gave("D", "C1 C1") == [inspect("", "C1"), Generate("D")]
    assert h.gave("D", "C1", last=True) == []
    assert h.look(incomplete="C1") == [start("C1")]
    assert h.done("C1") == [Close("D"), forget("C1")]


def test_nested() -> None:
    h = dynamic()
    h.task("E", dynamic=True)
    h.gave("D", "E", last=True)
    assert h.look(incomplete="E") == [start("E")]
    h.gave("E", "C1", last=True)
    h.look(incomplete="C1")
    assert h.done("C1") == [Close("E"), forget("C1")]
    assert h.done("E") == [Close("D"), forget("E")]


def test_the_same_task_from_two() -> None:
    h = dynamic("C1")
    h.task("E", dynamic=True)
    assert h.plan("e", run_id=2) == [start("E")]
    assert h.gave("E", "C1", last=True) == []
    assert h.cancel(1) == [cancel("D"), Finish(1)]
    assert h.ended("D") == [forget("D")]
    assert h.done("C1") == [Close("E"), forget("C1")]


def test_a_child_may_need_more() -> None:
    h = dynamic()
    h.task("X")
    h.task("C4", "x")
    h.gave("D", "C4", last=True)
    assert h.look(incomplete="C4") == [inspect("x")]
    assert h.look("x") == [start("X")]
    assert h.done("X") == [start("C4"), forget("X")]


# -- its own output, made by a task that it gives


def test_its_output_made_by_what_it_gives_is_there_when_all_is_done() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.task("M", serves=(("d", "m"),))
    h.task("C")
    h.task("R", "d")
    h.plan("r")
    h.gave("D", "M C", last=True)
    assert h.look(incomplete="M C") == [start("M C")]
    assert h.done("M") == [forget("M")]
    assert h.done("C") == [Close("D", (("d", "m"),)), forget("C")]
    assert h.done("D") == [start("R"), forget("D")]


def test_its_output_was_made_by_what_it_gives_before_the_engine_was_killed() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.task("M", serves=(("d", "m"),))
    h.task("C")
    h.plan("d")
    h.gave("D", "M C", last=True)
    assert h.look(complete="M", described="M", incomplete="C") == [start("C")]
    assert h.done("C") == [Close("D", (("d", "m"),)), forget("C")]


def test_a_failure_beside_what_made_its_output() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.task("M", serves=(("d", "m"),))
    h.task("C")
    h.task("R", "d")
    h.plan("r", on_error="continue")
    h.gave("D", "M C", last=True)
    h.look(incomplete="M C")
    h.done("M")
    assert h.fail("C") == [failure(1, "C", ran=1, skipped="R<C D<C"), forget("R C D")]
    assert h.empty


def test_its_output_made_by_one_that_is_given_already() -> None:
    """It was generated, runs, and is generated again by the next attempt."""
    h = Harness()
    h.task("D", dynamic=True, retries=1)
    h.task("M", serves=(("d", "m"),))
    h.plan("d")
    h.gave("D", "M")
    h.look(incomplete="M")
    assert h.fail("D") == [Delay("D", 1, 0.0), cancel("M")]
    assert h.over("D", 1) == [start("D")]
    assert h.gave("D", "M", last=True) == []
    assert h.done("M") == [Close("D", (("d", "m"),)), forget("M")]


def test_one_that_stores_for_a_dynamic_task_is_asked_for_by_itself() -> None:
    h = Harness()
    h.task("M", serves=(("d", "m"),))
    h.ask(1, tasks="M")
    instructions = h.look(incomplete="M")
    assert isinstance(finish_of(instructions).error, GraphError)
    assert "has not generated it" in str(finish_of(instructions).error)
    assert h.empty


def test_one_that_stores_for_a_dynamic_task_is_given_by_another() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.task("E", dynamic=True)
    h.task("M", serves=(("d", "m"),))
    h.plan("e")
    h.gave("E", "M", last=True)
    ((failed, error),) = finish_of(h.look(incomplete="M")).failures
    assert failed == "E"
    assert isinstance(error, GraphError)
    assert h.empty


def test_one_that_it_gives_is_dynamic_and_makes_its_output() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.task("E", dynamic=True, serves=(("d", "e"),))
    h.task("M", serves=(("d", "m"),))
    h.plan("d")
    h.gave("D", "E", last=True)
    h.look(incomplete="E")
    h.gave("E", "M", last=True)
    h.look(incomplete="M")
    assert h.done("M") == [Close("E", (("d", "m"),)), forget("M")]
    assert h.done("E") == [Close("D", (("d", "e"),)), forget("E")]


def test_two_that_it_gives_claim_its_output() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.task("M", serves=(("d", "m"),))
    h.task("N", serves=(("d", "n"),))
    h.plan("d")
    h.gave("D", "M N")
    instructions = h.look(incomplete="M N")
    ((failed, error),) = finish_of(instructions).failures
    assert failed == "D"
    assert isinstance(error, OutputConflict)
    assert error.task_ids == ("M", "N")
    assert h.empty


# -- failures


def test_something_that_it_gave_fails() -> None:
    h = dynamic("C1 C2")
    assert h.fail("C1") == [cancel("D"), forget("C1")]
    assert h.ended("D") == [forget("D")]
    assert h.done("C2") == [failure(1, "C1", ran=1), forget("C2")]
    assert h.empty


def test_something_that_it_gave_fails_and_the_rest_goes_on() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.task("R", "d")
    h.task("C1")
    h.task("C2")
    h.plan("r", on_error="continue")
    h.gave("D", "C1 C2", last=True)
    h.look(incomplete="C1 C2")
    assert h.fail("C1") == [forget("R C1")]
    assert h.fail("C2") == [failure(1, "C1 C2", skipped="R<C1 D<C1"), forget("C2 D")]
    assert h.empty


def test_a_request_after_a_child_has_failed_gets_the_failure() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.task("R", "d")
    h.task("C1")
    h.task("C2")
    h.plan("d", on_error="continue")
    h.gave("D", "C1 C2", last=True)
    h.look(incomplete="C1 C2")
    h.fail("C1")
    h.ask(2, "r")
    h.look("r")
    ended = h.done("C2")
    assert failure(1, "C1", skipped="D<C1", ran=1) in ended
    assert failure(2, "C1", skipped="D<C1 R") in ended
    assert h.empty


def test_it_fails_itself() -> None:
    h = dynamic("C1 C2")
    assert h.fail("D", "fatal") == [forget("D")]  # what runs is let end
    assert h.done("C1") == [forget("C1")]
    assert h.done("C2") == [failure(1, "D", ran=2), forget("C2")]
    assert h.empty


def test_it_fails_itself_while_the_rest_goes_on() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.task("C")
    h.task("A")
    h.plan("a d", on_error="continue")
    h.gave("D", "C")
    h.look(incomplete="C")
    assert h.fail("D") == [forget("D")]
    assert h.done("A") == [forget("A")]
    assert h.done("C") == [failure(1, "D", ran=2), forget("C")]


def test_it_is_tried_again_and_gives_again() -> None:
    h = Harness()
    h.task("D", dynamic=True, retries=1, retry_delay=1.0)
    h.task("C")
    h.plan("d")
    h.gave("D", "C")
    h.look(incomplete="C")
    assert h.fail("D") == [Delay("D", 1, 1.0), cancel("C")]
    assert h.over("D", 1) == [start("D")]
    assert h.gave("D", "C", last=True) == []
    assert h.ended("C") == [start("C")]
    assert h.done("C") == [Close("D"), forget("C")]
    h.done("D")
    assert h.seen(1) == [Finish(1, ran=2)]


def test_it_is_tried_again_while_what_it_gave_is_looked_at() -> None:
    h = Harness()
    h.task("D", dynamic=True, retries=1)
    h.task("C")
    h.plan("d")
    h.gave("D", "C")
    assert h.fail("D") == [Delay("D", 1, 0.0)]
    assert h.look(incomplete="C") == []
    assert h.over("D", 1) == [start("D")]


def test_children_that_have_not_begun_are_skipped_because_of_it() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.task("A")
    h.task("C", "a")
    h.plan("a d", on_error="continue")
    h.gave("D", "C")
    h.look(incomplete="C")
    assert h.fail("D") == [forget("C D")]
    assert h.done("A") == [failure(1, "D", ran=1, skipped="C<D"), forget("A")]
    assert h.empty


def test_all_who_wanted_it_are_told_what_it_gave_and_was_not_begun() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.task("A")
    h.task("C", "a")
    h.task("E")
    h.plan("d", on_error="stop")
    h.ask(2, "d", on_error="continue")
    h.ask(3, "d", on_error="continue")
    h.plan("a", run_id=4)
    h.gave("D", "C E")
    h.look(incomplete="C E")
    assert h.fail("D") == [forget("C D")]
    assert h.done("E") == [
        failure(3, "D", skipped="C<D"),
        failure(2, "D", skipped="C<D"),
        failure(1, "D", skipped="C", ran=1),
        forget("E"),
    ]
    h.done("A")
    assert h.seen(4) == [Finish(4, ran=1)]
    assert h.empty


def test_nor_had_what_turns_out_to_be_with_another_engine() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.task("C")
    h.plan("d", on_error="continue")
    h.gave("D", "C")
    h.look(incomplete="C")
    assert h.fail("D") == [forget("D")]
    assert h.held("C") == [failure(1, "D", skipped="C<D"), forget("C")]
    assert h.empty


def test_closing_fails_and_is_tried_again() -> None:
    h = Harness()
    h.task("D", dynamic=True, retries=1)
    h.plan("d")
    h.gave("D", last=True)
    assert h.fail("D") == [Delay("D", 1, 0.0)]
    assert h.over("D", 1) == [start("D")]
    assert h.gave("D", last=True) == [Close("D")]
    assert h.fail("D") == [failure(1, "D"), forget("D")]


def test_inputs_lost_while_closing_are_an_error() -> None:
    h = Harness()
    h.task("D", "x", dynamic=True)
    h.ask(1, "d")
    h.look("d")
    h.look(present="x")
    h.gave("D", last=True)
    assert h.lost("D", "x") == [failure(1, "D"), forget("D")]


def test_a_lost_worker_is_an_error_of_a_dynamic_task() -> None:
    h = dynamic()
    assert h.fail("D", "lost") == [failure(1, "D"), forget("D")]


def test_the_inspection_of_a_child_fails() -> None:
    h = dynamic()
    h.gave("D", "C1", paused=False)
    h.gave("D", "C2")
    assert h.look(incomplete="C1") == [start("C1")]
    assert h.cannot_look("", "C2") == [forget("D")]
    assert h.done("C1") == [failure(1, "D", ran=1), forget("C1")]
    assert h.empty


def test_the_inspection_of_a_childs_input_fails() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.task("C", "x d")
    h.plan("d", on_error="continue")
    h.gave("D", "C")
    assert h.look(incomplete="C") == [inspect("x")]
    assert h.cannot_look("x") == [failure(1, "D", skipped="C<D"), forget("C D")]
    assert h.empty
    assert ERROR


def test_cancelled_between_two_pulls_and_wanted_again() -> None:
    h = dynamic(window=1)
    h.gave("D", "C1")
    h.look(incomplete="C1")
    assert h.cancel(1) == [cancel("D C1"), Finish(1)]
    assert h.ask(2, "d") == []  # it is under way: no standstill
    assert h.ended("C1") == [forget("C1")]
    assert h.ended("D") == [start("D")]


def test_cancelled_while_closing() -> None:
    h = dynamic()
    h.gave("D", last=True)
    assert h.cancel(1) == [cancel("D"), Finish(1)]
    assert h.done("D") == [forget("D")]
    assert h.empty
