"""Arguments that cannot be meant."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

import alexflow
from alexflow import Engine, MemoryStorage, Task, Workflow, open_storage
from alexflow.errors import DefinitionError, UnknownStorage
from alexflow.formats import TextOutput
from alexflow.limits import Queue
from tests.engine.workflows import Step


@dataclass(frozen=True)
class Words(Task):
    number: int

    def output(self):
        return self.build_output(TextOutput, key="words.txt")

    async def run(self, input, output):
        for _ in range(self.number):
            await output.aappend("word ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"workers": 0}, "workers must be a whole number of at least 1, not 0"),
        ({"workers": 1.5}, "workers must be a whole number of at least 1, not 1.5"),
        ({"max_concurrency": -1}, "max_concurrency must be a whole number of at least 1, not -1"),
        ({"record": 5}, "record must be True or False, not 5"),
        ({"limits": {"gpu": 0}}, "limits['gpu'] must be a whole number of at least 1, not 0"),
        ({"limits": {"gpu": "two"}}, "limits['gpu'] must be a whole number of at least 1, or a RateLimit, not 'two'"),
        (
            {"executor": "loop"},
            "executor must be 'process' or 'thread', a URL such as 'dask://host:8786', or an Executor, not 'loop'",
        ),
        ({"limits": {1: 2}}, "limits has the tag 1; a tag is a text, such as 'gpu'"),
        ({"limits": {"": 2}}, "limits has the tag ''; a tag is a text, such as 'gpu'"),
        ({"retry": 3}, "retry must be a Retry, such as Retry(3), not 3"),
        ({"timeout": -1}, "timeout must be a number of seconds above 0, not -1"),
        ({"timeout": 0}, "timeout must be a number of seconds above 0, not 0"),
        ({"timeout": True}, "timeout must be a number of seconds above 0, not True"),
        ({"echo": "yes"}, "echo must be True or False, not 'yes'"),
        ({"on_error": "ignore"}, "on_error must be 'stop' or 'continue', not 'ignore'"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_of_an_engine(arguments, said):
    with pytest.raises(DefinitionError) as caught:
        alexflow.run(Step(1), storage=MemoryStorage(), **arguments)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        ("", "the storage path is empty; name a directory"),
        ("re\0sults", "has a NUL, which no path has"),
        ("re\ud800sults", "has a surrogate, which no path has"),
        (7, "a storage is a Storage or a path, not int"),
        (MemoryStorage, "a storage is a Storage or a path, not "),
        ("nowhere://bucket", "nowhere"),
        ("~/results", "begins with ~, which only a shell expands; write os.path.expanduser('~/results')"),
        ("~ann/results", "begins with ~, which only a shell expands"),
        ("s3:/bucket/prefix", "lacks a slash; write 's3://bucket/prefix'"),
        ("s3:bucket", "lacks a slash; write 's3://bucket'"),
        ("file:/tmp/results", "lacks a slash; write 'file:///tmp/results'"),
        ("simplecache::file:///x", "a URL that chains file systems of fsspec, here 'simplecache' and what follows"),
        ("simplecache::file:/x", "chains file systems"),
        ("simplecache::/x", "chains file systems"),
        ("filecache::s3:bucket", "chains file systems"),
        ("zip://a.zip::s3://bucket/prefix", "chains file systems of fsspec, here 'zip'"),
        ("simplecache::zip://a.zip::file:///x", "chains file systems"),
    ],
)
def test_of_a_storage(storage, said):
    with pytest.raises(UnknownStorage) as caught:
        Engine(storage)
    assert said in str(caught.value)


def test_a_directory_may_have_a_colon(tmp_path):
    assert Engine(tmp_path / "results:v2").storage is not None
    assert Engine(tmp_path / "results::v2").storage is not None
    assert open_storage("results::v2").base_path.endswith("results::v2")
    assert open_storage("./simplecache::file:///x").base_path.endswith("x")


def test_resources_that_are_no_dict():
    with pytest.raises(DefinitionError, match=r"limits must be a dict .* such as \{'gpu': 1\}, not \{'gpu'\}"):
        alexflow.run(Step(1), storage=MemoryStorage(), limits={"gpu"})


@pytest.mark.parametrize("named", ["Step", ["Step"], [Step(1), None], 7], ids=repr)
def test_force_that_names_nothing(named):
    with pytest.raises(DefinitionError, match="force takes tasks, task classes or outputs, or True"):
        alexflow.run(Step(1), storage=MemoryStorage(), force=named)


async def load(what):
    async with Engine(MemoryStorage()) as engine:
        return await engine.load(what)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (Step(1), "load takes an output, not a Step; load(Step(…).output())"),
        (Step, "load takes an output, not the class Step; load(Step(…).output())"),
        ([7], "load takes an output, not an int"),
        ("step", "load takes an output, not a str"),
    ],
    ids=["task", "class", "list", "text"],
)
def test_of_load(what, said):
    with pytest.raises(DefinitionError) as caught:
        asyncio.run(load(what))
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("name", "value"), [("tasks", [Step(1)]), ("artifacts", [Step(1).output()]), ("tasks", Step(1))]
)
def test_of_a_workflow(name, value):
    with pytest.raises(DefinitionError, match=f"Workflow.{name} must be a dict by name, not a {type(value).__name__}"):
        Workflow(**{"tasks": {}, name: value})


@pytest.mark.parametrize("storage", ["results", Path("results")])
def test_of_assign_storage(storage):
    with pytest.raises(DefinitionError, match=r"write assign_storage\(open_storage\('results'\)\)"):
        Step(1).output().assign_storage(storage)


def test_unknown_ones():
    with pytest.raises(TypeError, match="worker"):
        alexflow.run(Step(1), storage=MemoryStorage(), worker=1)


@pytest.mark.parametrize("places", [{"process": 2}, {"thread": 3}, {"loop": 5}], ids=repr)
def test_a_reserve_that_leaves_no_place(places):
    """Tasks of a priority below 0 would never run, and nothing would say so."""
    with pytest.raises(DefinitionError, match="tasks of a priority below 0 would never run; reserve fewer"):
        Engine(MemoryStorage(), workers=2, max_concurrency=5, queue=Queue(reserve=places))
    fewer = {name: count - 1 if name != "thread" else 1 for name, count in places.items()}
    Engine(MemoryStorage(), workers=2, max_concurrency=5, queue=Queue(reserve=fewer))


WRONG_REQUESTS = [
    ({"attributes": 3}, "attributes must be a dict"),
    ({"priority": "high"}, "priority must be a whole number"),
    ({"fairness_key": None}, "fairness_key must be a text"),
    ({"max_wait": "1"}, "max_wait must be a number of seconds"),
    ({"max_wait": True}, "max_wait must be a number of seconds"),
    ({"prority": 1}, "unexpected keyword argument 'prority'"),
]


@pytest.mark.parametrize(("request_keywords", "said"), WRONG_REQUESTS, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize("function", ["load", "run", "map", "stream"])
def test_of_a_request_for_what_exists(request_keywords, said, function):
    """Nothing is asked for before they are checked, and the engine serves others."""

    async def ask(engine, output):
        if function in ("load", "run"):
            await getattr(engine, function)(output, **request_keywords)
        else:
            target = [output] if function == "map" else output
            [one async for one in getattr(engine, function)(target, **request_keywords)]

    async def asked():
        async with Engine(MemoryStorage()) as engine:
            output = Words(3).output()
            await engine.load(output)
            with pytest.raises((DefinitionError, TypeError), match=said):
                await ask(engine, output)
            assert engine.healthy
            assert await engine.load(Words(4).output()) == "word " * 4

    asyncio.run(asked())


def test_of_other_methods():
    async def asked():
        async with Engine(MemoryStorage()) as engine:
            with pytest.raises(DefinitionError, match="timeout must be a number of seconds, not '20'"):
                await engine.drain("20")
            for tasks in (Step, Step(1), "Step", None):
                with pytest.raises(DefinitionError, match="start_workers takes a list of classes of tasks, not "):
                    await engine.start_workers(tasks)
            with pytest.raises(DefinitionError, match="downstream must be True or False, not 'yes'"):
                await engine.invalidate(Step(1), downstream="yes")
            with pytest.raises(DefinitionError, match=r"stream takes an output, not a Words; stream\(Words"):
                engine.stream(Words(1))
            with pytest.raises(DefinitionError, match="ordered must be True or False, not 1"):
                engine.map(Step, [1], ordered=1)
            with pytest.raises(DefinitionError, match=r"not <class .*; map\(Step, items\)"):
                engine.map(Step)
            assert (await engine.run(Step(1))).ran == 1

    asyncio.run(asked())
