"""A task may run others from inside its `run`, but not itself: it would wait for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

import alexflow
from alexflow import DynamicTask, Engine, JSONOutput, Task, TaskOptions
from alexflow.errors import GraphError, RunFailed

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


@dataclass(frozen=True)
class Leaf(Task):
    n: int

    def output(self):
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input, output):
        output.store(self.n)


@dataclass(frozen=True)
class Runs(Task):
    """Runs other tasks, or itself, with an engine of its own."""

    place: str
    what: str  # the letters of the tasks that are run, one inside the other

    def output(self):
        return self.build_output(JSONOutput[int], key="n.json")

    def asked(self) -> Task:
        rest = self.what[1:]
        if not rest:
            return Leaf(1)
        if rest[0] == "^":  # the outermost once more
            return outermost(self.place)
        if rest[0] == ">":  # what depends on the outermost
            return DependsOn(outermost(self.place).output())
        return type(self)(self.place, rest)

    def run(self, input, output):
        result = alexflow.run(self.asked(), storage=self.place, workers=1, echo=False, progress=False)
        output.store(result.output.load() + 1)


@dataclass(frozen=True)
class RunsInThread(Runs):
    options: ClassVar[Any] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class RunsOnLoop(Runs):
    async def run(self, input, output):
        result = await alexflow.arun(self.asked(), storage=self.place, workers=1)
        await output.astore(result.output.load() + 1)


@dataclass(frozen=True)
class DependsOn(Leaf):
    n: Any

    def input(self):
        return self.n


def outermost(place: str) -> Task:
    """In a worker, by the arguments that are in its environment."""
    import os

    cls, what = os.environ["OUTERMOST"].split()
    return globals()[cls](place, what)


@pytest.mark.parametrize("cls", [Runs, RunsInThread, RunsOnLoop])
@pytest.mark.parametrize("what", ["a^", "a>", "ab^", "abc^"])
async def test_itself_is_refused(tmp_path, monkeypatch, cls, what):
    place = str(tmp_path / "results")
    monkeypatch.setenv("OUTERMOST", f"{cls.__name__} {what}")
    with pytest.raises(RunFailed) as caught:
        await alexflow.arun(cls(place, what), storage=place, workers=1)
    assert "would wait for itself without end" in str(caught.value.exceptions[0])


@pytest.mark.parametrize("cls", [Runs, RunsInThread, RunsOnLoop])
async def test_others_are_run(tmp_path, cls):
    place = str(tmp_path / "results")
    result = await alexflow.arun(cls(place, "ab"), storage=place, workers=1)
    assert result.output.load() == 3


@dataclass(frozen=True)
class AsksItsEngine(Task):
    target: str

    def output(self):
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input, output):
        target = {"task": self, "output": self.output(), "other": Leaf(7).output()}[self.target]
        result = await engines[0].run(target)
        await output.astore(result.output.load())


@dataclass(frozen=True)
class GeneratesFromItself(DynamicTask):
    async def generate(self, input, output):
        await engines[0].run(self)
        return Leaf(1)


engines: list[Engine] = []


@pytest.mark.parametrize("task", [AsksItsEngine("task"), AsksItsEngine("output"), GeneratesFromItself()])
async def test_itself_of_the_same_engine_is_refused(tmp_path, task):
    async with Engine(tmp_path / "results", executor="thread") as engine:
        engines[:] = [engine]
        with pytest.raises(RunFailed) as caught:
            await engine.run(task)
        assert isinstance(caught.value.exceptions[0].__cause__, GraphError)
        assert await engine.load(AsksItsEngine("other").output()) == 7
