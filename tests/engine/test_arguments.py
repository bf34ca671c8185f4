"""Arguments that cannot be meant."""

from __future__ import annotations

import pytest

import alexflow
from alexflow import Engine, MemoryStorage
from alexflow.errors import DefinitionError, UnknownStorage
from tests.engine.workflows import Step


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"workers": 0}, "workers must be a whole number of at least 1, not 0"),
        ({"workers": 1.5}, "workers must be a whole number of at least 1, not 1.5"),
        ({"max_concurrency": -1}, "max_concurrency must be a whole number of at least 1, not -1"),
        ({"resources": {"gpu": 0}}, "resources['gpu'] must be a whole number of at least 1, not 0"),
        ({"resources": {"gpu": "two"}}, "resources['gpu'] must be a whole number of at least 1, not 'two'"),
        ({"executor": "loop"}, "executor must be 'process' or 'thread', not 'loop'"),
        ({"retry": 3}, "retry must be a Retry, such as Retry(3), not 3"),
        ({"timeout": -1}, "timeout must be a number of seconds, not -1"),
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
        (7, "a storage is a Storage or a path, not int"),
        (MemoryStorage, "a storage is a Storage or a path, not "),
        ("nowhere://bucket", "nowhere"),
    ],
)
def test_of_a_storage(storage, said):
    with pytest.raises(UnknownStorage) as caught:
        Engine(storage)
    assert said in str(caught.value)


def test_unknown_ones():
    with pytest.raises(TypeError, match="worker"):
        alexflow.run(Step(1), storage=MemoryStorage(), worker=1)
