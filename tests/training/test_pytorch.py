"""The recipes of docs/training-pytorch.md: each goes on from its checkpoint when its worker is killed in the middle."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import os
import signal
import sys
from pathlib import Path
from types import ModuleType

import pytest

import alexflow
from alexflow import Engine, LocalStorage, Task
from alexflow.checkpoints import kept_checkpoints
from alexflow.events import TaskGivenUp, TaskReported, TaskStarted, TaskSucceeded

pytest.importorskip("torch", exc_type=ImportError)
pytest.importorskip("lightning", exc_type=ImportError)

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

PAGE = Path(__file__).parents[2] / "docs" / "training-pytorch.md"


@pytest.fixture
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The page's imports and classes, as a module that workers import."""
    page, blocks = PAGE.read_text().split("```python\n"), []
    for block in page[1:]:
        blocks += ast.parse(block.partition("```")[0]).body
    kept = [node for node in blocks if isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef)]
    file = tmp_path / "pytorch_recipes.py"
    file.write_text(ast.unparse(ast.Module(kept, [])))
    monkeypatch.syspath_prepend(tmp_path)
    spec = importlib.util.spec_from_file_location("pytorch_recipes", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "pytorch_recipes", module)
    spec.loader.exec_module(module)
    return module


async def steps_with_a_kill(storage: Path, task: Task, step: int) -> tuple[list[int], list[int]]:
    """Run a task, and kill its worker when it reports that step or a later one. Return what both attempts reported."""
    steps: dict[int, list[int]] = {1: [], 2: []}
    worker = attempt = 0
    async with Engine(storage, workers=1) as engine:
        events = engine.events()
        request = asyncio.ensure_future(engine.run(task))
        async for event in events:
            if isinstance(event, TaskStarted):
                worker, attempt = event.worker, event.attempt
            elif isinstance(event, TaskReported) and event.step is not None:
                steps[attempt].append(event.step)
                if attempt == 1 and event.step >= step:
                    os.kill(worker, signal.SIGKILL)
            elif isinstance(event, TaskSucceeded | TaskGivenUp):
                break
        await request
    return steps[1], steps[2]


def test_pytorch_goes_on_and_ends_with_the_same_weights(recipes: ModuleType, tmp_path: Path) -> None:
    task = recipes.Fit(0.01, steps=2000)
    first, second = asyncio.run(steps_with_a_kill(tmp_path / "killed", task, 300))
    assert 300 <= first[-1] < 2000
    assert first[-1] - 50 < second[0] <= 2000  # behind the last checkpoint, and not at the beginning
    assert second[0] > 250
    undisturbed = alexflow.run(task, storage=tmp_path / "undisturbed", workers=1).output.load()
    killed = task.output().assign_storage(LocalStorage(tmp_path / "killed")).load()
    assert {name: array.tobytes() for name, array in killed.items()} == {
        name: array.tobytes() for name, array in undisturbed.items()
    }


def test_pytorch_saves_when_it_is_to_stop(recipes: ModuleType, tmp_path: Path) -> None:
    task = recipes.Fit(0.01, steps=1_000_000)
    asyncio.run(cancelled_at_a_report(tmp_path, task))
    (kept,) = kept_checkpoints(LocalStorage(tmp_path))
    assert kept.task_id == task.task_id


async def cancelled_at_a_report(storage: Path, task: Task) -> None:
    async with Engine(storage, workers=1, grace=60) as engine:
        events = engine.events()
        request = asyncio.ensure_future(engine.run(task))
        async for event in events:
            if isinstance(event, TaskReported):
                break
        request.cancel()
        await asyncio.wait([request])


def test_lightning_goes_on(recipes: ModuleType, tmp_path: Path) -> None:
    task = recipes.FitByLightning(epochs=30)
    first, second = asyncio.run(steps_with_a_kill(tmp_path / "killed", task, 5))
    assert 5 <= first[-1] < 30
    assert second[0] > first[-1] - 2
    assert second[-1] == 30
    assert task.output().assign_storage(LocalStorage(tmp_path / "killed")).load() == 30
