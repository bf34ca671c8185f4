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


def test_several_start_at_once_when_there_is_room() -> None:
    slots: Slots[str] = Slots({"a": 2}, lambda who: True)
    for who in ("one", "two"):
        assert slots.take(who, ("a",))
    for who in ("three", "four", "five"):
        assert not slots.take(who, ("a",))
    assert slots.release(("a",)) == ["three"]
    assert slots.release(("a",)) == ["four"]
