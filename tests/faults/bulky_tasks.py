"""Tasks that store, write or print much, that worker processes can import."""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import subprocess
from dataclasses import dataclass, field
from typing import Any, ClassVar

from alexflow import BinaryOutput, Output, TaskOptions
from tests.faults.workflows import Number, note


@dataclass(frozen=True)
class Bulky(Number):
    """Stores so many bytes."""

    size: int = 0

    def run(self, input: None, output: Output[Any]) -> None:
        note(self.log, self.n)
        output.store(bytes(self.size))


@dataclass(frozen=True)
class BulkyInThread(Bulky):
    """The same in a thread."""

    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class BulkyOnLoop(Bulky):
    """The same on the event loop."""

    async def run(self, input: None, output: Output[Any]) -> None:  # type: ignore[override]
        await asyncio.to_thread(note, self.log, self.n)
        await output.astore(bytes(self.size))


@dataclass(frozen=True)
class StoresTwo(Bulky):
    """Stores a small output and a bulky one."""

    def output(self) -> dict[str, Output[bytes]]:  # type: ignore[override]
        return {name: self.build_output(BinaryOutput[bytes], key=name) for name in ("small", "bulky")}

    def run(self, input: None, output: dict[str, Output[bytes]]) -> None:  # type: ignore[override]
        note(self.log, self.n)
        output["small"].store(b"1")
        output["bulky"].store(bytes(self.size))


@dataclass(frozen=True)
class Scratch(Number):
    """Fills a file of its own first."""

    scratch: str = field(default="", compare=False)

    def run(self, input: None, output: Output[int]) -> None:
        note(self.log, self.n)
        with open(self.scratch, "wb") as file:
            file.write(bytes(10_000_000))
        output.store(self.n)


#: What a flood is made of, in pieces of a megabyte.
PIECE = b"x" * 999_999 + b"\n"


@dataclass(frozen=True)
class Floods(Number):
    """Writes as many megabytes to standard output as ``megabytes``, and stores its peak of memory, in kB."""

    megabytes: int = 0
    how: str = "raw"

    def run(self, input: None, output: Output[int]) -> None:
        if self.how == "child":
            subprocess.run(f"yes flood | head -c {self.megabytes}000000", shell=True, check=True)
        for _ in range(self.megabytes if self.how != "child" else 0):
            if self.how == "raw":
                os.write(1, PIECE)
            elif self.how == "print":
                print(PIECE.decode(), end="")
            else:
                ctypes.PyDLL(None).write(1, PIECE, len(PIECE))  # without letting go of the interpreter lock
        output.store(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
