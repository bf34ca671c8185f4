"""Counts per tag, alone."""

from __future__ import annotations

from alexflow.scheduler.slots import Slots


def test_nobody_who_could_start_is_left_waiting() -> None:
    slots: Slots[str] = Slots({"a": 1, "b": 1}, lambda who: who != "gone")
    assert slots.take("one", ("a",))
    assert slots.take("two", ("b",))
    assert not slots.take("both", ("a", "b"))
    assert not slots.take("gone", ("b",))
    assert not slots.take("three", ("b",))
    assert slots.waiting == 3
    assert slots.release(("b",)) == ["three"]
    assert slots.release(("a",)) == []  # "both" waits for b now
    assert slots.release(("b",)) == ["both"]
    assert (slots.taken("a"), slots.taken("b"), slots.taken("c")) == (1, 1, 0)
    assert slots.waiting == 0


def test_who_leaves_is_forgotten_at_once() -> None:
    slots: Slots[int] = Slots({"a": 1, "b": 1}, lambda who: True)
    assert slots.take(-1, ("a",))
    for who in range(1000):
        assert not slots.take(who, ("c", "a", "b"))
        slots.forget(who, ("c", "a", "b"))
        assert slots.waiting == 0
    assert not slots.take(1000, ("a", "b"))
    assert slots.release(("a",)) == [1000]
    slots.forget(1000, ("a", "b"))
    assert (slots.taken("a"), slots.taken("b")) == (1, 1)


def test_several_start_at_once_when_there_is_room() -> None:
    slots: Slots[str] = Slots({"a": 2}, lambda who: True)
    for who in ("one", "two"):
        assert slots.take(who, ("a",))
    for who in ("three", "four", "five"):
        assert not slots.take(who, ("a",))
    assert slots.release(("a",)) == ["three"]
    assert slots.release(("a",)) == ["four"]
