"""``Retry`` and ``TaskOptions``: how a class runs, which is no parameter."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

import alexflow
from alexflow import MemoryStorage, Retry, Task, TaskOptions
from alexflow.errors import DefinitionError


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Retry(-1), "Retry.count must be a whole number of at least 0, not -1"),
        (lambda: Retry(1.5), "Retry.count must be a whole number of at least 0, not 1.5"),
        (lambda: Retry(True), "Retry.count must be a whole number of at least 0, not True"),
        (lambda: Retry(None), "Retry.count must be a whole number of at least 0, not None"),
        (lambda: Retry(1, delay=-1), "Retry.delay must be a number of seconds of at least 0, not -1"),
        (lambda: Retry(1, delay="1 s"), "Retry.delay must be a number of seconds of at least 0, not '1 s'"),
        (lambda: Retry(1, delay=float("nan")), "Retry.delay must be a number of seconds of at least 0, not nan"),
        (lambda: Retry(1, delay=float("inf")), "Retry.delay must be a number of seconds of at least 0, not inf"),
        (lambda: Retry(1, jitter=1.1), "Retry.jitter must be a number between 0 and 1, not 1.1"),
        (lambda: Retry(1, jitter=-0.1), "Retry.jitter must be a number between 0 and 1, not -0.1"),
        (lambda: Retry(1, jitter=True), "Retry.jitter must be a number between 0 and 1, not True"),
        (lambda: Retry(1, on="OSError"), "Retry.on must be exception classes, such as (OSError,), not 'OSError'"),
        (lambda: Retry(1, on=(int,)), "Retry.on must be exception classes, such as (OSError,), not (<class 'int'>,)"),
        (lambda: Retry(1, on=(OSError(),)), "Retry.on must be exception classes, such as (OSError,), not (OSError(),)"),
        (lambda: Retry(1, not_on=None), "Retry.not_on must be exception classes, such as (OSError,), not None"),
        (
            lambda: TaskOptions(executor="on gpu"),
            "TaskOptions.executor must be 'process', 'thread' or 'loop', "
            "or another name that the engine has for one, not 'on gpu'",
        ),
        (lambda: TaskOptions(timeout=-1), "TaskOptions.timeout must be a number of seconds above 0, not -1"),
        (lambda: TaskOptions(timeout=0), "TaskOptions.timeout must be a number of seconds above 0, not 0"),
        (lambda: TaskOptions(timeout="1 s"), "TaskOptions.timeout must be a number of seconds above 0, not '1 s'"),
        (lambda: TaskOptions(timeout=True), "TaskOptions.timeout must be a number of seconds above 0, not True"),
    ],
)
def test_what_cannot_be_meant(make: Any, said: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        make()
    assert str(caught.value) == said


def test_they_are_values() -> None:
    assert Retry(3, on=OSError) == Retry(3, on=(OSError,)) == Retry(3, on=[OSError])  # type: ignore[arg-type]
    assert hash(Retry(3)) == hash(Retry(3, delay=1.0, jitter=0.0))
    assert pickle.loads(pickle.dumps(Retry(3, on=(OSError,)))) == Retry(3, on=(OSError,))
    assert pickle.loads(pickle.dumps(TaskOptions(timeout=2))) == TaskOptions(timeout=2)


@pytest.mark.parametrize("name", ["options", "retry"])
def test_they_are_no_fields(name: str) -> None:
    @dataclass(frozen=True)
    class Wrong(Task):
        __annotations__ = {name: "object"}
        locals()[name] = None

    with pytest.raises(DefinitionError) as caught:
        Wrong()
    assert str(caught.value).endswith(
        f"Wrong.{name} is a field, but alexflow uses the name '{name}' itself; declare it as a class variable, "
        f"{name}: ClassVar = …, or as a property where tasks differ"
    )


def test_the_ids_do_not_depend_on_them() -> None:
    @dataclass(frozen=True)
    class Work(Task):
        n: int = 0

    before = Work().task_id
    Work.retry = Retry(9)
    Work.options = TaskOptions(timeout=9)
    assert Work(0).task_id == before


@dataclass(frozen=True)
class Ordinary(Task):
    """Parameters that are called as the engine's options are."""

    retries: int
    retry_delay: str
    timeout: tuple[int, ...] = ()
    executor: str = "of a will"
    priority: str = "low"
    code: str = "1234"

    async def run(self, input: None, output: None) -> None:  # type: ignore[override]
        assert self.executor == "of a will"


def test_names_of_the_engines_options_are_free() -> None:
    task = Ordinary(-1, "soon", timeout=(1, 2))
    assert task.task_id != Ordinary(-2, "soon", timeout=(1, 2)).task_id
    assert task.task_id != Ordinary(-1, "soon").task_id
    assert alexflow.run(task, storage=MemoryStorage()).ran == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("retry", 3, "Wrong.retry must be a Retry, such as Retry(3), not 3"),
        ("options", None, "Wrong.options must be a TaskOptions, as TaskOptions(timeout=60), not None"),
        ("options", "thread", "Wrong.options must be a TaskOptions, as TaskOptions(timeout=60), not 'thread'"),
    ],
)
def test_something_else(name: str, value: Any, said: str) -> None:
    @dataclass(frozen=True)
    class Wrong(Task):
        async def run(self, input: None, output: None) -> None:  # type: ignore[override]
            raise AssertionError("it is not run")

    setattr(Wrong, name, value)
    with pytest.raises(DefinitionError, match=r"Wrong\.") as caught:
        alexflow.run(Wrong(), storage=MemoryStorage())
    assert str(caught.value).endswith(said)


def test_a_subclass_replaces_the_options_of_its_base() -> None:
    class Base(Task):
        options: ClassVar[TaskOptions] = TaskOptions(executor="thread", timeout=5)

    class Derived(Base):
        options: ClassVar[TaskOptions] = TaskOptions(timeout=7)

    assert Derived().options.executor is None
