"""34: what a hook of a user's class raises fails that task, or that request, within a second; others never notice.

Every hook, every kind of exception and every executor: tests/hooks/test_matrix.py.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from alexflow import DynamicTask, Engine, JSONOutput, Task, TaskOptions
from alexflow.errors import HookError, RunFailed, TaskFailed

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

KINDS = [ValueError, StopIteration, GeneratorExit, KeyboardInterrupt, SystemExit, asyncio.CancelledError]

#: Seconds within which a request must end that cannot go well.
SOON = 10


@dataclass(frozen=True)
class Stores(Task):
    n: int

    def output(self):
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input, output):
        output.store(self.n)


@dataclass(frozen=True)
class Raises(Stores):
    """Its ``run`` raises, and is not all that does."""

    kind: str = "ValueError"
    text: str = "what run raised"

    def __repr__(self) -> str:
        raise SystemExit(self.n)

    def run(self, input, output):
        raise kind_of(self.kind)(self.text)


@dataclass(frozen=True)
class RaisesOnLoop(Raises):
    async def run(self, input, output):
        raise kind_of(self.kind)(self.text)


@dataclass(frozen=True)
class RaisesInThread(Raises):
    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class RaisesInGenerate(DynamicTask):
    kind: str

    def __repr__(self) -> str:
        raise SystemExit(3)

    def generate(self, input, output):
        raise kind_of(self.kind)("what run raised")


@dataclass(frozen=True)
class RaisesWhenAsked(Stores):
    hook: str = "input"
    kind: str = "ValueError"

    def input(self):
        self._reach("input")

    def output(self):
        self._reach("output")
        return super().output()

    @property
    def tags(self):
        self._reach("tags")
        return set()

    def _reach(self, hook: str) -> None:
        if hook == self.hook:
            raise kind_of(self.kind)("what the hook raised")


class Unsendable:
    """Raises where it is pickled."""

    def __init__(self, kind: str):
        self.kind = kind

    def __reduce__(self):
        raise kind_of(self.kind)("what the hook raised")


@dataclass(frozen=True)
class Sends(Stores):
    value: Any = field(default=None, compare=False)


def kind_of(name: str) -> type[BaseException]:
    return next(kind for kind in KINDS if kind.__name__ == name)


@pytest.fixture
async def engine(tmp_path):
    async with Engine(tmp_path / "results", workers=1) as engine:
        yield engine


async def soon(work):
    async with asyncio.timeout(SOON):
        return await work


@pytest.mark.parametrize("cls", [Raises, RaisesOnLoop, RaisesInThread, RaisesInGenerate])
async def test_what_run_raises_fails_the_task_whatever_its_repr_does(engine, cls):
    for n, kind in enumerate(KINDS):
        task = cls(kind.__name__) if cls is RaisesInGenerate else cls(1, kind.__name__)
        neighbour = asyncio.create_task(engine.load(Stores(2 * n).output()))
        with pytest.raises(RunFailed) as caught:
            await soon(engine.run(task))
        (error,) = caught.value.exceptions
        assert type(error) is TaskFailed
        assert error.task_id == task.task_id
        assert error.error_type.endswith(kind.__name__)
        assert error.error_message == "what run raised"
        assert "its repr() raised SystemExit" in error.summary
        assert await soon(neighbour) == 2 * n
        assert await soon(engine.load(Stores(2 * n + 1).output())) == 2 * n + 1


@pytest.mark.parametrize("hook", ["input", "output", "tags"])
async def test_what_a_hook_raises_fails_the_request(engine, hook):
    for n, kind in enumerate(KINDS):
        neighbour = asyncio.create_task(engine.load(Stores(2 * n).output()))
        with pytest.raises(HookError) as caught:
            await soon(engine.run(RaisesWhenAsked(1, hook, kind.__name__)))
        assert f"RaisesWhenAsked.{hook}" in str(caught.value)
        assert f"{kind.__name__}: what the hook raised" in str(caught.value)
        assert type(caught.value.__cause__) is kind
        assert await soon(neighbour) == 2 * n
        assert await soon(engine.load(Stores(2 * n + 1).output())) == 2 * n + 1


async def test_what_pickling_raises_fails_the_task(engine):
    for n, kind in enumerate(KINDS):
        with pytest.raises(RunFailed) as caught:
            await soon(engine.run(Sends(-1 - n, Unsendable(kind.__name__))))
        (error,) = caught.value.exceptions
        assert "Sends.value cannot be sent to a worker process" in error.message
        assert "what the hook raised" in error.message
        assert await soon(engine.load(Stores(n).output())) == n
