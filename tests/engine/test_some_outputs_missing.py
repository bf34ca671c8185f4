"""A task of several outputs, some of which are missing, runs again; those that exist stay, and the log says why."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, Output, Task

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Halves(Task):
    def output(self) -> dict[str, Output[int]]:
        return {name: self.build_output(JSONOutput[int], key=name) for name in ("left", "right")}

    async def run(self, input: Any, output: dict[str, Output[int]]) -> None:
        for half in output.values():
            await half.astore(time.time_ns())


async def test_those_that_exist_stay(place, caplog):
    async with Engine(place) as engine:
        first = (await engine.run(Halves())).output
        left, right = await first["left"].aload(), await first["right"].aload()
        await engine.storage.aremove_many([first["right"].key])
        again = await engine.run(Halves())
        assert again.ran == 1
        assert await again.output["left"].aload() == left
        assert await again.output["right"].aload() > right
    assert "left was dropped, because one was stored already, though others of its outputs were missing" in caplog.text
    assert "another engine" not in caplog.text
