"""A run of targets that exist needs no engine, and gives what an engine gives."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import DynamicTask, Engine, JSONOutput, LocalStorage, Output, Task, Workflow, WrapperTask
from alexflow.engine import existing
from alexflow.errors import DefinitionError
from alexflow.storage.local.lock_file import LEASES_FILE, open_lockfile, take_range


@dataclass(frozen=True)
class Number(Task):
    number: int

    def output(self):
        return self.build_output(JSONOutput[int], key="number.json")

    async def run(self, input, output):
        await output.astore(self.number)


@dataclass(frozen=True)
class Pair(Task):
    """Two outputs, one of which may be removed."""

    number: int

    def output(self):
        return {name: self.build_output(JSONOutput[int], key=f"{name}.json") for name in ("left", "right")}

    async def run(self, input, output):
        for part in output.values():
            await part.astore(self.number)


@dataclass(frozen=True)
class Sum(Task):
    parts: tuple[Output[int], ...]

    def input(self):
        return self.parts

    def output(self):
        return self.build_output(JSONOutput[int], key="sum.json")

    async def run(self, input, output):
        await output.astore(sum([await part.aload() for part in input]))


@dataclass(frozen=True)
class Growing(DynamicTask):
    size: int

    def output(self):
        return self.build_output(JSONOutput[int], key="grown.json")

    def generate(self, input, output):
        yield Stored(self.size, self.output())


@dataclass(frozen=True)
class Stored(Task):
    number: int
    place: Output[int]

    def output(self):
        return self.place

    async def run(self, input, output):
        await output.astore(self.number)


def behind(number: int) -> Output[int]:
    return Number(number).output()


TARGETS: dict[str, Callable[[], Any]] = {
    "task": lambda: Number(1),
    "output": lambda: behind(1),
    "several": lambda: [Number(1), Number(2), Number(1)],
    "tasks and outputs": lambda: (Number(1), behind(1), behind(2)),
    "tree": lambda: {"a": [behind(1), Number(2)], "b": (Pair(3),)},
    "two outputs": lambda: Pair(1),
    "one of two": lambda: [Pair(1).output()["left"], Number(2)],
    "sum": lambda: Sum((behind(1), behind(2))),
    "dynamic": lambda: Growing(3),
    "nothing": lambda: [],
    "wrapped": lambda: WrapperTask(Number(1)),
    "workflow": lambda: Workflow(tasks={"sum": Sum((behind(1),))}, artifacts={"one": behind(1)}, storage=None),
}


def by_engine(target: Any, storage: LocalStorage) -> Any:
    async def work() -> Any:
        async with Engine(storage) as engine:
            return await engine.run(target)

    return asyncio.run(work())


def keys_in(tree: Any) -> Any:
    if isinstance(tree, Output):
        return tree.key, tree.load()
    if isinstance(tree, dict):
        return {name: keys_in(part) for name, part in tree.items()}
    return type(tree)(map(keys_in, tree)) if isinstance(tree, list | tuple) else tree


def files(directory: Path) -> dict[Path, int]:
    return {path: path.lstat().st_mtime_ns for path in (directory, *directory.rglob("*"))}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Engine]:
    """The engines that were opened."""
    engines: list[Engine] = []
    open_engine = Engine.__aenter__

    async def noted(self: Engine) -> Engine:
        engines.append(self)
        return await open_engine(self)

    monkeypatch.setattr(Engine, "__aenter__", noted)
    return engines


@pytest.mark.parametrize("name", TARGETS)
def test_the_same_result_as_from_an_engine(name: str, tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    target = TARGETS[name]()
    by_engine(target, storage)
    theirs, mine = by_engine(TARGETS[name](), storage), alexflow.run(TARGETS[name](), storage=storage)
    assert (mine.ran, mine.cached, mine.ok, mine.failures, mine.skipped_tasks) == (
        *(theirs.ran, theirs.cached, theirs.ok, theirs.failures, theirs.skipped_tasks),
    )
    assert keys_in(mine.output) == keys_in(theirs.output)
    assert str(mine).partition(" in ")[0] == str(theirs).partition(" in ")[0]


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "nothing"])
def test_no_engine_and_nothing_written(name: str, tmp_path: Path, opened: list[Engine]) -> None:
    alexflow.run(TARGETS[name](), storage=tmp_path)
    before = files(tmp_path)
    opened.clear()
    assert alexflow.run(TARGETS[name](), storage=tmp_path).ran == 0
    assert asyncio.run(alexflow.arun(TARGETS[name](), storage=tmp_path)).ran == 0
    assert opened == []
    assert files(tmp_path) == before


def test_what_is_loaded(tmp_path: Path) -> None:
    code = f"""
import sys, threading
from dataclasses import dataclass
import alexflow

@dataclass(frozen=True)
class Stored(alexflow.Task):
    number: int

    def output(self):
        return self.build_output(alexflow.BinaryOutput, key="value.pkl")

    def run(self, input, output):
        output.store(self.number)

result = alexflow.run(Stored(7), storage={str(tmp_path)!r}, workers=1)
print(result.ran, result.output.load(), threading.active_count(), file=sys.stderr)
print(*sys.modules)
"""
    (tmp_path / "script.py").write_text(code)
    first, again = (
        subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, check=True)
        for _ in range(2)
    )
    assert (first.stderr.split()[:2], again.stderr.split()) == (["1", "7"], ["0", "7", "1"])
    loaded = set(again.stdout.split())
    kept_out = {"asyncio", "logging", "socket", "subprocess", "cloudpickle", "concurrent"}
    assert kept_out <= set(first.stdout.split())  # else this says nothing
    assert loaded & kept_out == set()
    packages = ("alexflow.scheduler", "alexflow.graph", "alexflow.events", "alexflow.engine.engine")
    assert not [name for name in loaded if name.startswith(packages)]
    assert not [name for name in loaded if name.startswith("alexflow.executors.process.") and ".wire" not in name]


def test_what_is_missing_is_made(tmp_path: Path, opened: list[Engine]) -> None:
    alexflow.run(Number(1), storage=tmp_path)
    assert alexflow.run([Number(1), Number(2)], storage=tmp_path).ran == 1
    Pair(1).output()["left"].assign_storage(LocalStorage(tmp_path)).store(5)
    assert alexflow.run(Pair(1), storage=tmp_path).ran == 1
    assert len(opened) == 3


def test_what_needs_an_engine_although_it_exists(tmp_path: Path, opened: list[Engine]) -> None:
    storage = tmp_path / "storage"
    alexflow.run(Number(1), storage=storage)
    opened.clear()
    assert alexflow.run(Number(1), storage=storage, force=True).ran == 1
    assert alexflow.run([Number(1)] * (existing.MAX_TARGETS + 1), storage=storage).ran == 0
    assert len(opened) == 2


def test_two_classes_with_one_name(tmp_path: Path) -> None:
    def made(value: int) -> type[Task]:
        @dataclass(frozen=True)
        class Twice(Number):
            async def run(self, input, output):
                await output.astore(value)

        return Twice

    def other() -> type[Task]:
        @dataclass(frozen=True)
        class Twice(Number):
            task_name = f"{made(1).__module__}.{made(1).__qualname__}"

            async def run(self, input, output):
                await output.astore(-self.number)

        return Twice

    first, second = made(1)(1), other()(2)
    alexflow.run(first, storage=tmp_path)
    alexflow.run(second, storage=tmp_path)
    with pytest.raises(DefinitionError, match="two classes with different code"):
        alexflow.run([first, second], storage=tmp_path)


def test_a_wrong_keyword_is_refused_all_the_same(tmp_path: Path) -> None:
    alexflow.run(Number(1), storage=tmp_path)
    wrong: list[dict[str, Any]] = [
        *({"workers": 0}, {"limits": {"tag": 0}}, {"retry": 3}, {"timeout": -1}, {"executor": "loop"}),
        *({"on_error": "ignore"}, {"record": 3}, {"lease_ttl": 0}, {"max_deaths": -1}, {"max_concurrency": 0}),
    ]
    for options in wrong:
        with pytest.raises(DefinitionError, match=f"{next(iter(options))}"):
            alexflow.run(Number(1), storage=tmp_path, **options)


def test_progress_says_that_there_is_nothing_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alexflow.run([Number(1), Number(2)], storage=tmp_path)
    capsys.readouterr()
    alexflow.run([Number(1), Number(2)], storage=tmp_path, progress=True)
    assert capsys.readouterr().err.startswith("alexflow: nothing to run, 2 cached, ")
    alexflow.run(Number(1), storage=tmp_path, progress=False)
    alexflow.run(Number(1), storage=tmp_path)
    assert capsys.readouterr().err == ""


@pytest.mark.anyio
async def test_many_of_them_leave_others_their_turns(tmp_path: Path) -> None:
    await alexflow.arun(Number(1), storage=tmp_path)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    for _ in range(10):
        await alexflow.arun(Number(1), storage=tmp_path)
    counting.cancel()
    assert turns >= 9


def test_the_file_of_leases_of_a_killed_engine_is_removed(tmp_path: Path) -> None:
    alexflow.run(Number(1), storage=tmp_path)
    left = tmp_path / LEASES_FILE
    left.touch()
    alexflow.run(Number(1), storage=tmp_path)
    assert not left.exists()


def test_the_file_of_leases_of_an_engine_at_work_stays(tmp_path: Path) -> None:
    alexflow.run(Number(1), storage=tmp_path)
    fd = open_lockfile(str(tmp_path / LEASES_FILE))
    assert take_range(fd, 0)
    alexflow.run(Number(1), storage=tmp_path)
    assert (tmp_path / LEASES_FILE).exists()
    os.close(fd)
