"""Two engines that get work on one directory at the same moment share it at once, not at their next regular look."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from alexflow import Engine, JSONOutput, Task
from alexflow.storage.leases import Leases

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Number(Task):
    number: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput, key="number.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        await asyncio.sleep(0)
        await output.astore(self.number)


@pytest.fixture
def no_regular_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Leases, "look_every", 3600.0)


@pytest.mark.usefixtures("no_regular_look")
@pytest.mark.parametrize("apart", [0, 1000])
async def test_neither_waits_for_the_other(apart: int, tmp_path: Path) -> None:
    options = {"lease_ttl": 4 * 3600.0}
    async with asyncio.timeout(60), Engine(tmp_path, **options) as one, Engine(tmp_path, **options) as two:  # type: ignore[arg-type]
        for number in range(20):
            other = number + apart
            values = await asyncio.gather(one.load(Number(number).output()), two.load(Number(other).output()))
            assert values == [number, other]
