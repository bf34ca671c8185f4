"""Event loops that are not asyncio's: ``run`` works under them, and an engine says that it needs asyncio."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

import alexflow
from alexflow import Engine, JSONOutput, Output, Task
from alexflow.errors import DefinitionError

trio = pytest.importorskip("trio")


@dataclass(frozen=True)
class Prints(Task):
    n: int
    where: str = "loop"

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: Any, output: Output[int]) -> None:
        await output.astore(self.n)


@dataclass(frozen=True)
class PrintsInProcess(Prints):
    def run(self, input: Any, output: Output[int]) -> None:  # type: ignore[override]
        print("from task", self.n)
        output.store(self.n)


@pytest.mark.filterwarnings("ignore:.*threading.Thread.*:Warning")
@pytest.mark.parametrize("kind", [Prints, PrintsInProcess])
def test_blocking_run_under_trio(place, capsys, kind):
    async def main() -> list[int]:
        first = alexflow.run(kind(1), storage=place, progress=True)
        second = await trio.to_thread.run_sync(lambda: alexflow.run(kind(2), storage=place))
        return [first.ran, second.ran]

    assert trio.run(main) == [1, 1]
    if kind is PrintsInProcess:
        assert "from task 1" in capsys.readouterr().out


@pytest.mark.parametrize("how", ["arun", "Engine"])
def test_an_engine_needs_asyncio(place, how):
    async def main() -> None:
        if how == "arun":
            await alexflow.arun(Prints(1), storage=place)
        else:
            async with Engine(place):
                pass

    with pytest.raises(
        DefinitionError, match=r"needs asyncio's event loop, but trio runs this thread; call alexflow\.run"
    ):
        trio.run(main)


def test_asyncio_in_a_thread_beside_trio(place):
    async def main() -> int:
        return await trio.to_thread.run_sync(lambda: asyncio.run(alexflow.arun(Prints(1), storage=place)).ran)

    assert trio.run(main) == 1
