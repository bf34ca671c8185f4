"""``executor = "loop"`` on a class with a plain ``def run``: for what takes microseconds."""

import threading
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from alexflow import BinaryOutput, MemoryStorage, Task, TaskOptions, arun

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Tiny(Task):
    options: ClassVar[TaskOptions] = TaskOptions(executor="loop")
    n: int

    def output(self) -> BinaryOutput[Any]:
        return self.build_output(BinaryOutput, key="n.pkl")

    def run(self, input: Any, output: Any) -> None:
        output.store((self.n, threading.get_ident()))


async def test_it_runs_in_the_loops_thread() -> None:
    result = await arun([Tiny(n=n) for n in range(10)], storage=MemoryStorage())
    assert [await output.aload() for output in result.output] == [(n, threading.get_ident()) for n in range(10)]
