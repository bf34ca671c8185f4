"""Checkpoints in ``alexflow status``, and what ``alexflow gc`` removes of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import JSONOutput, LocalStorage, RunFailed, Task, TaskOptions, current
from alexflow.checkpoints import Checkpoint, kept_checkpoints


@dataclass(frozen=True)
class Stops(Task):
    n: int
    options = TaskOptions(executor="thread")

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput, key="n.json")

    def run(self, input: None, output: JSONOutput[int]) -> None:
        with current.checkpoint() as checkpoint:
            checkpoint.save(self.n)
        if self.n == 1:
            raise OSError("stopped")
        output.store(self.n)


def command(storage: LocalStorage, *arguments: str) -> Any:
    whole = [sys.executable, "-m", "alexflow", *arguments, "--storage", storage.base_path, "--json"]
    done = subprocess.run(whole, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_status_shows_them_and_gc_removes_those_that_nothing_needs(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "results")
    with pytest.raises(RunFailed):
        alexflow.run(Stops(1), storage=storage)
    alexflow.run(Stops(2), storage=storage)
    done = Stops(2).task_id
    with Checkpoint(storage, done) as left:  # as by an engine that was killed after it had published
        left.save(2)
    (first, second) = sorted(command(storage, "status")["checkpoints"], key=lambda each: each["task_id"])
    assert {first["task_id"], second["task_id"]} == {Stops(1).task_id, done}
    assert (first["name"], first["saves"]) == ("state", 1)
    assert command(storage, "gc", "--older-than", "7d")["checkpoints"] == [done]
    assert len(kept_checkpoints(storage)) == 2
    assert command(storage, "gc", "--older-than", "7d", "--apply")["checkpoints"] == [done]
    (kept,) = kept_checkpoints(storage)
    assert kept.task_id == Stops(1).task_id
    for name in kept.files:
        os.utime(tmp_path / "results/.alexflow/checkpoints" / name, (1e9, 1e9))
    command(storage, "gc", "--older-than", "7d", "--apply")
    assert kept_checkpoints(storage) == []
