"""Made-up libraries, and programs that import them."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
from __future__ import annotations

import os, random, sys
from dataclasses import dataclass, field
from typing import Any

from alexflow import Output
from tests.kit.fifo import send_line_and_wait
from tests.process.workflows import Value
{imports}


@dataclass(frozen=True)
class Ask(Value):
    told: str = field(default="", compare=False)
    gate: str = field(default="", compare=False)

    def run(self, input: Any, output: Output[Any]) -> None:
        if self.told:
            send_line_and_wait(self.told, os.getpid(), self.gate)
        output.store((os.getpid(), os.getppid(), eval(self.value, globals())))
"""

#: Notes in a file, beside the library, in which process it was imported.
NOTED = """
import os
with open(__file__ + ".log", "a") as log:
    log.write(f"{os.getpid()}\\n")
"""


class Libraries:
    """Modules that tests make: installed ones, and those of programs."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch):
        self._installed = directory / "lib" / "site-packages"
        self._program = directory / "program"
        self._made: list[str] = []
        for path in (self._installed, self._program):
            path.mkdir(parents=True)
            monkeypatch.syspath_prepend(str(path))

    def install(self, name: str, source: str = "") -> Path:
        """Make an installed module, which notes each import."""
        return self._write(self._installed / f"{name}.py", NOTED + source)

    def write(self, name: str, source: str) -> Path:
        """Make a module of the program."""
        return self._write(self._program / f"{name}.py", source)

    def program(self, name: str, imports: str) -> Any:
        """Make a module with a class ``Ask``, and import it."""
        self.write(name, PROGRAM.format(imports=imports))
        importlib.invalidate_caches()
        return importlib.import_module(name).Ask

    def imported_by(self, name: str) -> list[int]:
        """Return the processes that have imported an installed module, but for this one."""
        log = self._installed / f"{name}.py.log"
        pids = [int(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [pid for pid in pids if pid != os.getpid()]

    def forget(self) -> None:
        """Remove them from this process."""
        for name in self._made:
            sys.modules.pop(name, None)

    def _write(self, path: Path, source: str) -> Path:
        path.write_text(source)
        self._made.append(path.stem)
        return path


async def ask_at_once(engine: Any, fifo: Any, cls: Any, expression: str, count: int, name: str = "") -> list[Any]:
    """Evaluate an expression in that many workers at once: for each its process id, its parent's, and the value."""
    told, gate = fifo(f"told{name}"), fifo(f"gate{name}")
    tasks = [cls(n, expression, told=told.path, gate=gate.path) for n in range(count)]
    run = asyncio.create_task(engine.run(tasks, force=True))
    await told.receive(count)
    gate.open_gate(count)
    return [output.load() for output in (await run).output]
