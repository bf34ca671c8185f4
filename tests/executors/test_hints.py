"""A failure whose cause is that ``input`` or ``output`` is not written says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

import alexflow
from alexflow import DynamicTask, JSONOutput, MemoryStorage, Output, Task
from alexflow.errors import RunFailed, TaskFailed
from alexflow.formats import DirectoryOutput


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


@alexflow.task
def total(numbers: Output[list[int]]) -> int:
    return sum(numbers)  # type: ignore[arg-type]


@pytest.mark.parametrize("use", [sum, list, lambda output: output[0], lambda output: 1 in output], ids=range(4))
def test_an_output_is_not_its_value(use: Any) -> None:
    output = WithoutInput().output()
    with pytest.raises(TypeError, match=r"^<JSONOutput .*> stands for a value: its load\(\) gives that"):
        use(output)
    assert not isinstance(output, Iterable)
    assert "stands for a value: its load() gives that" in str(failure(total.task(Given().output()[0])))


@dataclass(frozen=True)
class Given(Task):
    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="n.json"), self.build_output(DirectoryOutput, key="folder")

    def run(self, input: Any, output: Any) -> None:
        output[0].store(1)
        with output[1].path("w") as directory:
            (directory / "n").write_text("1")


@dataclass(frozen=True)
class StoresIntoInput(Task):
    by: str
    numbers: Any = field(default_factory=lambda: Given().output()[0])

    def input(self) -> Any:
        return {"numbers": self.numbers, "folder": Given().output()[1]}

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(2)
        if self.by == "store":
            input["numbers"].store(2)
        elif self.by == "folder":
            input["folder"].store(".")
        elif self.by == "open":
            input["numbers"].open("wb")
        elif self.by == "path":
            input["numbers"].path("w")
        else:
            input["numbers"].append(2)


@dataclass(frozen=True)
class StoresIntoInputOnLoop(StoresIntoInput):
    async def run(self, input: Any, output: Any) -> None:
        await output.astore(2)
        if self.by == "store":
            await input["numbers"].astore(2)
        else:
            async with input["numbers"].aopen("wb") as file:
                await file.write(b"2")


@dataclass(frozen=True)
class StoresIntoInputOfGenerate(DynamicTask):
    def input(self) -> Any:
        return Given().output()[0]

    def generate(self, input: Any, output: Any) -> Any:
        input.store(2)
        yield Given()


@pytest.mark.parametrize(
    ("task", "name"),
    [
        (StoresIntoInput("store"), "numbers ("),
        (StoresIntoInput("folder"), "tests.executors.test_hints.Given"),
        (StoresIntoInput("open"), "numbers ("),
        (StoresIntoInput("path"), "numbers ("),
        (StoresIntoInput("append"), "numbers ("),
        (StoresIntoInputOnLoop("store"), "numbers ("),
        (StoresIntoInputOnLoop("open"), "numbers ("),
        (StoresIntoInputOfGenerate(), "tests.executors.test_hints.Given"),
    ],
    ids=repr,
)
def test_an_input_is_only_read(task: Task, name: str) -> None:
    method = "generate" if isinstance(task, DynamicTask) else "run"
    said = str(failure(task))
    assert f"{type(task).__name__}.{method} stores into its input {name}" in said
    assert "which it can only read; store into what" in said


@dataclass(frozen=True, eq=False, repr=False)
class BoundInPlace(JSONOutput[int]):
    def assign_storage(self, storage: Any) -> Any:
        self.__dict__["storage"] = storage
        return self


@dataclass(frozen=True)
class Keeps(Task):
    """Its output is one object, which its readers have as well."""

    kept: ClassVar[dict[int, Any]] = {}
    n: int

    def output(self) -> Any:
        return self.kept.setdefault(self.n, self.build_output(BoundInPlace, key="n.json"))

    def run(self, input: Any, output: Any) -> None:
        output.store(self.n)


@dataclass(frozen=True)
class ReadsKept(Task):
    def input(self) -> Any:
        return Keeps(1).output()

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(input.load())


def test_an_output_that_was_an_input_can_be_stored_again() -> None:
    storage = MemoryStorage()
    for _ in range(2):
        result = alexflow.run(ReadsKept(), storage=storage, executor="thread", force=[Keeps(1)])
        assert result.output.load() == 1


def test_an_input_is_only_read_in_a_worker(tmp_path: Path) -> None:
    with pytest.raises(RunFailed) as caught:
        alexflow.run(StoresIntoInput("store"), storage=tmp_path, workers=1, echo=False)
    assert "StoresIntoInput.run stores into its input numbers (" in str(caught.value.exceptions[0])


def test_no_hint_for_another_none() -> None:
    assert "gives nothing" not in str(failure(OwnNone()))


def test_a_debugger_in_a_worker(tmp_path: Path) -> None:
    with pytest.raises(RunFailed) as caught:
        alexflow.run(Debugged(), storage=tmp_path, workers=1, echo=False)
    assert "no terminal for a debugger; run the task with executor='thread'" in str(caught.value.exceptions[0])
