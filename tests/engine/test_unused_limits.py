"""A limit that held nothing back because no task has its tag: mostly a misspelt word."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pytest

from alexflow import Engine, MemoryStorage, Task

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Tagged(Task):
    tag: str

    @property
    def tags(self) -> set[str]:
        return {self.tag} if self.tag else set()

    async def run(self, input: None, output: None) -> None:  # type: ignore[override]
        pass


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


async def test_a_tag_that_nothing_has(caplog: pytest.LogCaptureFixture) -> None:
    async with Engine(MemoryStorage(), limits={"gpu": 1, "gpus": 2, "db": 4}) as engine:
        await engine.run([Tagged("gpu"), Tagged("")])
        await engine.run(Tagged("other"))
        assert warnings_of(caplog) == []
    (warning,) = warnings_of(caplog)
    assert "'db', 'gpus'" in warning
    assert "'gpu'" not in warning
    assert "limits=" in warning


async def test_all_are_used(caplog: pytest.LogCaptureFixture) -> None:
    async with Engine(MemoryStorage(), limits={"gpu": 1, "db": 1}) as engine:
        await engine.run([Tagged("gpu"), Tagged("db")])
    assert warnings_of(caplog) == []


async def test_nothing_ran(caplog: pytest.LogCaptureFixture) -> None:
    async with Engine(MemoryStorage(), limits={"gpu": 1}) as engine:
        await engine.run([])
    assert warnings_of(caplog) == []
