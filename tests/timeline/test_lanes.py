"""Lanes keep tasks exactly, compressed, and are as few as can be."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from alexflow.timeline.fold import GIVEN_UP, SUCCEEDED, TimelineFold, one_after_another
from alexflow.timeline.lanes import SPANS_PER_CHUNK
from tests.kit.effort import examples

INTERVALS = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 90), st.integers(0, 3), st.sampled_from([SUCCEEDED, GIVEN_UP]))
)


@settings(max_examples=examples(100), deadline=None)
@given(INTERVALS)
def test_a_fold_gives_back_exactly_what_went_in(intervals: list[tuple[int, int, int, int]]) -> None:
    fold = TimelineFold()
    ordered = sorted(intervals, key=lambda each: each[0] + each[1])
    for start, took, cls, state in ordered:
        fold.add(f"class{cls}", "place", start, start + took, state)
    found = []
    for lane in fold.lanes:
        columns = lane.columns()
        end = None
        for start, took, cls, state in zip(columns.start, columns.took, columns.cls, columns.state, strict=True):
            assert end is None or start >= end, "tasks of a lane overlap"
            end = start + took
            found.append((start, took, int(fold.classes[cls].name[5:]), state))
    assert sorted(found) == sorted(intervals)
    assert fold.count == len(intervals)


@settings(max_examples=examples(100), deadline=None)
@given(INTERVALS)
def test_an_event_loop_has_as_many_lanes_as_ran_at_once(intervals: list[tuple[int, int, int, int]]) -> None:
    fold = TimelineFold()
    for start, took, _, _ in sorted(intervals, key=lambda each: each[0] + each[1]):
        fold.add("cls", "loop", start, start + took + 1)
    changes = sorted(
        [(start, 1) for start, *_ in intervals] + [(start + took + 1, -1) for start, took, *_ in intervals]
    )
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    assert len(fold.lanes) == most


def test_many_tasks_take_few_bytes() -> None:
    chance, fold, ends = random.Random(1), TimelineFold(), [0] * 8
    for number in range(100_000):
        lane = number % 8
        start = ends[lane] + chance.randrange(50, 200)
        ends[lane] = start + int(chance.lognormvariate(0, 1) * 20_000)
        fold.add(f"class{chance.randrange(20)}", f"worker{lane}", start, ends[lane])
    packed = sum(len(chunk) for lane in fold.lanes for chunk in lane.chunks)
    assert packed < 6 * 100_000
    assert fold.count == 100_000
    assert sum(len(lane._state) for lane in fold.lanes) < 8 * SPANS_PER_CHUNK  # what is not compressed yet


def test_clocks_that_were_set_back_cost_nothing() -> None:
    fold = TimelineFold()
    fold.add("cls", "worker", 1_000, 2_000, alone=True)
    fold.add("cls", "worker", 1_500, 2_500, alone=True)
    (lane,) = fold.lanes
    assert list(lane.columns().start) == [1_000, 1_500]


def test_tasks_that_were_reported_together_are_laid_one_after_another() -> None:
    assert one_after_another([100, 100, 101, 500], [10, 10, 10, 20]) == [81, 91, 101, 500]


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 10)), max_size=50))
def test_laying_one_after_another_only_moves_ends_back(reported: list[tuple[int, int]]) -> None:
    reported.sort()
    ends, took = [each[0] for each in reported], [each[1] for each in reported]
    laid = one_after_another(ends, took)
    assert all(now <= before for now, before in zip(laid, ends, strict=True))
    assert all(laid[at] <= laid[at + 1] - took[at + 1] for at in range(len(laid) - 1))


def test_quantiles_are_within_a_twentieth() -> None:
    fold, chance = TimelineFold(), random.Random(3)
    took = sorted(int(chance.lognormvariate(10, 2)) for _ in range(5_000))
    for each in took:
        fold.add("cls", "worker", 0, each)
    for share in (0.5, 0.95):
        exact = took[int(share * len(took)) - 1]
        assert abs(fold.classes[0].quantile(share) - exact) / exact < 0.06


def test_activity_adds_up() -> None:
    fold, chance = TimelineFold(), random.Random(4)
    for number in range(500):
        start = chance.randrange(10_000)
        fold.add(f"class{number % 3}", "worker", start, start + chance.randrange(3_000))
    activity = fold.activity(7)
    assert sum(map(sum, activity.begun)) == fold.count
    total = sum(each.took for each in fold.classes)
    assert abs(sum(map(sum, activity.busy)) - total) < 1e-6 * total
