"""Targets of all kinds, and the shapes in which they are given back."""

from __future__ import annotations

import asyncio

import pytest

import alexflow
from alexflow import Engine, LocalStorage, MemoryStorage, Output, Workflow
from alexflow.errors import DefinitionError
from tests.engine.workflows import Pair, ProcessStep, Step, Tree

pytestmark = pytest.mark.anyio


async def values(tree):
    if isinstance(tree, dict):
        return {name: await values(part) for name, part in tree.items()}
    if isinstance(tree, Pair):
        return Pair(*[await values(part) for part in tree])
    if isinstance(tree, list | tuple):
        return type(tree)([await values(part) for part in tree])
    return None if tree is None else await tree.aload()


TREE = {"list": ["a", ("b", None)], "pair": Pair("c", "d"), "none": None}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Step(1), 1),
        (Step(1).output(), 1),
        (Tree(), TREE),
        (Tree().output(), TREE),
        (Tree().output()["pair"], Pair("c", "d")),
        ([Step(1), Step(2)], [1, 2]),
        ([Step(1), Step(1)], [1, 1]),
        ((Step(1), Step(2).output()), (1, 2)),
        ({"one": Step(1), "more": [Step(2), {"tree": Tree()}]}, {"one": 1, "more": [2, {"tree": TREE}]}),
        ([Step(3, (Step(1).output(),)), Step(1)], [4, 1]),
        (Workflow({"a": Step(1)}, {"b": Step(2).output(), "c": [Tree().output()]}), {"a": 1, "b": 2, "c": [TREE]}),
        ([], []),
    ],
    ids=lambda target: type(target).__name__,
)
async def test_every_kind(target, expected):
    result = await alexflow.arun(target, storage=MemoryStorage())
    assert result.ok
    assert await values(result.output) == expected


async def test_a_workflow_is_run_whole_where_a_task_and_an_artifact_share_a_name(ran):
    workflow = Workflow({"model": Step(1)}, {"model": Step(2).output()})
    result = await alexflow.arun(workflow, storage=MemoryStorage())
    assert sorted(ran) == ["step-1", "step-2"]
    assert await values(result.output) == {"model": 2}


async def test_a_workflow_brings_its_storage(place, tmp_path):
    storage = await asyncio.to_thread(LocalStorage, place)
    workflow = Workflow({"a": Step(1)}, storage=storage)
    result = await alexflow.arun(workflow)
    assert result.output["a"].storage == storage
    other = await alexflow.arun(workflow, storage=str(tmp_path / "other"))
    assert other.output["a"].storage != storage
    assert (result.ran, other.ran) == (1, 1)


async def test_outputs_of_tasks_that_are_described_twice():
    first, second = Step(1), Step(1)
    result = await alexflow.arun([first, second.output()], storage=MemoryStorage())
    assert result.ran == 1


async def test_thousands_at_once_while_others_come_and_go(ran):
    """Targets are entered in several turns of the loop; another run that ends meanwhile must not disturb them."""
    async with Engine(MemoryStorage()) as engine:

        async def small():
            for n in range(50):
                await engine.run(Step(10_000 + n))

        large = [Step(n) for n in range(3_000)]
        outputs = [Step(n).output() for n in range(20_000, 23_000)]
        done = await asyncio.gather(small(), engine.run(large), small(), engine.run(outputs), small())
        assert done[1].ran == done[3].ran == 3_000
    assert len(ran) == len(set(ran)) == 6_050


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Step, "Step is a class; run an instance of it: Step(...)"),
        ([Step(1), Tree], "Tree is a class; run an instance of it: Tree(...)"),
        (
            7,
            "an object of type int is no target; give a task, an output, a list, tuple or dict of those, or a Workflow",
        ),
        (
            {Step(1)},
            "an object of type set is no target; give a task",
        ),
        ((Step(n) for n in range(2)), "an object of type generator is no target; give a task, an output"),
        (None, "None is no target; did the function that makes the target forget to return it?"),
        ([None, None], "None (target[1]) is no target; did the function"),
        ([Step(1), None], "None (target[1]) is no target; did the function"),
        ({"a": [Step(1)], "b": {"c": (None,)}}, "None (target['b']['c'][0]) is no target; did the function"),
        (Workflow({"a": None}), "None (tasks['a']) is no target; did the function"),
        ([Step(1).output, Step(1)], "Step.output is a method; run the task itself, or call the method: Step.output()"),
    ],
    ids=lambda value: "",
)
async def test_what_cannot_be_run(target, said, ran):
    with pytest.raises(DefinitionError) as caught:
        await alexflow.arun(target, storage=MemoryStorage())
    assert str(caught.value).startswith(said)
    assert ran == []


async def test_outputs_are_bound_to_the_storage(place):
    async with Engine(place, workers=1) as engine:
        result = await engine.run([ProcessStep(1), Step(2)])
        assert all(isinstance(output, Output) for output in result.output)
        assert [output.storage for output in result.output] == [engine.storage] * 2
        assert await engine.load(ProcessStep(1).output()) == 1
