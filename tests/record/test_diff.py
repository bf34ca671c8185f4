"""Outputs, runs and storages compared by digests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

import alexflow
from alexflow import JSONOutput, MemoryStorage, Task
from alexflow.errors import NotRecorded
from alexflow.record import diff_outputs, diff_runs, diff_storages
from tests.record.segments import HandWritten, stored_in


@dataclass(frozen=True)
class Make(Task):
    x: int

    def output(self) -> Any:
        return self.build_output(JSONOutput, key="made.json")


def stored(values: dict[int, Any], run_id: str = "20260101T000000000-aaaa", into: MemoryStorage | None = None) -> Any:
    """A storage in which one run has made these values."""
    storage = MemoryStorage() if into is None else into
    segment = HandWritten(storage, run_id)
    segment.made(*map(Make, values))
    for number, (x, value) in enumerate(values.items()):
        output = Make(x).output().assign_storage(storage)
        output.store(value)
        segment.done(number, number, stored_in(storage, output.key))
    segment.writer.close()
    return storage


def keys(comparison: Any) -> list[tuple[str, str]]:
    return [(difference.key, difference.kind) for difference in comparison.differences]


def test_equal_outputs() -> None:
    record = alexflow.open_record(stored({1: "a", 2: "a"}))
    found = diff_outputs(record, Make(1), record, Make(2))
    assert found.equal
    assert [change.path for change in found.changes] == ["Make.x"]
    assert str(found) == "equal\n  Make.x: 1 → 2"


def test_outputs_that_differ() -> None:
    record = alexflow.open_record(stored({1: {"a": [1, 2]}, 2: {"a": [1, 3]}}))
    found = diff_outputs(record, Make(1).output(), record, Make(2).output(), values=True)
    (difference,) = found.differences
    assert difference.kind == "bytes"
    assert difference.value is not None
    assert difference.value.path == "$.a[1]"
    assert not found.equal
    assert str(found).endswith(": $.a[1]: 2 → 3")
    assert found.to_json()["differences"][0]["value"] == {
        "path": "$.a[1]",
        "before": "2",
        "after": "3",
        "max_abs": None,
    }
    assert diff_outputs(record, Make(1), record, Make(2)).differences[0].value is None


def test_an_output_of_two_storages() -> None:
    one, other = (alexflow.open_record(stored({1: value})) for value in ("a", "b"))
    found = diff_outputs(one, Make(1), other, Make(1), values=True)
    assert keys(found) == [(Make(1).output().key, "bytes")]
    assert found.changes == ()
    with pytest.raises(NotRecorded):
        diff_outputs(one, Make(1), other, Make(2))


def test_two_runs() -> None:
    storage = stored({1: "a", 2: "b"}, "20260101T000000000-aaaa")
    stored({3: "c"}, "20260102T000000000-bbbb", storage)
    found = diff_runs(alexflow.open_record(storage), "20260101", "20260102")
    removed = sorted([(Make(1).output().key, "removed"), (Make(2).output().key, "removed")])
    assert sorted(keys(found)) == sorted([*removed, (Make(3).output().key, "added")])
    assert diff_runs(alexflow.open_record(storage), "20260101", "20260101").equal


def test_two_storages() -> None:
    one, other = stored({1: "a", 2: "b", 3: "c"}), stored({1: "a", 2: "x", 4: "d"})
    found = diff_storages(*map(alexflow.open_record, (one, other)))
    expected = {2: "bytes", 3: "removed", 4: "added"}
    assert dict(keys(found)) == {Make(x).output().key: kind for x, kind in expected.items()}
    assert found.compared == 4
    assert str(found).startswith("3 of 4 outputs differ\n")
    assert diff_storages(*map(alexflow.open_record, (one, one))).equal


def test_what_is_there_counts_and_what_has_no_record_is_unknown() -> None:
    one, other = stored({1: "a", 2: "b"}), stored({1: "a", 2: "b"})
    other.remove_many([Make(2).output().key])
    for storage in (one, other):
        storage.write("by/hand.txt", b"x")
    found = diff_storages(*map(alexflow.open_record, (one, other)))
    assert sorted(keys(found)) == sorted([("by/hand.txt", "unknown"), (Make(2).output().key, "removed")])
    assert not found.equal


class CountingStorage(MemoryStorage):
    """Counts the values that are read."""

    reads: list[str]

    def read(self, key: str) -> bytes:
        vars(self).setdefault("reads", []).append(key)
        return super().read(key)


def test_storages_are_compared_without_reading_an_output() -> None:
    one, other = (stored({x: x for x in range(50)}, into=CountingStorage()) for _ in range(2))
    for storage in (one, other):
        vars(storage).pop("reads", None)
    assert diff_storages(*map(alexflow.open_record, (one, other))).equal
    assert [key for key in vars(one).get("reads", []) if not key.startswith(".alexflow/")] == []
