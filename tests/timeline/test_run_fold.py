"""Every figure of a folded run is what the record says, on random runs, read at once or as it grows."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from alexflow import LocalStorage, MemoryStorage, open_record
from alexflow.errors import NotRecorded
from alexflow.timeline.critical_path import bounds, class_edges, critical_path
from alexflow.timeline.run_fold import RecordFold, RunFold
from alexflow.timeline.segments import RecordTail
from alexflow.timeline.storage_lines import find_run, run_heads
from alexflow.timeline.task_columns import TaskColumns, read_run
from tests.kit.effort import examples
from tests.timeline.recorded_runs import RUN, WrittenRun

SEEDS = range(examples(6))


def folded(storage: MemoryStorage | LocalStorage) -> RunFold:
    fold = RecordFold()
    for section, line in RecordTail(storage).new_lines():
        fold.add(section, line)
    return fold.runs[RUN]


@pytest.mark.parametrize("seed", SEEDS)
def test_figures_equal_the_record(seed: int) -> None:
    written, storage = WrittenRun(700, 5, seed=seed, failing=0.05), MemoryStorage()
    written.write(storage)
    run, record = folded(storage), open_record(storage)
    entries = list(record.entries())
    recorded = record.run(RUN)
    assert run.outcome == recorded.outcome
    assert run.failed_attempts == len(recorded.attempts)
    assert sum(cost.done for cost in run.costs.values()) == len(entries) == recorded.ran
    assert sum(cost.failed for cost in run.costs.values()) == recorded.failed
    by_class = Counter(entry.cls for entry in entries)
    for cls, cost in run.costs.items():
        of_class = [entry for entry in entries if entry.cls == cls]
        assert cost.done == by_class[cls]
        assert cost.bytes == sum(entry.bytes for entry in of_class)
        assert cost.cpu == round(sum(entry.cpu_seconds or 0 for entry in of_class) * 1e6)
        assert cost.rss == max(entry.peak_rss_bytes or 0 for entry in of_class)
        # an engine says whether a task was forced; what it was else is seen by a reader of the whole record
        assert cost.reasons == Counter("forced" if entry.reason == "forced" else "missing" for entry in of_class)
    took = sum(each.took for each in run.timeline.classes)
    assert took == sum(each[2] for each in written.completions) + sum(each[2] for each in written.failed)
    assert run.timeline.count == len(entries) + len(recorded.attempts)
    assert run.seconds == pytest.approx(recorded.seconds)
    assert len(run.timeline.lanes) == 5


@pytest.mark.parametrize("seed", SEEDS)
def test_columns_of_tasks_equal_the_record(seed: int) -> None:
    written, storage = WrittenRun(400, 4, seed=seed, failing=0.05), MemoryStorage()
    written.write(storage)
    record, columns = open_record(storage), read_run(storage, RUN)
    succeeded = [index for index, state in enumerate(columns.state) if state in (0, 3)]
    assert len(succeeded) == len(written.completions)
    for index in succeeded:
        entry = record.entry(columns.task_id(index))
        assert entry.seconds == pytest.approx((columns.end[index] - columns.start[index]) / 1e6)
        assert entry.bytes == columns.stored[index]
        assert sorted(columns.task_id(parent) for parent in columns.parents(index)) == sorted(
            each.key.removesuffix(".out.json") for each in entry.inputs
        )
    edges = class_edges(columns)
    assert sum(edge.reads for edge in edges) == sum(len(columns.parents(index)) for index in range(len(columns)))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_path_and_the_bounds_hold(seed: int) -> None:
    written, storage = WrittenRun(500, 4, seed=seed, failing=0.03), MemoryStorage()
    written.write(storage)
    columns = read_run(storage, RUN)
    assert columns.run is not None
    path, found = critical_path(columns, columns.run), bounds(columns, columns.run)
    assert max(columns.end) == columns.end[path[-1].task]
    took = sum(columns.end[step.task] - columns.start[step.task] for step in path)
    assert took + sum(step.gap for step in path) == max(columns.end), "the path leaves no time unexplained"
    assert found.chain <= found.makespan
    assert found.work_per_worker <= found.makespan
    assert found.workers == 4
    assert found.chain == longest_chain(columns)


def longest_chain(columns: TaskColumns) -> int:
    @cache
    def until(index: int) -> int:
        before = max(map(until, columns.parents(index)), default=0)
        return before + columns.end[index] - columns.start[index]

    return max(map(until, range(len(columns))))


def test_a_record_that_grows_is_folded_to_the_same(tmp_path: Path) -> None:
    written = WrittenRun(600, 3, seed=9, failing=0.05)
    (tmp_path / "whole").mkdir()
    (tmp_path / "growing").mkdir()
    whole, growing = LocalStorage(tmp_path / "whole"), LocalStorage(tmp_path / "growing")
    written.write(whole)
    written.write(growing)
    (file,) = (tmp_path / "growing").rglob("*.segment")
    data = file.read_bytes()
    fold, tail = RecordFold(), RecordTail(growing)
    for size in [*range(10, len(data), 7_777), len(data)]:
        file.write_bytes(data[:size])
        for section, line in tail.new_lines():
            fold.add(section, line)
    once, grown = folded(whole), fold.runs[RUN]
    assert once.timeline.count == grown.timeline.count
    assert [lane.columns() for lane in once.timeline.lanes] == [lane.columns() for lane in grown.timeline.lanes]
    assert list(tail.new_lines()) == []


def test_a_killed_run_shows_what_was_under_way(tmp_path: Path) -> None:
    written, storage = WrittenRun(3_000, 3, seed=2, failing=0.0), LocalStorage(tmp_path)
    written.write(storage)
    (file,) = tmp_path.rglob("*.segment")
    data = file.read_bytes()
    file.write_bytes(data[:-30_000])
    run = folded(storage)
    assert run.outcome == "unknown"
    ran = sum(cost.done for cost in run.costs.values())
    assert ran + len(run.under_way()) == 3_000
    assert 0 < ran < 3_000


def test_parts_and_merged_files_are_read_once() -> None:
    written, storage = WrittenRun(300, 3, seed=2), MemoryStorage()
    written.write(storage)
    tail = RecordTail(storage)
    fold = RecordFold()
    for section, line in tail.new_lines():
        fold.add(section, line)
    space = storage.reserved("record")
    assert space is not None
    space.write("20260101T000000001-merged.segment", written.data())
    space.remove("20260101T000000000-0001.segment")
    for section, line in tail.new_lines():
        fold.add(section, line)
    assert fold.runs[RUN].timeline.count == len(written.completions) + len(written.failed)


def test_runs_are_found_by_their_beginning() -> None:
    storage = MemoryStorage()
    with pytest.raises(NotRecorded, match="has no run"):
        find_run(storage, None)
    WrittenRun(10, 2).write(storage)
    assert find_run(storage, None) == find_run(storage, "2026") == RUN
    assert [head.begun.id for head in run_heads(storage)] == [RUN]
    with pytest.raises(NotRecorded, match="no run '2031'"):
        find_run(storage, "2031")
