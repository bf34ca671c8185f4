"""Arguments that cannot be meant."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import alexflow
from alexflow import Engine, MemoryStorage, Workflow, open_storage
from alexflow.errors import DefinitionError, UnknownStorage
from tests.engine.workflows import Step


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
        ({"retry": 3}, "retry must be a Retry, such as Retry(3), not 3"),
        ({"timeout": -1}, "timeout must be a number of seconds, not -1"),
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
    with pytest.raises(DefinitionError, match=r"limits must be a dict .* such as \{'gpu': 1\}, not a set"):
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
        ([7], "load takes an output, not an int"),
        ("step", "load takes an output, not a str"),
    ],
    ids=["task", "list", "text"],
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
