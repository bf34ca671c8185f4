"""Runs that tasks ask for: the record says within which run, and who asks for the last run gets the one around them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import DynamicTask, JSONOutput, Task, TaskOptions, current
from alexflow.cli.program import main
from alexflow.timeline.storage_lines import find_run


@dataclass(frozen=True)
class Leaf(Task):
    n: int
    options = TaskOptions(executor="thread")

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(self.n)


@dataclass(frozen=True)
class Asks(DynamicTask):
    """Loads leaves, each in a run of its own."""

    leaves: int

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="sum.json")

    async def generate(self, input: Any, output: Any) -> None:
        load = current.engine.load
        await output.astore(sum(await asyncio.gather(*(load(Leaf(n).output()) for n in range(self.leaves)))))


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    alexflow.run(Asks(3), storage=tmp_path / "st", progress=False, attributes={"who": "me"})
    return tmp_path / "st"


def test_the_record_says_within_which_run(storage: Path) -> None:
    runs = alexflow.open_record(storage).runs()
    (outer,) = [run for run in runs if run.within is None]
    assert outer.attributes == {"who": "me"}
    assert [run.within for run in runs if run is not outer] == [outer.id] * 3


def test_the_last_run_is_none_of_those(storage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = alexflow.open_record(storage).runs()
    (outer,) = [run for run in runs if run.within is None]
    assert find_run(alexflow.LocalStorage(storage), None) == outer.id
    for command in ("log", "watch", "runs"):
        assert main([command, "--storage", str(storage)]) == 0
        out = capsys.readouterr().out
        assert outer.id in out
        assert not any(run.id in out for run in runs if run is not outer), command
    assert "and 3 that their tasks asked for; --all shows them" in out
    assert main(["log", outer.id, "--storage", str(storage)]) == 0
    assert "asked for  3 runs, in which 3 tasks ran, 0 failed; alexflow runs --all\n" in capsys.readouterr().out
    assert main(["runs", "--all", "--storage", str(storage)]) == 0
    assert all(run.id in capsys.readouterr().out for run in runs[:1])
    inner = next(run for run in runs if run.within)
    assert main(["log", inner.id, "--storage", str(storage)]) == 0
    assert f"within     {outer.id}" in capsys.readouterr().out
