"""Tasks that make cards, wherever they run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from alexflow import DynamicTask, JSONOutput, Retry, Task, TaskOptions, current


class Figure:
    """Is shown in notebooks as SVG."""

    def _repr_svg_(self) -> str:
        return "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40'><circle r='9' cx='20' cy='20'/></svg>"


class Picture:
    def _repr_html_(self) -> None:
        """Has none, as figures of matplotlib outside of their back end for notebooks."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        return b"\x89PNG", {"width": 1}


def make_cards(n: int) -> None:
    current.card(f"<b>task {n}</b>", name="text")
    current.card(markdown=f"# Task {n}\n\n<script>alert(1)</script>", name="markdown")
    current.card(figure=Figure(), name="figure")
    current.card("<i>first</i>", name="twice")
    current.card("<i>second</i>", name="twice")


@dataclass(frozen=True)
class InAWorker(Task):
    n: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: None, output: JSONOutput[int]) -> None:
        make_cards(self.n)
        output.store(self.n)


@dataclass(frozen=True)
class InAThread(InAWorker):
    options: ClassVar = TaskOptions(executor="thread")


@dataclass(frozen=True)
class OnTheLoop(InAWorker):
    async def run(self, input: None, output: JSONOutput[int]) -> None:  # type: ignore[override]
        make_cards(self.n)
        await output.astore(self.n)


@dataclass(frozen=True)
class OneCard(InAWorker):
    async def run(self, input: None, output: JSONOutput[int]) -> None:  # type: ignore[override]
        current.card(f"<b>task {self.n}</b>")
        await output.astore(self.n)


@dataclass(frozen=True)
class Generates(DynamicTask):
    n: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def generate(self, input: None, output: JSONOutput[int]) -> Iterable[Task]:
        make_cards(self.n)
        output.store(self.n)
        return ()


@dataclass(frozen=True)
class Quiet(InAWorker):
    """Makes no card the second time."""

    async def run(self, input: None, output: JSONOutput[int]) -> None:  # type: ignore[override]
        if self.n not in MADE:
            MADE.add(self.n)
            current.card("the first time's")
        await output.astore(self.n)


MADE: set[int] = set()


@dataclass(frozen=True)
class FailsOnce(InAWorker):
    retry: ClassVar = Retry(1)

    async def run(self, input: None, output: JSONOutput[int]) -> None:  # type: ignore[override]
        current.card("of the attempt", name=f"attempt {current.attempt}")
        if current.attempt == 1 or self.n == 0:
            raise ValueError("not this time")
        await output.astore(self.n)


@dataclass(frozen=True)
class Evil(InAWorker):
    text: str = ""

    async def run(self, input: None, output: Any) -> None:  # type: ignore[override]
        current.card(self.text, name=self.text)
        current.card(markdown=self.text, name=f"markdown {self.text}")
        await output.astore(self.n)
