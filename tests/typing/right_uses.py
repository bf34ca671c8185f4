"""Workflows as users write them; mypy and pyright must have nothing to say, and agree on the types."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, assert_type

from alexflow import (
    BinaryOutput,
    DynamicTask,
    InOut,
    JSONOutput,
    LocalStorage,
    MemoryStorage,
    NoDefaultVar,
    Output,
    ResourceSpec,
    Storage,
    Task,
    Workflow,
    WrapperTask,
    no_default,
)


@dataclass(frozen=True)
class Count(Task):
    text: Output[str]
    scale: float
    verbose: bool = field(default=True, compare=False)
    version: ClassVar[str | int | None] = "2"

    def input(self) -> InOut:
        return self.text

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput[int], key="count.pkl")

    def run(self, input: Output[str], output: BinaryOutput[int]) -> None:
        text = input.load()
        assert_type(text, str)
        output.store(len(text))


@dataclass(frozen=True)
class Fetch(Task):
    url: str

    def output(self) -> JSONOutput[str]:
        return self.build_output(JSONOutput[str], "page.json")

    async def run(self, input: None, output: JSONOutput[str]) -> None:
        await output.astore(self.url)
        page = await output.aload()
        assert_type(page, str)


@dataclass(frozen=True)
class Sum(Task):
    counts: Sequence[Output[float]]

    def input(self) -> list[Output[float]]:
        return list(self.counts)


@dataclass(frozen=True)
class Older(Task):
    X: NoDefaultVar[Output[Any]] = no_default
    name: NoDefaultVar[str] = no_default


@dataclass(frozen=True)
class Wrapper(WrapperTask):
    note: str = ""


@dataclass(frozen=True)
class Grow(DynamicTask):
    count: int

    def generate(self, input: Any, output: Any) -> list[Fetch]:
        return [Fetch(str(number)) for number in range(self.count)]


page = Fetch("https://example.org").output()
count = Count(page, 0.5, verbose=False, resource_spec=ResourceSpec(gpu=1))
assert_type(count.output().load(), int)
assert_type(count.task_id, str)
assert_type(page.as_ephemeral(), JSONOutput[str])
assert_type(page.assign_storage(MemoryStorage()), JSONOutput[str])
Sum([count.output()])  # an output of int is one of float: Output is covariant
Older(X=page, name="a")
Wrapper(task=count, note="n")
Workflow(tasks={"count": count, "grow": Grow(3)}, artifacts={"page": page, "all": [page, (count.output(),)]})
storage: Storage = LocalStorage("results")
