"""Other engines on the same storage hold tasks, and make outputs."""

from __future__ import annotations

from alexflow.scheduler.instructions import Finish
from tests.scheduler.harness import Harness, cancel, failure, finish_of, forget, remove, start, verify


def test_a_task_held_elsewhere_waits_until_it_is_made() -> None:
    h = Harness()
    h.chain("A", "B")
    assert h.plan("b") == [start("A")]
    assert h.held("A") == []
    assert h.made("A") == [start("B"), forget("A")]
    assert h.done("B") == [verify(1, "b"), forget("B")]
    assert h.seen(1) == [Finish(1, ran=1, cached=1)]
    assert h.empty


def test_a_task_that_is_free_again_runs_here() -> None:
    h = Harness()
    h.task("A")
    h.plan("a")
    h.held("A")
    assert h.free("A") == [start("A")]
    assert h.held("A") == []
    assert h.free("A") == [start("A")]
    assert h.done("A") == [verify(1, "a"), forget("A")]


def test_a_task_found_done_as_it_starts_does_not_count_as_run() -> None:
    h = Harness()
    h.task("A")
    h.task("B")
    h.plan("a b")
    assert h.made("A B") == [verify(1, "a b"), forget("A B")]
    assert finish_of(h.seen(1)) == Finish(1, ran=0, cached=2)


def test_it_holds_no_slot_meanwhile() -> None:
    h = Harness(limits={"gpu": 1})
    h.task("A", tags="gpu")
    h.task("B", tags="gpu")
    assert h.plan("a b") == [start("A")]
    assert h.held("A") == [start("B")]
    assert h.free("A") == []
    assert h.done("B") == [start("A"), forget("B")]


def test_the_readers_of_ephemeral_outputs_are_done_already() -> None:
    """The other engine has run both, and removed the output of A; it is not made again for no reader."""
    h = Harness()
    h.task("A")
    h.task("B", "a", ephemeral="a")
    assert h.plan("b") == [start("A")]
    assert [spec.task_id for spec in h.scheduler.readers_of_ephemeral("A")] == ["B"]
    assert h.made("B") == [verify(1, "b"), cancel("A"), forget("B")]
    assert h.ended("A") == [forget("A")]
    assert h.seen(1) == [Finish(1, cached=1)]
    assert h.empty


def test_several_that_were_found_made_do_not_start_each_other() -> None:
    """One makes the input of the other: it was started and forgotten at once, and so ran for no reader."""
    h = Harness()
    h.task("A")
    h.task("B", "a", ephemeral="a")
    h.task("C", "b", ephemeral="b")
    h.task("D", "c")
    h.plan("d")
    assert h.made("B C") == [start("D"), cancel("A"), forget("B C")]  # the engine that made b removes it
    h.ended("A")
    assert h.done("D") == [verify(1, "d"), forget("D")]
    assert finish_of(h.seen(1)) == Finish(1, ran=1, cached=2)
    assert h.empty


def test_the_order_in_which_they_are_named_does_not_matter() -> None:
    h = Harness()
    h.chain("A", "B", "C")
    h.plan("c")
    assert h.made("C B A") == [verify(1, "c"), forget("C B A")]
    assert finish_of(h.seen(1)) == Finish(1, cached=3)
    assert h.empty


def test_the_slot_of_one_does_not_go_to_another() -> None:
    h = Harness(limits={"gpu": 1})
    h.task("A", tags="gpu")
    h.task("B", tags="gpu")
    h.task("C", tags="gpu")
    assert h.plan("a b c") == [start("A")]
    assert h.made("A B") == [start("C"), forget("A B")]
    assert h.done("C") == [verify(1, "a b c"), forget("C")]
    assert finish_of(h.seen(1)) == Finish(1, ran=1, cached=2)
    assert h.empty


def test_a_task_done_by_a_peer_does_not_run_once_a_slot_is_free() -> None:
    """It was passed over because its input was made by the same event, and it found all slots taken."""
    h = Harness(limits={"gpu": 1})
    h.task("A")
    h.task("B", "a", tags="gpu")
    h.task("C", tags="gpu")
    assert h.plan("b c") == [start("C A")]
    assert h.made("A B") == [forget("A B")]
    assert h.done("C") == [verify(1, "b c"), forget("C")]
    assert finish_of(h.seen(1)) == Finish(1, ran=1, cached=2)
    assert h.empty


def test_the_same_while_it_is_held() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a", ephemeral="a")
    h.plan("b")
    h.held("A")
    assert h.made("B") == [verify(1, "b"), forget("B A")]


def test_an_ephemeral_output_that_somebody_else_wants_is_made_all_the_same() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a", ephemeral="a")
    h.task("C", "a", ephemeral="a")
    h.plan("b c")
    assert h.made("B") == [forget("B")]
    h.done("A")
    assert h.done("C") == [remove("a"), verify(1, "b c"), forget("C")]


def test_ephemeral_outputs_are_followed_through_several_tasks() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a", ephemeral="a")
    h.task("C", "b", ephemeral="b")
    h.task("D", "c")
    h.plan("d")
    assert [spec.task_id for spec in h.scheduler.readers_of_ephemeral("A")] == ["B", "C"]
    assert h.scheduler.readers_of_ephemeral("D") == []
    assert h.scheduler.readers_of_ephemeral("not known") == []


def test_a_run_that_stopped_does_not_wait_for_what_is_held() -> None:
    h = Harness()
    h.task("A")
    h.task("B")
    h.plan("a b")
    h.held("B")
    assert h.fail("A") == [failure(1, "A", skipped="B"), forget("B A")]
    assert h.empty


def test_nor_for_what_turns_out_to_be_held_afterwards() -> None:
    h = Harness()
    h.task("A")
    h.task("B")
    h.plan("a b")
    assert h.fail("A") == [forget("A")]
    assert h.held("B") == [failure(1, "A", skipped="B"), forget("B")]
    assert h.empty


def test_cancelled_while_it_is_held() -> None:
    h = Harness()
    h.chain("A", "B")
    h.plan("b")
    h.held("A")
    assert h.cancel(1) == [Finish(1), forget("B A")]
    assert h.free("A") == []
    assert h.made("A") == []
    assert h.empty


def test_late_events_about_peers_are_ignored() -> None:
    h = Harness()
    h.chain("A", "B")
    h.plan("b")
    h.cancel(1)
    assert h.held("A") == []
    assert h.ended("A") == [forget("A")]
    assert h.made("A") == []
    assert h.empty


def test_specs_of_active_tasks() -> None:
    h = Harness()
    h.chain("A", "B")
    h.task("C")
    h.plan("b c")
    assert {spec.task_id for spec in h.scheduler.active_specs()} == {"A", "C"}
    h.held("A")
    assert [spec.task_id for spec in h.scheduler.active_specs()] == ["C"]
