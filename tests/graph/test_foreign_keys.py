"""A task that would store under the id of another, which then would be taken for done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

import alexflow
from alexflow import JSONOutput, MemoryStorage, Output, Task
from alexflow.errors import OutputConflict


@dataclass(frozen=True)
class Honest(Task):
    n: int = 1

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: None, output: Output[int]) -> None:  # type: ignore[override]
        await output.astore(self.n)


@dataclass(frozen=True)
class Foreign(Honest):
    """Declares whatever output it is told to."""

    how: str = ""

    def output(self) -> Any:
        other = Honest(self.n)
        if self.how == "the other's output":
            return other.output()
        if self.how == "the other's key":
            return JSONOutput(self, key=other.output().key)
        if self.how == "one below the other's id":
            return JSONOutput(self, key=f"{other.task_id}.more")
        if self.how == "among others":
            return [self.build_output(JSONOutput, "own.json"), JSONOutput(self, key=other.output().key)]
        return JSONOutput(self, key=f"named/{self.how}.json")

    async def run(self, input: None, output: Any) -> None:  # type: ignore[override]
        for each in output if isinstance(output, list) else [output]:
            await each.astore(-1)


@pytest.mark.parametrize("how", ["the other's output", "the other's key", "one below the other's id", "among others"])
@pytest.mark.parametrize("asked", ["task", "output"])
def test_it_is_refused(how: str, asked: str) -> None:
    storage = MemoryStorage()
    task = Foreign(how=how)
    if asked == "output" and how == "the other's output":
        pytest.skip("that is the other's")
    target = task if asked == "task" else task.output()
    with pytest.raises(OutputConflict) as caught:
        alexflow.run(target, storage=storage, progress=False)
    assert set(caught.value.task_ids) == {task.task_id, Honest().task_id}
    assert list(storage.list()) == []
    assert alexflow.run(Honest(), storage=storage, progress=False).output.load() == 1


def test_names_of_ones_own_choice_are_free() -> None:
    storage = MemoryStorage()
    assert alexflow.run(Foreign(how="report"), storage=storage, progress=False).output.load() == -1
    assert list(storage.list()) == ["named/report.json"]
