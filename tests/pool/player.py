"""Everything that can happen to a pool, in any order: each action is possible or does nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from alexflow.executors.process.machine import BLOCKED_AFTER, PoolMachine
from alexflow.executors.recycle import Recycle
from tests.pool.invariants import Broken
from tests.pool.world import Worker, World

T = TypeVar("T")

KEYS = ("quick", "slow", "new")

#: Rounds in which a world that is left alone has to come to its end: more than all jobs of a test.
PATIENCE = 2000


class Chooser(Protocol):
    """Makes decisions."""

    def choice(self, items: Sequence[T], /) -> T: ...

    def randint(self, low: int, high: int, /) -> int: ...


class Player:
    """Lets things happen in a world.

    Args:
        chooser: decides about the details.
        make: makes the machine.
    """

    def __init__(self, chooser: Chooser, make: type[PoolMachine] = PoolMachine):
        self.chooser = chooser
        recycle = chooser.choice([None, None, Recycle(tasks=3), Recycle(seconds=0.05)])
        self.world = World(chooser.randint(1, 4), recycle, make)
        self.jobs = 0
        self.last_links: list[str] = []
        self.actions: list[Callable[[], None]] = [
            *[self.submit] * 3,
            *[self.begin] * 8,
            *[self.end] * 8,
            *[self.arrive] * 8,
            *[self.give_back] * 3,
            *[self.make_ready] * 4,
            *[self.extend_chain] * 4,
            *[self.fail] * 3,
            self.report,
            self.cancel,
            self.forget,
            self.die,
            self.exceed,
            self.expire,
            *[self.be_late] * 2,
            self.pass_moment,
            self.tick,
            self.replace_all,
            self.refuse,
        ]

    def _worker(self, can: Callable[[Worker], Any]) -> Worker | None:
        workers = [worker for worker in self.world.workers if can(worker)]
        return self.chooser.choice(workers) if workers else None

    # -- jobs

    def submit(self) -> None:
        many = self.chooser.choice([1, 1, 2, 5, 20])
        jobs = []
        for _ in range(many):
            self.jobs += 1
            name = f"{self.chooser.choice(KEYS)}-{self.jobs}"
            jobs.append(self.world.job(name, name.partition("-")[0], self.chooser.choice([None, None, None, 1.0])))
            if self.chooser.randint(0, 29) == 0:
                self.world.cannot_travel.add(name)
            if self.chooser.randint(0, 2) == 0:
                self.last_links.append(name)
        self.world.submit(jobs)

    def extend_chain(self) -> None:
        """Let some more jobs come after one."""
        if self.last_links:
            before = self.last_links.pop()
            for _ in range(self.chooser.randint(1, 6)):
                self.jobs += 1
                name = f"quick-{self.jobs}"
                self.world.successors[before] = self.world.job(name)
                before = name
            self.last_links.append(before)

    def make_ready(self) -> None:
        """Let a job become ready whose predecessor is done, as the scheduler would."""
        done = [name for name in self.world.successors if self._is_done(name)]
        if done:
            job = self.world.successors.pop(self.chooser.choice(done))
            replaces = self.chooser.randint(0, 9) == 0
            self.world.submit([self.world.job(job.task_id, "quick", replace=replaces)])

    def _is_done(self, name: str) -> bool:
        ready = self.world.ready.get(name)
        return ready is not None and bool(ready.outcomes)

    def cancel(self) -> None:
        if self.world.open:
            self.world.cancel({self.chooser.choice(self.world.open) for _ in range(self.chooser.randint(1, 3))})

    def forget(self) -> None:
        speculative = [job.task_id for job in self.world.machine.speculative_jobs()]
        if speculative:
            self.world.forget([self.chooser.choice(speculative)])

    # -- workers

    def begin(self) -> None:
        worker = self._worker(lambda worker: worker.running is None and worker.jobs)
        if worker is not None:
            self.world.begin(worker)

    def end(self) -> None:
        worker = self._worker(lambda worker: worker.running is not None)
        if worker is not None:
            self.world.now += self.chooser.choice([0.0, 0.001, 0.01])
            self.world.end(worker)

    def fail(self) -> None:
        worker = self._worker(lambda worker: worker.running is not None)
        if worker is not None:
            self.world.end(worker, well=False)

    def report(self) -> None:
        worker = self._worker(lambda worker: worker.done)
        if worker is not None:
            worker.report()

    def give_back(self) -> None:
        worker = self._worker(lambda worker: worker.revoking)
        if worker is not None:
            worker.give_back()

    def arrive(self) -> None:
        worker = self._worker(lambda worker: worker.reports)
        if worker is not None:
            self.world.arrive(worker)

    def die(self) -> None:
        worker = self._worker(lambda worker: True)
        if worker is not None:
            self.world.die(worker)

    def exceed(self) -> None:
        worker = self._worker(lambda worker: not worker.place.is_leaving)
        if worker is not None:
            self.world.machine.exceeded(worker.place)
            self.world.machine.reported([worker.place])
            self.world.go_on()

    def expire(self) -> None:
        worker = self._worker(lambda worker: worker.running is not None and not worker.place.is_leaving)
        if worker is not None and worker.running is not None and worker.running.job.timeout is not None:
            self.world.machine.out_of_time(worker.running)
            self.world.go_on()

    def be_late(self) -> None:
        worker = self._worker(lambda worker: worker.place.stopped and not worker.place.is_leaving)
        if worker is not None:
            self.world.is_late(worker)

    # -- the pool

    def pass_moment(self) -> None:
        self.world.pass_moment()

    def tick(self) -> None:
        self.world.now += BLOCKED_AFTER * 1.5
        self.world.machine.tick()
        self.world.go_on()

    def replace_all(self) -> None:
        self.world.machine.replace(self.world.machine.roster.places)
        self.world.go_on()

    def refuse(self) -> None:
        """Let the system refuse further workers for a while."""
        self.world.refuses_to_start = not self.world.refuses_to_start

    # -- the end

    def finish(self) -> None:
        """Let nothing go wrong any more, and check that all jobs come to their end."""
        world = self.world
        world.refuses_to_start = False
        for _ in range(PATIENCE):
            if not world.open:
                return
            moved = self._work_of_one_round()
            if not moved:
                world.machine.start_for(len(world.source.queue))
                world.go_on()
                world.machine.feed()
                world.go_on()
                if not world.workers:
                    break
        if world.open:
            raise Broken(f"{len(world.open)} jobs wait for ever, such as {world.open[0]}")

    def _work_of_one_round(self) -> bool:
        world, moved = self.world, bool(self.world.moments)
        world.pass_moment()
        for worker in list(world.workers):
            if worker.retired and not worker.reports:
                world.die(worker)
            elif worker.reports:
                world.arrive(worker)
            elif worker.revoking:
                worker.give_back()
            elif worker.running is not None:
                world.end(worker)
            elif worker.jobs:
                world.begin(worker)
            else:
                worker.report()
                moved = moved or bool(worker.reports)
                continue
            moved = True
        return moved
