"""Rates: how often tasks start, in exact times; nothing waits."""

from __future__ import annotations

import sys
from math import inf
from random import Random

import pytest

from alexflow.scheduler.rates import WINDOW_MARGIN, Bucket, RateSpec
from alexflow.scheduler.slots import Slots


class Clock:
    """Tasks in line for one bucket, and the times at which they begin."""

    def __init__(self, spec: RateSpec, *, late: float = 0.0, delay: float = 0.0):
        self.slots: Slots[int] = Slots({}, lambda task: True, {"api": spec})
        self.now = 0.0
        self.late = late  # of the timer
        self.delay = delay  # from the right to start to the beginning
        self.begun: dict[int, float] = {}
        self.to_begin: list[tuple[float, int]] = []
        self.costs: dict[int, tuple[float, ...]] = {}

    def add(self, *tasks: int, costs: tuple[float, ...] = (1.0,), key: str = "") -> None:
        self.slots.at(self.now)
        for task in tasks:
            self.costs[task] = costs
            if self.slots.take(task, ("api",), 0, key, (("api", costs),)):
                self._may_start(task)
        self._hand_out()

    def _may_start(self, task: int) -> None:
        self.to_begin.append((self.now + self.delay, task))

    def _hand_out(self) -> None:
        for task in self.slots.hand_out():
            self._may_start(task)

    def run(self, until: float = inf) -> None:
        """Let time pass until a time, or until nothing more happens."""
        while True:
            begins = min((at for at, _ in self.to_begin), default=inf)
            wakes = max(self.slots.buckets.wake_at + self.late, self.now)
            at = min(begins, wakes)
            if at > until or at == inf:
                break
            self.now = at
            for begun in [pair for pair in self.to_begin if pair[0] <= at]:
                self.to_begin.remove(begun)
                self.begun[begun[1]] = at
                self.slots.buckets.begin((("api", self.costs[begun[1]]),), at)
            self.slots.at(self.now)
            self._hand_out()
        self.now = max(self.now, until) if until < inf else self.now

    def most_in(self, seconds: float) -> float:
        """Return the most that was spent in any interval of so many seconds."""
        starts = sorted((at, sum(self.costs[task])) for task, at in self.begun.items())
        most = within = 0.0
        oldest = 0
        for at, cost in starts:
            within += cost
            while starts[oldest][0] <= at - seconds:
                within -= starts[oldest][1]
                oldest += 1
            most = max(most, within)
        return most


@pytest.mark.parametrize("burst", [1, 5, 50])
def test_starts_are_evenly_spaced_and_the_window_is_never_exceeded(burst: int) -> None:
    clock = Clock(RateSpec((50.0,), 1.0, burst))
    clock.add(*range(200))
    clock.run()
    assert len(clock.begun) == 200
    assert clock.most_in(1.0) <= 50
    assert clock.now == pytest.approx((200 - burst) / 50, rel=0.03)
    assert list(clock.begun) == list(range(200))


@pytest.mark.parametrize("seed", range(20))
def test_the_window_holds_whatever_is_late(seed: int) -> None:
    random = Random(seed)
    quota = random.choice([3.0, 10.0, 50.0, 200.0])
    spec = RateSpec((quota,), random.choice([0.5, 1.0, 60.0]), random.randint(1, int(quota)))
    clock = Clock(
        spec, late=random.random() * spec.per / 4, delay=random.random() * spec.per * random.choice([0, 0.01, 2])
    )
    task = 0
    for _ in range(30):
        some = range(task, task := task + random.choice([1, 2, int(quota), 2 * int(quota)]))
        clock.add(*some)
        clock.run(clock.now + random.random() * spec.per * 2)
    clock.run()
    assert len(clock.begun) == task
    assert clock.most_in(spec.per) <= quota


def test_units_hold_together() -> None:
    clock = Clock(RateSpec((10.0, 100.0), 1.0))
    clock.add(*range(20), costs=(1.0, 5.0))  # requests are what is scarce
    clock.run()
    assert clock.now == pytest.approx(1.9, rel=0.03)
    clock = Clock(RateSpec((10.0, 100.0), 1.0))
    clock.add(*range(20), costs=(1.0, 50.0))  # tokens are
    clock.run()
    assert clock.now == pytest.approx(9.5, rel=0.03)


def test_a_small_one_does_not_pass_a_large_one_in_line() -> None:
    clock = Clock(RateSpec((100.0,), 1.0))
    clock.add(1, costs=(90.0,))
    clock.add(2, costs=(50.0,))
    clock.add(3, costs=(1.0,))
    clock.run()
    assert list(clock.begun) == [1, 2, 3]


def test_one_that_leaves_before_it_begins_gives_its_turn_back() -> None:
    clock = Clock(RateSpec((1.0,), 10.0))
    clock.add(1)
    clock.slots.give_back((), (("api", (1.0,)),))
    clock.to_begin.clear()
    clock.slots.hand_out()
    clock.add(2)
    clock.run()
    assert clock.begun == {2: 0.0}


def test_those_that_leave_the_line_cost_nothing() -> None:
    clock = Clock(RateSpec((50.0,), 1.0))
    clock.add(*range(101))
    for task in range(1, 101):
        clock.slots.forget(task)
    clock.add(200)
    clock.run()
    assert clock.begun[200] == pytest.approx(0.02, rel=0.1)


def test_what_may_start_and_has_not_begun_counts_at_every_moment() -> None:
    clock = Clock(RateSpec((5.0,), 1.0, burst=5), delay=3.0)
    clock.add(*range(10))
    clock.run(2.9)
    assert clock.begun == {}
    clock.run()
    assert clock.most_in(1.0) <= 5


def test_a_pause_holds_all_of_a_bucket() -> None:
    clock = Clock(RateSpec((50.0,), 1.0))
    clock.add(1, 2)
    clock.slots.buckets.pause((("api", (1.0,)),), 60.0)
    clock.run()
    assert clock.begun[2] == pytest.approx(60.0)


def test_a_correction_changes_what_is_left() -> None:
    bucket = Bucket(RateSpec((100.0,), 10.0))
    bucket.take((60.0,), 0.0, 0.0)
    bucket.begin((60.0,), 0.0)
    assert bucket.ready_at((60.0,), 5.0) == pytest.approx(10 * (1 + WINDOW_MARGIN))
    bucket.correct((-50.0,), 5.0)
    assert bucket.ready_at((60.0,), 5.0) <= 5.0
    bucket.correct((80.0,), 5.0)
    assert bucket.ready_at((60.0,), 5.0) > 10.0


def test_a_part_that_shrinks_does_so_at_once_and_one_that_grows_as_the_window_passes() -> None:
    bucket = Bucket(RateSpec((100.0,), 10.0))
    assert bucket.share(0.0) == 1.0
    bucket.set_share(0.25, 0.0)
    assert bucket.share(0.0) == 0.25
    bucket.set_share(1.0, 20.0)
    assert bucket.share(20.0) == 0.25
    assert 0.5 < bucket.share(25.0) < 0.7
    assert bucket.share(31.0) == 1.0


def test_keys_have_a_bucket_each_and_idle_ones_are_dropped() -> None:
    slots: Slots[int] = Slots({}, lambda task: True, {"api": RateSpec((1.0,), 1.0)})
    for number in range(5000):
        slots.at(number * 0.01)
        name = f"api\0tenant-{number}"
        assert slots.take(number, ("api",), spends=((name, (1.0,)),))
        slots.buckets.begin(((name, (1.0,)),), number * 0.01)
    assert len(slots.buckets) < 400


def test_a_key_for_which_nothing_waits_costs_no_memory() -> None:
    slots: Slots[int] = Slots({}, lambda task: True, {"api": RateSpec((1.0,), 1.0)})

    def start(numbers: range) -> None:
        for number in numbers:
            slots.at(float(number))
            name = f"api\0tenant-{number}"
            assert slots.take(number, ("api",), spends=((name, (1.0,)),))
            slots.buckets.begin(((name, (1.0,)),), float(number))

    start(range(100))
    before = sys.getallocatedblocks()
    start(range(100, 5000))
    assert sys.getallocatedblocks() - before < 1000
    assert slots.waiting_for_rates() == {"api": 0}


def test_what_waits_for_a_rate_is_counted_for_all_keys() -> None:
    slots: Slots[int] = Slots({}, lambda task: True, {"api": RateSpec((1.0,), 1.0)})
    for number in range(6):
        slots.take(number, ("api",), spends=((f"api\0{number % 2}", (1.0,)),))
    assert slots.waiting_for_rates() == {"api": 4}


def test_a_task_with_a_limited_tag_takes_both_or_waits() -> None:
    slots: Slots[str] = Slots({"db": 1}, lambda task: True, {"api": RateSpec((1.0,), 10.0)})
    spends = (("api", (1.0,)),)
    assert slots.take("one", ("api", "db"), spends=spends)
    slots.buckets.begin(spends, 0.0)
    assert not slots.take("both", ("api", "db"), spends=spends)
    assert slots.release(("db",)) == []  # the rate is not there yet, and db is free for others meanwhile
    assert slots.take("db only", ("db",))
    slots.at(slots.buckets.wake_at)
    assert slots.hand_out() == []
    assert slots.release(("db",)) == ["both"]
    assert slots.waiting == 0
