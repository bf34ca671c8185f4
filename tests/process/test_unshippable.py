"""Jobs that cannot be sent: each fails, however many there are, and none is left waiting."""

import math
import threading
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from alexflow import JSONOutput, Task, arun
from alexflow.errors import ShippingError

pytestmark = pytest.mark.anyio

unpicklable = threading.local()


@dataclass(frozen=True)
class Carrier(Task):
    n: int
    cargo: Any = field(default=None, compare=False)

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(self.n)


async def test_all_of_many_fail(tmp_path: Path) -> None:
    tasks = [Carrier(n=n, cargo=unpicklable) for n in range(20)]
    result = await arun(tasks, storage=tmp_path, workers=2, on_error="continue")
    assert result.failed == 20
    assert all(isinstance(failure.__cause__, ShippingError) for failure in result.failures)


async def test_others_among_them_run(tmp_path: Path) -> None:
    tasks = [Carrier(n=n, cargo=None if n % 4 else unpicklable) for n in range(20)]
    result = await arun(tasks, storage=tmp_path, workers=2, on_error="continue")
    assert (result.failed, result.ran) == (5, 15)


@dataclass(frozen=True)
class Applies(Task):
    module: Any

    def output(self) -> JSONOutput[float]:
        return self.build_output(JSONOutput[float], key="n.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(self.module.sqrt(4))


async def test_modules_travel_by_name(tmp_path: Path) -> None:
    assert (await arun(Applies(math), storage=tmp_path, workers=1)).output.load() == 2.0
    made = types.ModuleType("made_here")
    result = await arun(Applies(made), storage=tmp_path, workers=1, on_error="continue")
    (failure,) = result.failures
    assert isinstance(failure.__cause__, ShippingError)
    assert "Applies.module cannot be sent to a worker process" in str(failure.__cause__)
