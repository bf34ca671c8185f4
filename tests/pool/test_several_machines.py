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
from tests.pool.histories import names
from tests.pool.test_claims import begin_all, end, job, running, submitted
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


def test_what_jobs_of_a_class_usually_take_is_looked_up_for_a_machine_that_is_taken_away():
    world = Machines([1, 1])
    world.answers = False
    short = timed(world, 0, 60.0)
    for name, seconds in (("pkg.Long", 100.0), ("pkg.Short", 1.0)):
        world.usual_seconds[name] = seconds
    ids = "pkg.Long.0", "pkg.Long.1", "pkg.Short.1", "pkg.New.1"
    *unknown, says = (job(name, cpus=1) for name in ids)
    submitted(world, *unknown, replace(says, timeout=9.0))
    assert world.at(short) == ["pkg.New.1"]
    assert world.looked_up == ["pkg.Long", "pkg.Short"]
    end(world, "pkg.New.1")
    assert world.at(short) == []
    for name in world.looked_up:
        world.answer(name)
    world.go_on()
    begin_all(world)
    assert world.at(short) == ["pkg.Short.1"]
    assert world.at(world.sites[1]) == ["pkg.Long.0"]


def test_what_this_engine_has_seen_comes_before_what_the_record_says():
    world = Machines([1])
    short = timed(world, 0, 60.0)
    world.usual_seconds["pkg.Faster"] = 100.0
    world.machine._estimates.learn("faster", 1.0)
    submitted(world, replace(job("pkg.Faster.1", cpus=1), key="faster"))
    assert world.at(short) == ["pkg.Faster.1"]


def test_a_worker_that_comes_back_is_one_of_its_machine_again():
    world = Machines([1, 1])
    submitted(world, job("a", cpus=1), job("b", cpus=1))
    (worker,) = [each for each in world.workers if each.running is not None and each.running.job.task_id == "a"]
    home = worker.place.home
    world.cancel(["a"])
    world.is_late(worker)
    world.end(worker, well=False)
    worker.give_back()
    while worker.reports:
        world.arrive(worker)
    (site,) = [site for site in world.sites if site.roster is home]
    assert site.roster.places == [worker.place]
    assert not site.roster.leaving
    submitted(world, job("c", cpus=1))
    assert names(worker) == ["c"]


def test_a_worker_does_not_come_back_to_a_machine_that_has_another_in_its_place():
    roster, machines = Roster(2), [Roster(1), Roster(1)]
    late, other, newcomer = (Place(number, 0.0, (), machines[number == 2]) for number in (1, 2, 3))
    for place in (late, other):
        roster.came(place)
    roster.leave(late)
    roster.came(newcomer)
    roster.leave(other)  # there is room in the pool now, and none at the first machine
    assert not roster.has_room(late)
    assert roster.has_room(other)


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
