"""Claims of CPUs, memory and devices in the pool's machine: exact histories, and random ones by seed."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, cast

import pytest

from alexflow import ResourceSpec
from alexflow.executors.capacity import Capacity, Supply
from alexflow.executors.interface import Job
from alexflow.executors.process.instructions import RetirePlace, StartPlaces
from alexflow.executors.process.past_usage import ClassUsage
from alexflow.model.resource_spec import WHOLE
from tests.kit.effort import examples
from tests.pool.world import Worker, World

GIB = 1 << 30

DEVICES = 8

TASKS = 10_000


def world_of(places: int, cpus: int, gpus: int = 0, memory: int = 0, asked: int = 0) -> World:
    supply = Supply(cpus, memory, {"gpu": tuple(range(gpus))})
    capacity = Capacity(lambda: supply, places, cpus * WHOLE // places)
    assert capacity.refusal(ResourceSpec(cpus=cpus, memory=asked or None).needs()) == ""
    return World(places, capacity=capacity)


def job(name: str, **asked: Any) -> Job:
    needs = ResourceSpec(**asked).needs() if asked else None
    return Job(name, cast(Any, None), None, False, None, "", 0, needs)


def begin_all(world: World) -> None:
    for worker in world.workers:
        if worker.running is None and worker.jobs:
            world.begin(worker)


def running(world: World) -> list[str]:
    return sorted(worker.running.job.task_id for worker in world.workers if worker.running is not None)


def end(world: World, name: str) -> None:
    worker = worker_of(world, name)
    world.end(worker)
    while worker.reports:
        world.arrive(worker)
    for each in [each for each in world.workers if each.retired]:
        world.die(each)
    begin_all(world)


def worker_of(world: World, name: str) -> Worker:
    return next(each for each in world.workers if each.running is not None and each.running.job.task_id == name)


def submitted(world: World, *jobs: Job) -> None:
    world.submit(jobs)
    begin_all(world)


def test_jobs_run_together_as_long_as_the_cpus_suffice():
    world = world_of(places=8, cpus=8)
    submitted(
        world, job("four", cpus=4), job("three", cpus=3), job("two", cpus=2), *(job(f"one {n}") for n in range(9))
    )
    assert running(world) == ["four", "one 0", "three"]
    end(world, "four")
    assert running(world) == ["one 0", "one 1", "one 2", "three", "two"]


def test_a_share_of_a_worker_counts_for_a_job_that_asks_for_nothing():
    world = world_of(places=2, cpus=8)  # so each has four threads
    submitted(world, job("five", cpus=5), job("one"))
    assert running(world) == ["five"]
    end(world, "five")
    assert running(world) == ["one"]


def test_memory_and_cpus_both_count():
    world = world_of(places=4, cpus=4, memory=8 * GIB)
    submitted(world, job("a", memory="5GiB"), job("b", memory="5GiB"), job("c", memory="3GiB"), job("d"))
    assert running(world) == ["a", "c", "d"]


# -- memory that tasks have needed before


def learnt(world: World) -> list[Job]:
    """Jobs of a class that has needed 5 of 8 GiB, and one whose memory is known."""
    world.peaks["pkg.Train"] = 5 * GIB
    return [job("pkg.Known.1", memory="1GiB"), *(job(f"pkg.Train.{n}") for n in range(3)), job("pkg.Tiny.1")]


def test_classes_claim_what_their_tasks_have_needed_before():
    world = world_of(places=4, cpus=4, memory=8 * GIB, asked=GIB)
    submitted(world, *learnt(world))
    assert running(world) == ["pkg.Known.1", "pkg.Tiny.1", "pkg.Train.0"]
    assert sorted(world.looked_up) == ["pkg.Tiny", "pkg.Train"]  # once a class
    end(world, "pkg.Train.0")
    assert running(world) == ["pkg.Known.1", "pkg.Tiny.1", "pkg.Train.1"]


def test_jobs_wait_until_it_is_known_what_their_class_needs_and_others_do_not():
    world = world_of(places=4, cpus=4, memory=8 * GIB, asked=GIB)
    world.answers = False
    submitted(world, *learnt(world))
    assert running(world) == ["pkg.Known.1"]
    world.answer("pkg.Tiny")
    world.go_on()
    begin_all(world)
    assert running(world) == ["pkg.Known.1", "pkg.Tiny.1"]
    world.answer("pkg.Train")
    world.go_on()
    begin_all(world)
    assert running(world) == ["pkg.Known.1", "pkg.Tiny.1", "pkg.Train.0"]


def test_what_is_learnt_late_counts_from_then_on():
    world = world_of(places=4, cpus=4, memory=8 * GIB, asked=GIB)
    jobs, world.peaks = learnt(world), {}
    submitted(world, *jobs[:2])
    world.machine.learnt_usage("pkg.Train", ClassUsage(5 * GIB))
    submitted(world, *jobs[2:])
    assert running(world) == ["pkg.Known.1", "pkg.Tiny.1", "pkg.Train.0", "pkg.Train.1"]  # and not a third one


def test_what_jobs_use_in_this_engine_counts_as_well():
    world = world_of(places=4, cpus=4, memory=8 * GIB, asked=GIB)
    world.rss = 5 * GIB
    submitted(world, job("pkg.Known.1", memory="1GiB"), job("pkg.Train.0"))
    end(world, "pkg.Train.0")
    submitted(world, job("pkg.Train.1"), job("pkg.Train.2"))
    assert running(world) == ["pkg.Known.1", "pkg.Train.1"]


def test_nothing_is_asked_where_no_task_asks_for_memory():
    world = world_of(places=4, cpus=4, memory=8 * GIB)
    submitted(world, job("pkg.Wide.1", cpus=2), *learnt(world)[1:])
    assert world.looked_up == []
    assert len(running(world)) == 3  # as the CPUs suffice


def test_small_jobs_go_before_a_large_one_only_so_often():
    world = world_of(places=4, cpus=4)
    submitted(world, job("0"), job("large", cpus=4), *(job(f"{n}") for n in range(1, 30)))
    ended: list[str] = []
    while "large" not in running(world):
        first = running(world)[0]
        ended.append(first)
        end(world, first)
    assert len(ended) == 5  # one that ran, and as many as there are places
    assert running(world) == ["large"]
    end(world, "large")
    assert len(running(world)) == 4


def test_jobs_that_take_nothing_of_what_is_missing_are_not_held_back():
    world = world_of(places=4, cpus=4, gpus=1)
    submitted(world, *(job(f"gpu {n}", gpus=1) for n in range(3)), *(job(f"cpu {n}") for n in range(90)))
    for _ in range(80):
        assert "gpu 0" in running(world)
        end(world, next(name for name in running(world) if name.startswith("cpu")))
        assert len(running(world)) == 4
    end(world, "gpu 0")
    assert "gpu 1" in running(world)


def test_two_devices_are_gathered_beside_a_stream_of_jobs_that_take_one():
    world = world_of(places=8, cpus=8, gpus=2)
    submitted(world, job("0", gpus=1), job("pair", gpus=2), *(job(f"{n}", gpus=1) for n in range(1, 50)))
    ended = 0
    while "pair" not in running(world):
        end(world, running(world)[0])
        ended += 1
    assert ended <= 8 + 2
    assert running(world) == ["pair"]


def test_a_job_that_is_withdrawn_holds_nothing_any_more():
    world = world_of(places=2, cpus=2)
    submitted(world, job("0"), job("large", cpus=2), *(job(f"{n}") for n in range(1, 9)))
    for _ in range(2):
        end(world, running(world)[0])
    assert len(running(world)) == 1  # the other place is kept for it
    world.cancel(["large"])
    world.forget(["large"])
    begin_all(world)
    assert len(running(world)) == 2


def test_jobs_for_the_same_device_go_to_the_same_process():
    world = world_of(places=4, cpus=4, gpus=2)
    submitted(world, *(job(f"{n}", gpus=1) for n in range(6)))
    places = {worker_of(world, name).place for name in running(world)}
    for n in range(4):
        end(world, f"{n}")
        assert {worker_of(world, name).place for name in running(world)} <= places
    starts = [each for each in world.history if isinstance(each, StartPlaces)]
    assert [each.binding for each in starts] == [(("gpu", (0,)),), (("gpu", (1,)),)]


def test_an_idle_process_of_other_devices_is_ended_first():
    world = world_of(places=4, cpus=4, gpus=2)
    submitted(world, job("one", gpus=1))
    first = worker_of(world, "one")
    end(world, "one")
    submitted(world, job("both", gpus=2))
    assert running(world) == []
    assert first.retired
    world.die(first)
    begin_all(world)
    assert running(world) == ["both"]
    assert [type(each) for each in world.history if isinstance(each, StartPlaces | RetirePlace)] == [
        *(StartPlaces, RetirePlace, StartPlaces)
    ]


def test_two_halves_share_one_device():
    world = world_of(places=4, cpus=4, gpus=2)
    submitted(world, job("a", gpus=0.5), job("b", gpus=0.5), job("c", gpus=1))
    assert running(world) == ["a", "b", "c"]
    assert worker_of(world, "a").place.binding == worker_of(world, "b").place.binding
    assert worker_of(world, "c").place.binding == (("gpu", (1,)),)


def test_a_device_is_free_when_the_process_is_gone_and_not_before():
    world = world_of(places=4, cpus=4, gpus=1)
    submitted(world, job("a", gpus=1), job("b", gpus=1))
    worker = worker_of(world, "a")
    world.cancel(["a"])
    assert worker.terminated
    assert running(world) == ["a"]
    world.die(worker)
    begin_all(world)
    assert running(world) == ["b"]


def test_jobs_that_ask_for_nothing_still_travel_together_beside_one_that_claims():
    world = world_of(places=2, cpus=2, gpus=1)
    quick = [world.job(f"quick {n}") for n in range(40)]
    submitted(world, quick[0])
    end(world, "quick 0")
    submitted(world, job("gpu", gpus=1), job("gpu too", gpus=1), *quick[1:])
    place = next(each.place for each in world.workers if each.place.claim is None)
    assert len(place.sent) > 10
    assert running(world)[0] == "gpu"


# -- random histories


class Shares:
    """The claims of all that runs at each instant, counted from the jobs alone."""

    def __init__(self, world: World):
        self._world = world
        self.most = 0

    def check(self) -> None:
        used: Counter[int] = Counter()
        cpus = 0
        for worker in self._world.workers:
            sent = worker.running
            if sent is None:
                continue
            needs = sent.job.needs
            cpus += WHOLE if needs is None or needs.cpus is None else needs.cpus
            for _, amount in needs.devices if needs is not None else ():
                ((_, devices),) = worker.place.binding
                assert len(devices) == max(1, amount // WHOLE)
                for device in devices:
                    used[device] += min(amount, WHOLE)
        assert not used or max(used.values()) <= WHOLE
        assert cpus <= 16 * WHOLE
        self.most = max(self.most, sum(used.values()))


def draw(chooser: random.Random, name: str) -> Job:
    gpus = chooser.choice([None, 1, 1, 2, 0.5, 8])
    cpus = chooser.choice([None, None, 4])
    asked = {key: value for key, value in (("gpus", gpus), ("cpus", cpus)) if value is not None}
    return job(name, **asked)


def play(seed: int, tasks: int) -> tuple[int, Shares]:
    """Run so many random tasks, some of whose processes die. Return how many have ended."""
    chooser = random.Random(seed)
    world = world_of(places=16, cpus=16, gpus=DEVICES)
    shares = Shares(world)
    made = ended = 0
    while made < tasks or world.ready:
        if made < tasks and len(world.ready) < 40:
            many = min(chooser.randint(1, 40), tasks - made)
            world.submit([draw(chooser, f"job {made + n}") for n in range(many)])
            made += many
        for worker in list(world.workers):
            if worker.retired and worker.running is None:
                world.die(worker)
            elif worker.running is None and worker.jobs:
                world.begin(worker)
        shares.check()
        busy = [worker for worker in world.workers if worker.running is not None]
        assert busy or any(worker.jobs for worker in world.workers), "jobs wait, and nothing runs"
        for worker in chooser.sample(busy, chooser.randint(min(1, len(busy)), len(busy))):
            if chooser.randint(0, 99) == 0:
                world.die(worker)
                continue
            world.end(worker, well=chooser.randint(0, 9) > 0)
            while worker.reports:
                world.arrive(worker)
        over = [name for name, ready in world.ready.items() if ready.outcomes]
        for name in over:
            del world.ready[name]
        ended += len(over)
    return ended, shares


@pytest.mark.parametrize("seed", range(examples(20)))
def test_no_device_is_over_its_share_and_every_job_ends(seed):
    assert play(seed, tasks=300)[0] == 300


def test_ten_thousand_tasks_on_eight_devices():
    ended, shares = play(1, TASKS)
    assert ended == TASKS
    assert shares.most == DEVICES * WHOLE  # all were in use at once
