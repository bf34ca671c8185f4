"""Ephemeral outputs are removed after use, unless they are kept."""

from __future__ import annotations

from tests.scheduler.harness import Harness, failure, forget, inspect, remove, start, verify


def test_an_ephemeral_output_is_removed_once_all_have_read_it() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a", ephemeral="a")
    h.task("C", "a", ephemeral="a")
    h.plan("b c")
    h.done("A")
    assert h.done("B") == [forget("B")]
    assert h.done("C") == [remove("a"), verify(1, "b c"), forget("C")]


def test_ephemeral_outputs_of_ephemeral_outputs() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a", ephemeral="a")
    h.task("C", "b", ephemeral="b")
    h.plan("c")
    h.done("A")
    assert h.done("B") == [remove("a"), start("C"), forget("B")]
    assert h.done("C") == [remove("b"), verify(1, "c"), forget("C")]


def test_kept_because_a_reader_keeps_it() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a", ephemeral="a")
    h.task("C", "a")
    h.plan("b c")
    h.done("A")
    assert h.done("C") == [forget("C")]
    assert h.done("B") == [verify(1, "c b"), forget("B")]


def test_kept_because_it_is_a_target() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a", ephemeral="a")
    h.plan("a b")
    h.done("A")
    assert h.done("B") == [verify(1, "a b"), forget("B")]


def test_kept_because_it_is_a_target_that_existed_before_any_reader() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a", ephemeral="a")
    h.ask(1, "a b")
    h.look(present="a")
    assert h.look("b") == [inspect("a")]
    assert h.look(present="a") == [start("B")]
    assert h.done("B") == [verify(1, "b"), forget("B")]
    h.seen(1)
    h.ask(2, "b")  # it is not wanted any more; it was stored for good
    h.look("b")
    h.look(present="a")
    assert h.done("B") == [verify(2, "b"), forget("B")]


def test_kept_because_it_was_there_before() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a x", ephemeral="a x")
    h.task("X")
    h.ask(1, "b")
    h.look("b")
    assert h.look("x", present="a") == [start("X")]
    h.done("X")
    assert h.done("B") == [remove("x"), verify(1, "b"), forget("B")]


def test_kept_because_its_task_was_a_target_of_a_run_that_is_over() -> None:
    h = Harness()
    h.task("A")
    h.task("X")
    h.task("B", "a x", ephemeral="a")
    h.ask(1, tasks="A")
    h.look(incomplete="A")
    h.plan("b", run_id=2)
    h.done("A")
    h.seen(1)
    h.done("X")
    assert h.done("B") == [verify(2, "b"), forget("B")]


def test_removed_though_it_was_looked_at_once_more() -> None:
    h = Harness()
    h.task("A")
    h.task("Y")
    h.task("B", "a y", ephemeral="a")
    h.plan("b")
    h.done("A Y")
    assert h.lost("B", "y") == [inspect("y a")]
    assert h.look("y", present="a") == [start("Y")]
    h.done("Y")
    assert h.done("B") == [remove("a"), verify(1, "b"), forget("B")]


def test_kept_because_its_task_is_a_target() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a", ephemeral="a")
    h.ask(1, "b", "A")
    h.look("b", incomplete="A")
    h.look("a")
    h.done("A")
    assert h.done("B") == [verify(1, "a b"), forget("B")]


def test_kept_because_its_task_is_a_target_that_was_done() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a", ephemeral="a")
    h.ask(1, "b", "A")
    h.look("b", complete="A", described="A")
    h.look(present="a")
    assert h.done("B") == [verify(1, "b"), forget("B")]


def test_kept_because_its_reader_failed() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a", ephemeral="a")
    h.plan("b")
    h.done("A")
    assert h.fail("B") == [failure(1, "B", ran=1), forget("B")]
    assert h.empty
