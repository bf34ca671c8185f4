"""A failure whose cause is that ``input`` or ``output`` is not written says so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import JSONOutput, MemoryStorage, Task
from alexflow.errors import RunFailed, TaskFailed


@dataclass(frozen=True)
class WithoutInput(Task):
    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(input.load())


@dataclass(frozen=True)
class WithoutInputs(WithoutInput):
    def run(self, input: Any, output: Any) -> None:
        output.store(input[0].load())


@dataclass(frozen=True)
class WithoutOutput(Task):
    def run(self, input: Any, output: Any) -> None:
        output.store(1)


@dataclass(frozen=True)
class WithoutOutputOnLoop(Task):
    async def run(self, input: Any, output: Any) -> None:
        await output.astore(1)


@dataclass(frozen=True)
class OwnNone(WithoutInput):
    def run(self, input: Any, output: Any) -> None:
        None.strip()  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Debugged(WithoutInput):
    def run(self, input: Any, output: Any) -> None:
        breakpoint()
        output.store(1)


def failure(task: Task) -> TaskFailed:
    with pytest.raises(RunFailed) as caught:
        alexflow.run(task, storage=MemoryStorage(), executor="thread")
    (error,) = caught.value.exceptions
    assert isinstance(error, TaskFailed)
    return error


@pytest.mark.parametrize(
    ("task", "hint"),
    [
        (WithoutInput(), "WithoutInput.input() gives nothing, so `input` is None in run(); write WithoutInput.input()"),
        (WithoutInputs(), "WithoutInputs.input() gives nothing, so `input` is None in run()"),
        (WithoutOutput(), "WithoutOutput.output() gives nothing, so `output` is None in run()"),
        (WithoutOutputOnLoop(), "WithoutOutputOnLoop.output() gives nothing, so `output` is None in run()"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Task) else "",
)
def test_hints(task: Task, hint: str) -> None:
    assert hint in str(failure(task))


def test_no_hint_for_another_none() -> None:
    assert "gives nothing" not in str(failure(OwnNone()))


def test_a_debugger_in_a_worker(tmp_path: Path) -> None:
    with pytest.raises(RunFailed) as caught:
        alexflow.run(Debugged(), storage=tmp_path, workers=1, echo=False)
    assert "no terminal for a debugger; run the task with executor='thread'" in str(caught.value.exceptions[0])
