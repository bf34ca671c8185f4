"""Slots per tag, without the rest of the scheduler."""

from __future__ import annotations

from collections import Counter
from itertools import count
from random import Random

import pytest

from alexflow.scheduler.slots import Slots


def test_no_task_that_could_start_is_left_waiting() -> None:
    slots: Slots[str] = Slots({"a": 1, "b": 1}, lambda task: task != "gone")
    assert slots.take("one", ("a",))
    assert slots.take("two", ("b",))
    assert not slots.take("both", ("a", "b"))
    assert not slots.take("gone", ("b",))
    assert not slots.take("three", ("b",))
    assert slots.waiting == 3
    assert slots.release(("b",)) == ["three"]
    assert slots.release(("a",)) == []  # "both" waits for b now; it has been offered only a
    assert slots.release(("b",)) == ["both"]
    assert (slots.taken("a"), slots.taken("b"), slots.taken("c")) == (1, 1, 0)
    assert slots.waiting == 0


def test_a_waiter_that_leaves_is_forgotten_at_once() -> None:
    slots: Slots[int] = Slots({"a": 1, "b": 1}, lambda task: True)
    assert slots.take(-1, ("a",))
    for task in range(1000):
        assert not slots.take(task, ("c", "a", "b"))
        slots.forget(task)
        assert slots.waiting == 0
    assert not slots.take(1000, ("a", "b"))
    assert slots.release(("a",)) == [1000]
    slots.forget(1000)
    assert (slots.taken("a"), slots.taken("b")) == (1, 1)


def test_several_start_at_once_when_there_is_room() -> None:
    slots: Slots[str] = Slots({"a": 2}, lambda task: True)
    for task in ("one", "two"):
        assert slots.take(task, ("a",))
    for task in ("three", "four", "five"):
        assert not slots.take(task, ("a",))
    assert slots.release(("a",)) == ["three"]
    assert slots.release(("a",)) == ["four"]


def test_one_that_needs_two_is_reserved_for_once_both_have_come_free() -> None:
    slots: Slots[str] = Slots({"a": 1, "b": 1}, lambda task: True)
    assert slots.take("a1", ("a",))
    assert slots.take("b1", ("b",))
    assert not slots.take("both", ("a", "b"))
    assert not slots.take("a2", ("a",))
    assert not slots.take("a3", ("a",))
    assert not slots.take("b2", ("b",))
    assert slots.release(("a",)) == ["a2"]  # b may be taken for long: a does not wait for it
    assert slots.reserving is None
    assert slots.release(("b",)) == ["b2"]  # it was there first
    assert slots.release(("b",)) == []
    assert slots.reserving == "both"
    assert slots.reserved("b")
    assert not slots.take("b3", ("b",))
    assert slots.release(("a",)) == ["both"]
    assert slots.reserving is None
    assert slots.release(("a", "b")) == ["a3", "b3"]
    assert slots.waiting == 0


def test_slots_reserved_for_a_waiter_that_leaves_are_handed_out() -> None:
    slots: Slots[str] = Slots({"a": 1, "b": 1}, lambda task: True)
    assert slots.take("a1", ("a",))
    assert slots.take("b1", ("b",))
    assert not slots.take("both", ("a", "b"))
    assert not slots.take("a2", ("a",))
    assert slots.release(("a",)) == ["a2"]
    assert slots.release(("b",)) == []
    assert slots.reserving == "both"
    assert not slots.take("b2", ("b",))
    slots.forget("both")
    assert slots.freed == {"b"}
    assert slots.hand_out() == ["b2"]
    assert slots.waiting == 0


def test_a_task_with_one_tag_does_not_starve_beside_such_with_two() -> None:
    slots: Slots[str] = Slots({"a": 1, "b": 1}, lambda task: True)
    assert slots.take("both 0", ("a", "b"))
    assert not slots.take("both 1", ("a", "b"))
    assert not slots.take("b", ("b",))
    assert not slots.take("both 2", ("a", "b"))
    assert slots.release(("a", "b")) == ["both 1"]
    assert slots.release(("a", "b")) == ["b"]
    assert slots.release(("b",)) == ["both 2"]


def test_two_that_need_the_same_two_do_not_wait_for_each_other() -> None:
    slots: Slots[str] = Slots({"a": 1, "b": 1}, lambda task: True)
    assert slots.take("a1", ("a",))
    assert slots.take("b1", ("b",))
    for task in ("one", "two"):
        assert not slots.take(task, ("a", "b") if task == "one" else ("b", "a"))
    started = [*slots.release(("a",)), *slots.release(("b",))]
    assert started == ["one"]
    assert slots.release(("a", "b")) == ["two"]


@pytest.mark.parametrize("seed", range(40))
def test_no_waiter_starves_and_no_slot_is_idle(seed: int) -> None:
    """Others keep coming; each waiter starts before very many that came later have."""
    random = Random(seed)
    limits = {tag: random.randint(1, 3) for tag in "abcd"[: random.randint(2, 4)]}
    slots: Slots[int] = Slots(limits, lambda task: task in waiting)
    running: dict[int, tuple[str, ...]] = {}
    waiting: dict[int, tuple[str, ...]] = {}
    overtaken: Counter[int] = Counter()
    numbers = count()

    def begin(started: list[int]) -> None:
        for task in started:
            running[task] = waiting.pop(task)
            taken = set(running[task])
            overtaken.update(other for other, tags in waiting.items() if other < task and taken & set(tags))

    for _ in range(3_000):
        while len(waiting) < 12:
            task = next(numbers)
            tags = tuple(random.sample(list(limits), random.choice([1, 1, 1, 2, len(limits)])))
            waiting[task] = tags
            if slots.take(task, tags):
                begin([task])
        if random.random() < 0.1:
            leaves = random.choice(list(waiting))
            del waiting[leaves]
            slots.forget(leaves)
            overtaken.pop(leaves, None)
            begin(slots.hand_out())
        done = random.choice(list(running))
        begin(slots.release(running.pop(done)))
        for tag, limit in limits.items():
            taken = sum(tag in tags for tags in running.values())
            assert slots.taken(tag) == taken
            assert taken + slots.reserved(tag) <= limit
            assert not slots.waiting_at(tag) or taken + slots.reserved(tag) == limit, "a task waits for a free slot"
        assert slots.waiting == len(waiting)
        assert max(overtaken.values(), default=0) <= 60
