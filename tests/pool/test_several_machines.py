"""A pool whose places are on several machines: what a job claims is there where it runs."""

from __future__ import annotations

from random import Random

import pytest
from msgspec.structs import replace

from alexflow.executors.capacity import Capacity, Demand, Supply
from alexflow.executors.process.instructions import StartPlaces
from alexflow.executors.process.places import Place
from alexflow.executors.process.roster import Roster
from alexflow.executors.process.sites import Site
from alexflow.model.resource_spec import WHOLE
from tests.pool.test_claims import end, job, running, submitted
from tests.pool.world import Worker, World


class Machines(World):
    """A world of so many machines."""

    def __init__(self, cpus: list[int], gpus: int = 0):
        super().__init__(sum(cpus))
        self.started_some = False
        claims = self.machine.claims
        claims.demand = Demand()
        claims.demand.activate()
        self.sites = [self._site(count, gpus if number == 0 else 0) for number, count in enumerate(cpus)]
        claims.sites = dict.fromkeys(self.sites)

    def _site(self, cpus: int, gpus: int) -> Site:
        supply = Supply(cpus, 0, {"gpu": tuple(range(gpus))})
        capacity = Capacity(lambda: supply, cpus, WHOLE)
        capacity.activate()
        return Site(capacity, Roster(cpus), "agents", lambda: None)

    def _start(self, instruction: StartPlaces) -> None:
        self.started_some = True
        for _ in range(instruction.count):
            home = instruction.home or self.sites[0].roster
            place = Place(self.machine.roster.next_ordinal(), self.now, instruction.binding, home)
            self.workers.append(Worker(place))
            self.machine.roster.came(place)

    def go_on(self) -> None:
        super().go_on()
        while self.started_some:  # on all machines, before any gets jobs
            self.started_some = False
            self.machine.feed()
            super().go_on()

    def at(self, site: Site) -> list[str]:
        """The jobs that run at a machine."""
        found = [worker for worker in self.workers if worker.place.home is site.roster and worker.running is not None]
        return sorted(worker.running.job.task_id for worker in found if worker.running is not None)


def timed(world: Machines, number: int, seconds: float) -> Site:
    site = world.sites[number]
    end = world.now + seconds
    site.time_left = lambda: end - world.now
    return site


def test_a_job_that_may_take_longer_than_a_machine_is_there_goes_to_another():
    world = Machines([2, 1])
    short = timed(world, 0, 60.0)
    world.machine._estimates.learn("slow", 61.0)
    late = replace(job("late", cpus=1), timeout=61.0)
    slow = replace(job("slow", cpus=1), key="slow")
    submitted(world, late, slow, replace(job("fits", cpus=1), timeout=60.0))
    assert world.at(short) == ["fits"]
    assert world.at(world.sites[1]) == ["late"]
    end(world, "late")
    assert world.at(short) == ["fits"]
    assert world.at(world.sites[1]) == ["slow"]


def test_a_machine_is_not_kept_free_for_a_job_that_does_not_fit_any_more():
    world = Machines([2])
    site = timed(world, 0, 60.0)
    submitted(world, job("first", cpus=1), replace(job("large", cpus=2), timeout=30.0))
    assert world.machine.claims.lacks(replace(job("large", cpus=2), timeout=30.0))
    world.now += 31.0
    submitted(world, *(job(f"small-{n}", cpus=1) for n in range(9)))
    for n in range(9):
        assert f"small-{n}" in world.at(site)
        end(world, f"small-{n}")
    assert world.at(site) == ["first"]
    assert not site.capacity.has_ticket("large")


def test_each_machine_gets_its_part():
    world = Machines([2, 2, 4])
    submitted(world, *(job(f"job-{n}", cpus=1) for n in range(4)))
    assert [len(world.at(site)) for site in world.sites] == [1, 1, 2]


def test_jobs_that_ask_for_nothing_are_shared_out_as_well():
    world = Machines([2, 2])
    submitted(world, *(job(f"job-{n}") for n in range(2)))
    assert [len(world.at(site)) for site in world.sites] == [1, 1]


def test_a_large_job_waits_at_one_machine_and_the_other_goes_on():
    world = Machines([2, 2])
    submitted(world, *(job(f"small-{n}", cpus=1) for n in range(4)))
    submitted(world, job("large", cpus=2), *(job(f"small-{n}", cpus=1) for n in range(4, 40)))
    ends = 0
    while "large" not in running(world):
        end(world, running(world)[0])
        ends += 1
        assert ends < 20
        assert len(running(world)) >= 2, "both machines are kept free for one job"
    assert sorted(map(len, map(world.at, world.sites))) == [1, 2]


def test_a_job_goes_where_its_device_is():
    world = Machines([1, 4], gpus=1)
    submitted(world, job("cpu"), job("gpu", gpus=1), job("never", gpus=2))
    while "gpu" not in running(world):
        end(world, running(world)[0])
    assert world.at(world.sites[0]) == ["gpu"]
    assert "never" not in running(world)


def test_a_machine_that_goes_holds_nothing_for_a_job_that_waits_there():
    world = Machines([2, 2])
    submitted(world, *(job(f"small-{n}", cpus=1) for n in range(4)))
    submitted(world, job("large", cpus=2))
    waits_at = next(site for site in world.sites if site.capacity.has_ticket("large"))
    (other,) = [site for site in world.sites if site is not waits_at]
    del world.machine.claims.sites[waits_at]
    for name in world.at(other):
        end(world, name)
    assert world.at(other) == ["large"]


@pytest.mark.parametrize("seed", range(20))
def test_no_machine_is_over_its_cpus_and_every_job_ends(seed):
    random = Random(seed)
    cpus = [random.randint(1, 4) for _ in range(random.randint(2, 5))]
    world = Machines(cpus)
    asked = [random.choice([0, 0, 1, 1, min(2, max(cpus)), max(cpus)]) for _ in range(60)]
    submitted(world, *(job(f"job-{n}", **({"cpus": count} if count else {})) for n, count in enumerate(asked)))
    ended: set[str] = set()
    while len(ended) < len(asked):
        for site, count in zip(world.sites, cpus, strict=True):
            names = world.at(site)
            assert sum(asked[int(name[4:])] or 1 for name in names) <= count
        name = random.choice(running(world))
        end(world, name)
        ended.add(name)
