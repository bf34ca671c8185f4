"""Settings that are written as class variables, where they would do nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import pytest

from alexflow import ResourceSpec, Retry, Task, TaskOptions
from alexflow.errors import DefinitionError


def defined(**members: object) -> type[Task]:
    return dataclass(frozen=True)(type("Train", (Task,), {"__module__": __name__, **members}))


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("timeout", 3, "options = TaskOptions(timeout=3)"),
        ("executor", "thread", "options = TaskOptions(executor='thread')"),
        ("priority", 7, "options = TaskOptions(priority=7)"),
        ("retries", 2, "retry = Retry(2)"),
        ("retry_delay", 1.5, "retry = Retry(…, delay=1.5)"),
    ],
)
def test_they_are_refused_with_what_to_write(name, value, remedy):
    message = f"Train.{name} = {value!r} has no effect; write {remedy}, or, if your own code reads it, {name}: ClassVar"
    with pytest.raises(DefinitionError, match=re.escape(message)):
        _ = defined(**{name: value})().task_id


def test_also_those_of_a_base():
    base = defined(timeout=3)
    derived = dataclass(frozen=True)(type("Derived", (base,), {"__module__": __name__}))
    with pytest.raises(DefinitionError, match=r"Train\.timeout = 3 has no effect"):
        _ = derived().task_id


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("resources", ResourceSpec(cpus=2), "resource_spec"),
        ("retries", Retry(3), "retry"),
        ("option", TaskOptions(timeout=3), "options"),
    ],
)
def test_under_another_name_they_are_refused_with_the_right_one(name, value, place):
    kind = type(value).__name__
    message = f"Train.{name} is a {kind} and has no effect under this name; write {place} = {kind}(…), or, if your own"
    with pytest.raises(DefinitionError, match=re.escape(message)):
        _ = defined(**{name: value})().task_id
    assert defined(**{name: value, place: value})().task_id  # which the class may have chosen from several


class Client:
    timeout = 3


@dataclass(frozen=True)
class Fetch(Client, Task):
    executor: str = "a parameter"
    retries: ClassVar[int] = 3

    @property
    def priority(self) -> int:
        return 1


def test_constants_of_ones_own_and_parameters_are_not():
    assert Fetch().task_id
    assert (Fetch().timeout, Fetch().retries) == (3, 3)
