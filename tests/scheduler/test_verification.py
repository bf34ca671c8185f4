"""Targets that were made are verified before a run ends well."""

from __future__ import annotations

from alexflow.errors import OutputMissing
from alexflow.scheduler.instructions import Finish
from alexflow.scheduler.requests import MAX_VERIFICATIONS
from tests.scheduler.harness import Harness, finish_of, forget, inspect, start, verify


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
