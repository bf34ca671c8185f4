"""Cycles (fault 20) and conflicts (fault 21): an error that names them, nothing started, nothing left over."""

from __future__ import annotations

import pytest

from alexflow.errors import CycleError, OutputConflict
from alexflow.scheduler import Scheduler
from alexflow.scheduler.instructions import Finish, Instruction, Resume, Start
from tests.scheduler.harness import Harness, cancel, finish_of, forget, inspect, start


def cycle_of(instructions: list[Instruction]) -> list[str]:
    """Return the cycle that a run ended with, from its least member on."""
    error = finish_of(instructions).error
    assert isinstance(error, CycleError)
    first = error.task_ids.index(min(error.task_ids))
    return [*error.task_ids[first:], *error.task_ids[:first]]


@pytest.mark.parametrize("steps", [1, 2, 1000])
def test_nothing_of_a_request_with_a_cycle_starts(steps: int) -> None:
    h = Harness(steps=steps)
    h.task("A", "c")
    h.task("B", "a")
    h.task("C", "b")
    h.task("D", "c")  # behind it
    h.task("E")  # beside it
    instructions = h.plan("d e")
    while not any(isinstance(instruction, Finish) for instruction in instructions):
        assert not any(isinstance(instruction, Start) for instruction in instructions)
        instructions = h.resume()
    assert not any(isinstance(instruction, Start) for instruction in instructions)
    assert cycle_of(instructions) == ["A", "C", "B"]
    assert h.empty


def test_one_task_that_may_be_on_a_cycle_has_all_searched() -> None:
    h = Harness(steps=1)
    h.chain("A", "B", acyclic=True)
    h.task("C", "b d")
    h.task("D", "c", acyclic=True)  # not true
    instructions = h.plan("d")
    while not any(isinstance(instruction, Finish) for instruction in instructions):
        assert not any(isinstance(instruction, Start) for instruction in instructions)
        instructions = h.resume()
    assert cycle_of(instructions) == ["C", "D"]
    assert h.empty


def test_acyclic_tasks_start_without_a_search() -> None:
    h = Harness(steps=4)
    h.chain("A", "B", "C", "D", acyclic=True)
    assert h.plan("d") == [start("A")]
    assert h.ask(2, "d") == []
    h.chain("E", "F", "G", "H")
    assert h.plan("h", run_id=3)[-1] == Resume()


def test_a_task_that_reads_its_own_output() -> None:
    h = Harness()
    h.task("A", "a")
    assert cycle_of(h.plan("a")) == ["A"]
    assert h.empty


def test_two_cycles_in_one_request() -> None:
    h = Harness()
    h.task("A", "b")
    h.task("B", "a")
    h.task("C", "c")
    assert cycle_of(h.plan("a c")) in (["A", "B"], ["C"])
    assert h.empty


def test_cancelled_while_a_cycle_is_being_found_out() -> None:
    h = Harness()
    h.task("A", "b")
    h.task("B", "a x")
    h.ask(1, "a")
    h.look("a")
    assert h.look("b") == [inspect("x")]
    h.cancel(1)
    h.cannot_look("x")
    assert h.empty


def test_another_request_is_not_affected_by_a_cycle() -> None:
    h = Harness()
    h.task("A", "a")
    h.task("B")
    h.plan("b")
    assert cycle_of(h.plan("a", run_id=2)) == ["A"]
    assert h.done("B")[-1] == forget("B")


def test_a_cycle_through_a_dynamic_task_is_a_standstill() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.task("C", "d")
    h.plan("d")
    assert h.gave("D", "C", last=True) == [inspect("", "C")]
    instructions = h.look(incomplete="C")
    assert cycle_of(instructions) == ["C", "D"]
    assert cancel("D") in instructions
    h.ended("D")
    assert h.empty


def test_a_dynamic_task_that_gives_itself() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.plan("d")
    assert cycle_of(h.gave("D", "D", last=True)) == ["D"]
    h.ended("D")
    assert h.empty


def test_all_requests_that_stand_still_are_told() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.task("C", "d")
    h.task("E", "c")
    h.plan("d")
    h.ask(2, "e")
    h.look("e")
    h.look("c")
    instructions = h.gave("D", "C", last=True)
    errors = [instruction.error for instruction in instructions if isinstance(instruction, Finish)]
    assert len(errors) == 2
    assert all(isinstance(error, CycleError) for error in errors)
    h.ended("D")
    assert h.empty


def test_a_cycle_through_a_dynamic_task_that_nobody_wants_any_more_is_dropped() -> None:
    h = Harness()
    h.task("D", dynamic=True)
    h.task("C", "d")
    h.plan("d")
    h.gave("D", "C", paused=False)
    h.look(incomplete="C")
    assert h.cancel(1) == [Finish(1)]
    assert h.gave("D", last=True) == [cancel("D"), forget("C")]
    assert h.ended("D") == [forget("D")]
    assert h.empty


def test_a_cycle_through_what_existed_and_was_lost() -> None:
    h = Harness()
    h.task("A", "b")
    h.task("B", "a")
    h.ask(1, "a")
    h.look("a")
    assert h.look(present="b") == [start("A")]
    assert h.lost("A", "b") == [inspect("b")]
    assert cycle_of(h.look("b")) == ["A", "B"]
    assert h.empty


# -- conflicts


def conflict_of(instructions: list[Instruction]) -> OutputConflict:
    assert not any(isinstance(instruction, Start) for instruction in instructions)
    error = finish_of(instructions).error
    assert isinstance(error, OutputConflict)
    return error


def test_two_tasks_claim_one_key() -> None:
    h = Harness()
    h.task("A", makes="a k")
    h.task("B", makes="b k")
    h.ask(1, "a b")
    error = conflict_of(h.look("a b"))
    assert (error.key, error.task_ids) == ("k", ("A", "B"))
    assert h.empty


def test_two_tasks_claim_one_key_that_is_asked_about() -> None:
    h = Harness()
    h.task("A", makes="k")
    h.task("B", makes="b k")
    h.ask(1, "b k")
    assert h.look("b") == []
    error = conflict_of(h.look("k"))
    assert (error.key, error.task_ids) == ("k", ("B", "A"))
    assert h.empty


def test_the_later_request_is_refused() -> None:
    h = Harness()
    h.task("A", makes="a k")
    h.task("B", makes="b k")
    assert h.plan("a") == [start("A")]
    h.ask(2, "b")
    assert finish_of(h.look("b")).run_id == 2
    h.done("A")
    assert finish_of(h.seen(1)).error is None
    assert h.empty


def test_keys_that_differ_only_by_case() -> None:
    h = Harness(case_sensitive=False)
    h.task("A", makes="Key")
    h.task("B", makes="kEY")
    h.ask(1, "Key kEY")
    error = conflict_of(h.look("Key kEY"))
    assert error.task_ids == ("A", "B")
    assert "case" in str(error)
    assert h.empty


def test_keys_that_differ_only_by_case_where_case_is_told() -> None:
    h = Harness()
    h.task("A", makes="Key")
    h.task("B", makes="kEY")
    assert h.plan("Key kEY") == [start("A B")]


def test_a_claim_ends_with_its_task() -> None:
    h = Harness(case_sensitive=False)
    h.task("A", makes="Key")
    h.task("B", makes="kEY")
    h.plan("Key")
    h.done("A")
    assert h.plan("kEY", run_id=2) == [start("B")]


def test_limits_that_would_let_nothing_run() -> None:
    with pytest.raises(ValueError, match="limit of tag 'gpu' is 0; it must be at least 1"):
        Scheduler({"gpu": 0})
