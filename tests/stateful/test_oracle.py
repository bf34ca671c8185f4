"""One request, answers in random order, and exactly the outcome that a naive recursive description gives."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexflow.scheduler import Scheduler, TaskSpec
from alexflow.scheduler.events import OnError
from tests.stateful.thoroughness import PROFILE
from tests.stateful.world import World


class Oracle:
    """The expected outcome, computed as simply as possible: recursively, with nothing shared with the scheduler."""

    def __init__(self, world: World, bad: set[str]):
        self.world = world
        self.bad = bad
        self.stored = frozenset(world.storage)
        self.outcomes: dict[str, str] = {}

    def key(self, key: str) -> bool:
        return key in self.stored or self.task(self.world.makers[key]) == "done"

    def given(self, task_id: str) -> bool:
        outputs = self.world.jobs[task_id].spec.outputs
        return bool(outputs and self.stored.issuperset(outputs)) or self.task(task_id) == "done"

    def task(self, task_id: str) -> str:
        if task_id not in self.outcomes:
            self.outcomes[task_id] = self._outcome(task_id)
        return self.outcomes[task_id]

    def _outcome(self, task_id: str) -> str:
        job = self.world.jobs[task_id]
        inputs = [self.key(key) for key in job.spec.inputs]  # all of them, also after one that fails
        if not all(inputs):
            return "skipped"
        if task_id in self.bad:
            return "failed"
        given = [self.given(child) for child in job.gives]
        return "done" if all(given) else "skipped"

    def ended(self, how: str) -> set[str]:
        return {task_id for task_id, outcome in self.outcomes.items() if outcome == how}

    def removed(self, targets: set[str]) -> set[str]:
        """Keys that all their readers have used and allow to be removed."""
        readers: dict[str, list[str]] = {}
        for task_id in self.outcomes:
            for key in self.world.jobs[task_id].spec.inputs:
                readers.setdefault(key, []).append(task_id)
        return {
            key
            for key, who in readers.items()
            if key not in targets
            and key not in self.stored  # what was there before stays
            and all(self.outcomes[task_id] == "done" for task_id in who)
            and all(key in self.world.jobs[task_id].spec.ephemeral for task_id in who)
        }


def make_world(random: Random, *, dynamic: bool) -> World:
    scheduler = Scheduler(
        {"gpu": 1, "net": 2}, window=random.choice([1, 2, 50]), steps_per_turn=random.choice([1, 3, 1000])
    )
    world = World(scheduler, places=random.choice([1, 3, 1000]), looks_on=random.choice([False, True]))

    def some(names: list[str], at_most: int) -> tuple[str, ...]:
        return tuple(random.sample(names, min(len(names), random.randint(0, at_most))))

    for number in range(random.randint(1, 14)):
        name = f"t{number}"
        inputs = some(list(world.makers), 3)
        # without outputs it would be done again whenever a dynamic task gives it
        outputs = tuple(f"{name}.{part}" for part in "abc"[: random.randint(1 if dynamic else 0, 3)])
        is_dynamic = dynamic and random.random() < 0.3
        gives = some(list(world.jobs), 4) if is_dynamic else ()
        ephemeral = frozenset() if dynamic else frozenset(some(list(inputs), 3))
        tags = some(["gpu", "net"], 2)
        acyclic = random.random() < 0.8
        world.add(TaskSpec(name, inputs, ephemeral, outputs, tags, is_dynamic, acyclic=acyclic), gives)
    world.storage.update(some(list(world.makers), 4))
    return world


def play(world: World, random: Random, bad: set[str]) -> None:
    """Answer in random order until nothing is active."""
    for _ in range(10_000):
        moves = []
        if world.resuming:
            moves.append(world.resume)
        if world.keys_asked or world.tasks_asked:
            moves.append(lambda: answer_some(world, random))
        if world.running:
            ahead = 0 if bad else random.choice([0, 0, 3])
            moves.append(lambda ahead=ahead: end_one(world, random.choice(list(world.running)), bad, ahead))
        if world.pulling:
            moves.append(lambda: generate(world, random.choice(list(world.pulling)), random, bad))
        if world.closing:
            moves.append(lambda: world.close(random.choice(list(world.closing))))
        if world.cancelling:
            moves.append(lambda: world.end_cancelled(random.choice(list(world.cancelling)), "cancelled"))
        if world.verifying:
            moves.append(lambda: world.verify(random.choice(world.verifying)))
        if not moves:
            return
        random.choice(moves)()
    raise AssertionError("there is no end to it")


def answer_some(world: World, random: Random) -> None:
    keys = [asked for asked in world.keys_asked if random.random() < 0.5]
    tasks = [asked for asked in world.tasks_asked if random.random() < 0.5]
    world.answer(keys, tasks)


def end_one(world: World, task_id: str, bad: set[str], ahead: int) -> None:
    if task_id in bad:
        world.fail(task_id, "error")
    else:
        world.succeed([task_id], ahead)


def generate(world: World, task_id: str, random: Random, bad: set[str]) -> None:
    if task_id in bad:
        world.fail(task_id, "fatal")
    else:
        world.generate(task_id, random.randint(0, 3), hand_on=random.random() < 0.2)


@pytest.mark.parametrize("on_error", ["stop", "continue"])
@pytest.mark.parametrize("dynamic", [False, True])
@settings(PROFILE)
@given(random=st.randoms(use_true_random=False))
def test_one_request(random: Random, dynamic: bool, on_error: OnError) -> None:
    world = make_world(random, dynamic=dynamic)
    bad = {task_id for task_id in world.jobs if random.random() < random.choice([0.0, 0.2])}
    keys = tuple(random.sample(list(world.makers), min(len(world.makers), random.randint(0, 3))))
    tasks = tuple(random.sample(list(world.jobs), random.randint(0, min(2, len(world.jobs)))))

    oracle = Oracle(world, bad)
    went_well = all([*[oracle.key(key) for key in keys], *[oracle.given(task_id) for task_id in tasks]])

    run_id = world.request(keys, tasks, on_error)
    play(world, random, bad)
    world.drain()
    finish = world.requests[run_id].finish
    assert finish is not None
    failures = {name for name, _ in finish.failures}

    if went_well or on_error == "continue":
        assert set(world.ran) == oracle.ended("done")
        assert finish.ran == len(oracle.ended("done"))
        assert failures == oracle.ended("failed")
        assert set(dict(finish.skipped)) == oracle.ended("skipped")
    else:
        assert failures
        assert failures <= oracle.ended("failed")
        assert set(world.ran) <= oracle.ended("done")
    assert (not failures) == went_well
    if not dynamic and (went_well or on_error == "continue"):
        targets = {*keys, *(key for task_id in tasks for key in world.jobs[task_id].spec.outputs)}
        made = {key for task_id in oracle.ended("done") for key in world.jobs[task_id].spec.outputs}
        again = oracle.stored & made  # when one of these is removed depends on when it is made again
        assert world.storage - again == (oracle.stored | made) - oracle.removed(targets) - again
