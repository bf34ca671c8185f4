"""``plan``: what a run would start, and nothing else; held against what runs do start."""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import DynamicTask, Engine, JSONOutput, LocalStorage, MemoryStorage, Output, Task, Workflow
from alexflow.errors import CycleError, DefinitionError, IncompatibleStorage
from alexflow.events import TaskStarted
from alexflow.limits import RateLimit
from alexflow.storage import PrefixStorage
from tests.engine.dynamic_tasks import Gives, MadeByOthers
from tests.engine.workflows import ProcessStep, ReadsEphemeral, Step, ran


def planned(plan: Any) -> dict[tuple[str, str], int]:
    return {(group.class_name.rpartition(".")[2], group.reason): group.count for group in plan.run}


async def started(target: Any, storage: Any, force: Any = ()) -> set[str]:
    """The ids of the tasks that a run starts."""
    async with Engine(storage) as engine:
        begun: set[str] = set()
        stop = engine.broadcast.listen(lambda event: begun.add(event.task_id) if type(event) is TaskStarted else None)
        await engine.run(target, force=force)
        stop()
        return begun


@pytest.mark.parametrize("seed", range(20))
def test_a_run_starts_what_was_planned(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    tasks: list[Step] = []
    for n in range(30):
        before = chance.sample(tasks, min(len(tasks), chance.randrange(4)))
        tasks.append(Step(n, tuple(task.output() for task in before)))
    storage = LocalStorage(tmp_path)
    alexflow.run(chance.sample(tasks, 6), storage=storage, progress=False)
    storage.remove_many([task.output().key for task in chance.sample(tasks, 5)])
    targets = [chance.choice([task, task.output()]) for task in chance.sample(tasks, 5)]
    force = chance.choice([(), True])
    plan = alexflow.plan(targets, storage=storage, force=force)
    ids = [task_id for group in plan.run for task_id in group.task_ids]
    assert len(ids) == len(set(ids)) == plan.count
    assert set(ids) == asyncio.run(started(targets, storage, force))


@pytest.mark.anyio
async def test_the_count_of_what_is_there_is_that_of_the_run(tmp_path: Path) -> None:
    first, second = Step(1), Step(2)
    last = Step(3, (first.output(), second.output()))
    await alexflow.arun([first, second], storage=tmp_path)
    plan = await alexflow.aplan(last, storage=tmp_path)
    result = await alexflow.arun(last, storage=tmp_path)
    assert (plan.count, plan.present) == (result.ran, result.cached) == (1, 2)


def test_reasons(tmp_path: Path) -> None:
    first = Step(1)
    second = Step(2, (first.output(),))
    third = Step(3, (second.output(),))
    assert planned(alexflow.plan(third, storage=tmp_path)) == {("Step", "missing"): 1, ("Step", "upstream missing"): 2}
    alexflow.run(third, storage=tmp_path, progress=False)
    assert planned(alexflow.plan(third, storage=tmp_path)) == {}
    assert planned(alexflow.plan(third, storage=tmp_path, force=second)) == {("Step", "forced"): 2}
    assert planned(alexflow.plan(third, storage=tmp_path, force=True)) == {("Step", "forced"): 1}


def test_what_was_found_damaged_is_planned_as_that(tmp_path: Path) -> None:
    task = Step(1)
    storage = LocalStorage(tmp_path)
    alexflow.run(task, storage=storage, progress=False)
    (tmp_path / task.output().key).write_text("rubbish")
    assert len(storage.verify().damaged) == 1
    assert planned(alexflow.plan(task, storage=storage)) == {("Step", "damaged"): 1}


def test_the_quarantine_is_seen_through_a_prefix(tmp_path: Path) -> None:
    storage = PrefixStorage(LocalStorage(tmp_path), "team")
    storage.write("a", b"good")
    LocalStorage(tmp_path).write("other", b"good")
    for name in ("team/a", "other"):
        (tmp_path / name).write_text("rubbish")
    LocalStorage(tmp_path).verify()
    assert list(storage.quarantined()) == ["a"]
    assert sorted(LocalStorage(tmp_path).quarantined()) == ["other", "team/a"]


def test_nothing_runs_and_nothing_is_made(tmp_path: Path) -> None:
    storage = tmp_path / "results"
    plan = alexflow.plan(Step(1), storage=storage)
    assert plan.count == 1
    assert ran == []
    assert not storage.exists()


def test_a_storage_that_cannot_be_written_is_planned_on(tmp_path: Path) -> None:
    class Refuses(LocalStorage):
        def check_writable(self) -> None:
            raise AssertionError("asked")

    assert alexflow.plan(Step(1), storage=Refuses(tmp_path)).count == 1


def test_what_is_upstream_of_what_exists_is_not_looked_at(tmp_path: Path) -> None:
    first = Step(1)
    second = Step(2, (first.output(),))
    alexflow.run(second, storage=tmp_path, progress=False)
    os.unlink(tmp_path / first.output().key)
    plan = alexflow.plan(Step(3, (second.output(),)), storage=tmp_path)
    assert (plan.count, plan.present) == (1, 1)


def test_dynamic_tasks_say_that_they_give_more(tmp_path: Path) -> None:
    plan = alexflow.plan([Gives("list"), MadeByOthers(Step(1).output())], storage=tmp_path)
    assert str(plan).splitlines() == [
        "3 tasks to run, and what they give, 0 are there",
        "  1  tests.engine.dynamic_tasks.Gives         missing, and what it gives",
        "  1  tests.engine.workflows.Step              missing",
        "  1  tests.engine.dynamic_tasks.MadeByOthers  upstream missing, and what it gives",
    ]


@dataclass(frozen=True)
class Counts(DynamicTask):
    counts: tuple[int, ...]

    def generate(self, input: Any, output: Any) -> Any:
        for count in self.counts:
            yield Step(count)


def test_dynamic_tasks_say_how_many_they_gave_the_last_time(tmp_path: Path) -> None:
    three, two = Counts((1, 2, 3)), Counts((1, 4))
    assert alexflow.plan(three, storage=tmp_path).run[0].generated is None
    for task in (three, two):
        alexflow.run(task, storage=tmp_path, progress=False)
    entry = alexflow.open_record(tmp_path).entry(three)
    assert (entry.generated, entry.reason) == (3, "missing")
    plan = alexflow.plan([three, two, Counts((5,))], storage=tmp_path)
    assert plan.run[0].generated == 3 + 2 + 2  # as many as it gave itself, or the newest of its class
    assert str(plan).splitlines()[1].endswith("missing, and what it gives (7 the last time)")


def test_ephemeral_inputs_that_are_gone_are_planned(tmp_path: Path) -> None:
    reader = ReadsEphemeral(1, (Step(1).output(),))
    alexflow.run(reader, storage=tmp_path, progress=False)
    assert alexflow.plan(reader, storage=tmp_path).count == 0
    plan = alexflow.plan(ReadsEphemeral(2, (Step(1).output(),)), storage=tmp_path)
    assert planned(plan) == {("Step", "read and gone"): 1, ("ReadsEphemeral", "upstream missing"): 1}


def test_what_earlier_tasks_took_is_expected(tmp_path: Path) -> None:
    assert alexflow.plan(Step(1), storage=tmp_path).seconds is None
    alexflow.run([Step(1), Step(2)], storage=tmp_path, progress=False)
    record = alexflow.open_record(tmp_path)
    (one,) = alexflow.plan(Step(3), storage=tmp_path).run
    assert one.seconds == pytest.approx(sum(entry.seconds or 0 for entry in record.entries()) / 2)
    assert alexflow.plan([Step(3), Step(4)], storage=tmp_path).seconds == pytest.approx(2 * (one.seconds or 0))
    assert alexflow.plan(Gives("list"), storage=tmp_path).seconds is None


def test_many_tasks(tmp_path: Path) -> None:
    tasks = [Step(n) for n in range(3000)]
    last = Step(0, tuple(task.output() for task in tasks))
    plan = alexflow.plan(last, storage=tmp_path)
    assert planned(plan) == {("Step", "missing"): 3000, ("Step", "upstream missing"): 1}
    assert str(plan).startswith("3,001 tasks to run, 0 are there\n")


def test_as_plain_data(tmp_path: Path) -> None:
    plan = alexflow.plan(Gives("list"), storage=tmp_path)
    (group,) = plan.to_json()["run"]
    assert group == {
        "class": "tests.engine.dynamic_tasks.Gives",
        "count": 1,
        "reason": "missing",
        "dynamic": True,
        "generated": None,
        "seconds": None,
        "bytes": None,
    }
    assert plan.to_json()["present"] == 0


@pytest.mark.anyio
async def test_an_engine_plans_open_or_not(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    assert (await engine.plan(Step(1))).count == 1
    async with engine:
        await engine.run(Step(1))
        assert (await engine.plan(Step(1))).count == 0
        assert (await engine.plan(Step(1), force=True)).count == 1


@pytest.mark.anyio
async def test_under_a_running_loop(tmp_path: Path) -> None:
    await asyncio.sleep(0)
    assert alexflow.plan(Step(1), storage=tmp_path).count == 1


def test_a_workflow_brings_its_storage(tmp_path: Path) -> None:
    workflow = Workflow(storage=LocalStorage(tmp_path), tasks={"one": Step(1)}, artifacts={})
    alexflow.run(workflow, progress=False)
    plan = alexflow.plan(workflow)
    assert (plan.count, plan.present) == (0, 1)


@dataclass(frozen=True)
class Circle(Task):
    n: int

    def input(self) -> Output[int]:
        return Circle(1 - self.n).output()

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: Any, output: Any) -> None: ...


def test_what_a_run_refuses_a_plan_refuses(tmp_path: Path) -> None:
    with pytest.raises(CycleError):
        alexflow.plan(Circle(0), storage=tmp_path)
    with pytest.raises(DefinitionError, match="is a class"):
        alexflow.plan(Step, storage=tmp_path)
    with pytest.raises(IncompatibleStorage):
        alexflow.plan(ProcessStep(1), storage=MemoryStorage())


@dataclass(frozen=True)
class Billed(Step):
    tags = frozenset({"api"})


@pytest.mark.anyio
@pytest.mark.parametrize("cost", [None, lambda task: {"requests": 2}])
async def test_rates_hold_nothing_back(tmp_path: Path, cost: Any) -> None:
    limit = RateLimit(2, per=60.0, cost=cost)
    async with Engine(tmp_path, limits={"api": limit}) as engine:
        plan = await engine.plan([Billed(number) for number in range(5)])
        assert planned(plan) == {("Billed", "missing"): 5}
        await engine.run(Billed(0))
        assert (await engine.plan([Billed(0), Billed(1)])).count == 1
