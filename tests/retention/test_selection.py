"""Outputs that gc chooses from those that a storage holds."""

from __future__ import annotations

import random

import pytest

from alexflow.retention import Limits, Stored, StoredOutput, StoredTask, select

NOW = 1_000_000.0


def task(name: str, size: int = 10, used: float | None = NOW) -> StoredTask:
    return StoredTask(name, [StoredOutput(f"{name}.out", size)], used, "run")


def chosen(
    stored: Stored, limits: Limits, protected: set[str] = frozenset(), reachable: set[str] = frozenset()
) -> set[str]:  # type: ignore[assignment]
    return {output.key.partition(".")[0] for output in select(stored, limits, protected, reachable).outputs}


def test_by_age() -> None:
    stored = Stored([task("old", used=NOW - 100), task("new", used=NOW - 10)], [])
    assert chosen(stored, Limits(unused_since=NOW - 50)) == {"old"}


def test_the_least_recently_used_go_first() -> None:
    stored = Stored([task(name, used=NOW - age) for name, age in (("a", 3), ("b", 1), ("c", 2), ("d", 4))], [])
    assert chosen(stored, Limits(max_bytes=20)) == {"d", "a"}
    assert chosen(stored, Limits(max_bytes=40)) == set()
    assert chosen(stored, Limits(max_bytes=19)) == {"d", "a", "c"}


def test_what_nothing_needs() -> None:
    stored = Stored([task("kept"), task("other")], [])
    assert chosen(stored, Limits(unreachable=True), reachable={"kept"}) == {"other"}


def test_several_limits_add_up() -> None:
    stored = Stored([task("old", used=NOW - 100), task("big", 100, NOW - 50), task("new", 10)], [])
    assert chosen(stored, Limits(unused_since=NOW - 60, max_bytes=50)) == {"old", "big"}


def test_what_is_protected_stays() -> None:
    stored = Stored([task("a", used=NOW - 100), task("b", used=NOW - 100)], [])
    for name in ("a", "a.out"):
        selection = select(stored, Limits(unused_since=NOW), {name})
        assert [each.task_id for each in selection.tasks] == ["b"]
        assert selection.kept == 1
    assert chosen(stored, Limits(max_bytes=0), {"a", "b"}) == set()
    assert chosen(stored, Limits(named=frozenset({"a.out"})), {"a"}) == set()


def test_what_is_not_recorded_goes_by_name_only() -> None:
    stored = Stored([], [StoredOutput("x", 5), StoredOutput("y", 5)])
    assert chosen(stored, Limits(unused_since=NOW, max_bytes=0, unreachable=True)) == set()
    assert chosen(stored, Limits(named=frozenset({"x"}))) == {"x"}


def test_what_may_be_under_way_goes_by_name_only() -> None:
    stored = Stored([task("a", used=None)], [])
    assert chosen(stored, Limits(unused_since=NOW, max_bytes=0, unreachable=True)) == set()
    assert chosen(stored, Limits(named=frozenset({"a.out"}))) == {"a"}


def test_one_output_of_several_by_name() -> None:
    two = StoredTask("a", [StoredOutput("a.one", 1), StoredOutput("a.two", 2)], NOW, "run")
    selection = select(Stored([two], []), Limits(named=frozenset({"a.two"})), ())
    assert ([output.key for output in selection.outputs], selection.bytes) == (["a.two"], 2)


@pytest.mark.parametrize("seed", range(50))
def test_what_is_left_fits_and_nothing_newer_went(seed: int) -> None:
    chance = random.Random(seed)
    tasks = [task(f"t{n}", chance.randrange(1, 100), NOW - chance.randrange(1000)) for n in range(30)]
    stored = Stored(tasks, [])
    most = chance.randrange(stored.bytes)
    selection = select(stored, Limits(max_bytes=most), ())
    gone = {each.task_id for each in selection.tasks}
    left = [each for each in tasks if each.task_id not in gone]
    assert sum(each.bytes for each in left) <= most
    assert not left or max((each.used or 0 for each in selection.tasks), default=0) <= min(
        each.used or 0 for each in left
    )
    last = max(selection.tasks, key=lambda each: each.used or 0, default=None)
    assert last is None or sum(each.bytes for each in left) + last.bytes > most or selection.bytes > 0
