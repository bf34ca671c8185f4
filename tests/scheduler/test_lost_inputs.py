"""Inputs that vanish are made again (fault 28)."""

from __future__ import annotations

from alexflow.scheduler.failure import MAX_LOSSES
from alexflow.scheduler.instructions import Finish
from tests.scheduler.harness import Harness, failure, forget, inspect, start, verify


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
    """The limit is for each of them; and if one has gone, all are inspected."""
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
