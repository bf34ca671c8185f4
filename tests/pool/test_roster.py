"""The roster: places that are started for jobs that wait."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from alexflow.executors.process.places import Place
from alexflow.executors.process.roster import Roster


def roster_of(size: int, busy: int, idle: int, surplus: int = 0, starting: int = 0) -> Roster:
    """A roster with so many places that have jobs and that have none, and so many of all that are surplus."""
    roster = Roster(size)
    for number in range(busy + idle):
        place = Place(number + 1, 0.0)
        if number < busy:
            place.sent = dict.fromkeys([1])
        roster.places.append(place)
    Random(busy).shuffle(roster.places)
    roster.surplus.update(roster.places[:surplus])
    roster._starting = starting
    return roster


@pytest.mark.parametrize(
    ("jobs", "busy", "idle", "starting", "missing"),
    [(1, 0, 1, 0, 0), (1, 1, 0, 0, 1), (1, 1, 0, 1, 0), (5, 2, 1, 1, 3), (50, 2, 1, 1, 6), (5, 10, 0, 0, 0)],
)
def test_as_many_as_there_are_jobs_without_an_idle_place(jobs, busy, idle, starting, missing):
    assert roster_of(10, busy, idle, starting=starting).request(jobs) == missing


def test_places_that_are_surplus_count_neither_as_busy_nor_as_idle():
    random = Random(1)
    for _ in range(500):
        busy, idle = random.randrange(6), random.randrange(6)
        surplus, starting, jobs = random.randint(0, busy + idle), random.randrange(4), random.randrange(12)
        roster = roster_of(10, busy, idle, surplus, starting)
        stays = [place for place in roster.places if place not in roster.surplus]
        at_once = min(10, sum(1 for place in stays if place.sent) + jobs)
        assert roster.request(jobs) == max(0, at_once - len(stays) - starting)


def test_a_job_that_finds_an_idle_place_looks_at_few_others():
    class Watched(list[Any]):
        def __iter__(self) -> Iterator[Any]:
            for place in super().__iter__():
                looks.append(place)
                yield place

    looks: list[Place] = []
    roster = roster_of(1000, 0, 900)
    roster.places = Watched(roster.places)
    assert roster.request(1) == 0
    assert len(looks) <= 2
