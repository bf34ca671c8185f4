"""Tasks with tags start within their limits (fault 26)."""

from __future__ import annotations

from alexflow.scheduler.instructions import Finish
from tests.scheduler.harness import Harness, forget, start


def test_six_tasks_that_share_a_tag_with_limit_1() -> None:
    h = Harness(limits={"gpu": 1})
    for name in "ABCDEF":
        h.task(name, tags="gpu")
    assert h.plan("a b c d e f") == [start("A")]
    for name, following in zip("ABCDE", "BCDEF", strict=True):
        assert h.done(name) == [start(following), forget(name)]
    h.done("F")
    assert h.seen(1) == [Finish(1, ran=6)]
    assert h.empty


def test_a_task_with_several_tags_takes_all_its_slots_or_none() -> None:
    h = Harness(limits={"gpu": 1, "net": 1})
    h.task("A", tags="gpu")
    h.task("B", tags="gpu net")
    h.task("C", tags="net")
    assert h.plan("a b c") == [start("A C")]
    assert h.done("A") == [forget("A")]  # B now waits for the other tag
    assert h.done("C") == [start("B"), forget("C")]


def test_no_second_slot_is_reserved_for_a_task_that_has_one_of_the_tag() -> None:
    h = Harness(limits={"gpu": 1, "net": 2})
    for name, tags in {"A": "gpu net", "B": "net", "C": "net", "D": "gpu net", "E": "gpu"}.items():
        h.task(name, tags=tags)
    assert h.plan("a b c d e") == [start("A B")]
    assert h.done("A") == [start("E C"), forget("A")]
    assert h.done("C") == [forget("C")]  # and one of net is reserved for D
    assert h.done("B") == [forget("B")]
    assert h.done("E") == [start("D"), forget("E")]


def test_a_tag_twice_and_a_tag_without_a_limit() -> None:
    h = Harness(limits={"gpu": 1})
    h.task("A", tags="gpu gpu")
    h.task("B", tags="other")
    h.task("C", tags="gpu")
    assert h.plan("a b c") == [start("A B")]
    assert h.done("A") == [start("C"), forget("A")]


def test_an_unwanted_task_that_waits_for_a_slot_is_passed_over() -> None:
    h = Harness(limits={"gpu": 1})
    for name in "ABC":
        h.task(name, tags="gpu")
    h.plan("a c")
    h.cancel(1)
    assert h.plan("a b", run_id=2) == []  # A is still being cancelled, and holds the slot
    assert h.plan("c", run_id=3) == []
    assert h.cancel(2) == [Finish(2), forget("B")]
    assert h.ended("A") == [start("C"), forget("A")]
