"""Checkpoints of tasks: found by any later attempt, never half, gone when the outputs are there."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alexflow import (
    DynamicTask,
    Engine,
    JSONOutput,
    LocalStorage,
    MemoryStorage,
    Retry,
    RunFailed,
    Storage,
    Task,
    TaskOptions,
    current,
    open_storage,
)
from alexflow.checkpoints import Checkpoint, kept_checkpoints
from alexflow.errors import DefinitionError, EncodingError, NotInTask

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Counts(Task):
    """Counts to ten; fails at each number that is in a file, once."""

    log: str
    stops_at: int = 5
    other: int = 0
    options = TaskOptions(executor="thread")

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput, key="count.json")

    def run(self, input: None, output: JSONOutput[int]) -> None:
        with current.checkpoint() as checkpoint:
            state = checkpoint.load(default={"count": 0})
            while state["count"] < 10:
                if state["count"] == self.stops_at and current.attempt == 1 and not Path(self.log).exists():
                    Path(self.log).touch()
                    raise OSError("stopped")
                state["count"] += 1
                checkpoint.save(state)
                with open(f"{self.log}.steps", "a") as file:
                    file.write(f"{state['count']}\n")
        output.store(state["count"])


@dataclass(frozen=True)
class CountsInWorker(Counts):
    options = TaskOptions(executor="process")


@dataclass(frozen=True)
class CountsOnLoop(Counts):
    options = TaskOptions()

    async def run(self, input: None, output: JSONOutput[int]) -> None:  # type: ignore[override]
        async with current.checkpoint("own name", keep=1) as checkpoint:
            count = await checkpoint.aload(default=0)
            if current.attempt == 1:
                await checkpoint.asave(7)
                raise OSError("stopped")
        await output.astore(count)


@pytest.fixture
def results(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "results")


def steps(log: Path) -> list[int]:
    return [int(line) for line in Path(f"{log}.steps").read_text().split()]


@pytest.mark.parametrize("kind", [Counts, CountsInWorker])
async def test_another_run_goes_on_where_the_first_one_stopped(
    kind: type[Counts], results: LocalStorage, tmp_path: Path
) -> None:
    log, storage = tmp_path / "log", results
    task = kind(str(log))
    async with Engine(storage, workers=1) as engine:
        with pytest.raises(RunFailed):
            await engine.run(task)
    (kept,) = await asyncio.to_thread(kept_checkpoints, storage)
    assert (kept.task_id, kept.name, kept.saves) == (task.task_id, "state", 5)
    assert kept.bytes is not None
    assert kept.bytes > 0
    async with Engine(storage, workers=1) as engine:
        assert await engine.load(task.output()) == 10
    assert steps(log) == list(range(1, 11))
    assert await asyncio.to_thread(os.listdir, tmp_path / "results/.alexflow/checkpoints") == []


async def test_another_attempt_goes_on_in_a_storage_in_memory() -> None:
    storage = MemoryStorage()
    async with Engine(storage, retry=Retry(1)) as engine:
        assert await engine.load(CountsOnLoop("").output()) == 7
    assert kept_checkpoints(storage) == []


async def test_another_parameter_finds_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with Engine(tmp_path / "results") as engine:
        with pytest.raises(RunFailed):
            await engine.run(Counts(str(log)))
        assert await engine.load(Counts(str(log), other=1).output()) == 10
    assert steps(log) == [1, 2, 3, 4, 5, *range(1, 11)]


async def test_a_class_that_refuses_other_code_has_its_code_in_the_checkpoints_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alexflow.model.options._checked", [])  # engines of other tests compare no code

    @dataclass(frozen=True)
    class RefusesOtherCode(Counts):
        options = TaskOptions(executor="thread", code="refuse")

    storage, log = MemoryStorage(), tmp_path / "log"
    task = RefusesOtherCode(str(log))
    async with Engine(storage) as engine:
        with pytest.raises(RunFailed):
            await engine.run(task)
    assert len(kept_checkpoints(storage)) == 1
    with Checkpoint(storage, task.task_id, keep=2, code="") as without_code:
        assert without_code.saves == 0
    async with Engine(storage) as engine:
        assert await engine.load(task.output()) == 10
    assert steps(log) == list(range(1, 11))


@dataclass(frozen=True)
class Gives(DynamicTask):
    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput, key="given.json")

    async def generate(self, input: None, output: JSONOutput[int]) -> None:  # type: ignore[override]
        async with current.checkpoint() as checkpoint:
            given = await checkpoint.aload(default=0)
            await checkpoint.asave(given + 1)
            if not given:
                raise OSError("stopped")
        await output.astore(given)


async def test_a_dynamic_task_has_checkpoints_too() -> None:
    storage = MemoryStorage()
    async with Engine(storage, retry=Retry(1)) as engine:
        assert await engine.load(Gives().output()) == 1
    assert kept_checkpoints(storage) == []


# -- one checkpoint


@pytest.fixture(params=["local", "memory", "prefix", "fsspec"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "local":
        return LocalStorage(tmp_path)
    if request.param == "memory":
        return MemoryStorage()
    if request.param == "prefix":
        from alexflow.storage import PrefixStorage

        return PrefixStorage(LocalStorage(tmp_path), "team")
    return open_storage(f"memory://{tmp_path.name}")


def opened(storage: Storage, name: str = "state", *, keep: int = 2, task: str = "m.Train.1") -> Checkpoint:
    return Checkpoint(storage, task, name, keep=keep)


def test_the_last_saves_are_kept_under_each_name(storage: Storage) -> None:
    with opened(storage) as first, opened(storage, "other") as other, opened(storage, task="m.Train.2") as foreign:
        assert first.load(default=None) is None
        for number in range(5):
            first.save({"number": number})
        other.save("other")
        assert foreign.load(default="nothing") == "nothing"
    with opened(storage) as first, opened(storage, "other") as other:
        assert first.saves == 5
        assert first.load(default=None) == {"number": 4}
        assert other.load(default=None) == "other"
        first.remove()
        assert first.load(default=None) is None
        assert other.load(default=None) == "other"
    assert [each.name for each in kept_checkpoints(storage)] == ["other"]


def test_a_prefix_sees_its_own(tmp_path: Path) -> None:
    from alexflow.storage import PrefixStorage

    whole = LocalStorage(tmp_path)
    with opened(PrefixStorage(whole, "a")) as checkpoint:
        checkpoint.save(1)
    with opened(PrefixStorage(whole, "b")) as checkpoint:
        assert checkpoint.load(default=0) == 0
    assert kept_checkpoints(whole) == []
    assert len(kept_checkpoints(PrefixStorage(whole, "a"))) == 1


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "longer", "foreign"])
def test_a_damaged_save_is_passed_over_for_the_one_before(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    storage = LocalStorage(tmp_path)
    with opened(storage) as checkpoint:
        checkpoint.save("before")
        checkpoint.save("last" * 100)
    newest = max((tmp_path / ".alexflow/checkpoints").glob("*.checkpoint"))
    data = bytearray(newest.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 1
    newest.write_bytes({"cut": data[:-1], "empty": b"", "longer": data + b"x", "foreign": b"PK"}.get(damage, data))
    with caplog.at_level(logging.WARNING, "alexflow"), opened(storage) as checkpoint:
        assert checkpoint.load(default=None) == "before"
        checkpoint.save("next")
        assert checkpoint.load(default=None) == "next"
    assert "m.Train.1: a save of its checkpoint 'state' is passed over" in caplog.text


class Gone:
    def __reduce__(self) -> Any:
        return _raise, ()


def _raise() -> None:
    raise ImportError("no module named gone")


def test_a_state_that_cannot_be_unpickled_any_more_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    with opened(MemoryStorage()) as checkpoint:
        checkpoint.save(1)
        checkpoint.save(Gone())
        assert checkpoint.load(default=None) == 1
    assert "ImportError: no module named gone" in caplog.text


def test_what_a_killed_save_has_left_is_invisible_and_goes(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    with opened(storage) as checkpoint:
        checkpoint.save(1)
        stem = max((tmp_path / ".alexflow/checkpoints").glob("*.checkpoint")).name
        half = tmp_path / f".alexflow/checkpoints/.{stem}.1-aa.new"
        half.write_bytes(b"alexflow check")
    with opened(storage) as checkpoint:
        assert checkpoint.load(default=0) == 1
    assert not half.exists()


def test_functions_can_be_saved_and_locks_cannot() -> None:
    import threading

    with opened(MemoryStorage()) as checkpoint:
        checkpoint.save({"schedule": lambda step: step * 2})
        assert checkpoint.load(default=None)["schedule"](4) == 8  # type: ignore[index]
        with pytest.raises(EncodingError, match=r"'state' of m\.Train\.1: a state of type dict cannot be pickled"):
            checkpoint.save({"lock": threading.Lock()})
        assert checkpoint.saves == 1


def test_directories(storage: Storage, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "below").mkdir(parents=True)
    (source / "below/weights.bin").write_bytes(b"w" * 3_000_000)
    (source / "epoch").write_text("3")
    with opened(storage) as checkpoint:
        assert not checkpoint.load_directory(target)
        checkpoint.save_directory(source)
    with opened(storage) as checkpoint:
        assert checkpoint.load_directory(target)
        assert (target / "epoch").read_text() == "3"
        assert (target / "below/weights.bin").read_bytes() == b"w" * 3_000_000
        with pytest.raises(DefinitionError, match="empty directory"):
            checkpoint.load_directory(target)
        with pytest.raises(DefinitionError, match="use load_directory"):
            checkpoint.load(default=None)


def test_wrong_uses() -> None:
    with pytest.raises(DefinitionError, match="must be a text, not 3"):
        Checkpoint(MemoryStorage(), "m.T.1", 3, keep=1)  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match=r"must be a text, not 'a.ud800'"):
        Checkpoint(MemoryStorage(), "m.T.1", "a\ud800")
    with pytest.raises(DefinitionError, match="keep must be"):
        Checkpoint(MemoryStorage(), "m.T.1", keep=0)
    with pytest.raises(DefinitionError, match="inside `with current"):
        opened(MemoryStorage()).save(1)
    with pytest.raises(NotInTask):
        current.checkpoint()
