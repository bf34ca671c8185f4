"""``why``: how the one task that is meant stands now, whatever earlier runs came to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

import alexflow
from alexflow import JSONOutput, LocalStorage, Retry, RunFailed, Task
from alexflow.cli.program import main
from tests.timeline.recorded_runs import WrittenRun

#: Numbers of tasks that have what they need.
READY: set[int] = set()


@dataclass(frozen=True)
class Reads(Task):
    """Fails while it lacks something."""

    n: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        if self.n not in READY:
            raise FileNotFoundError(self.n)
        await output.astore(self.n)


@pytest.fixture
def tasks() -> list[Reads]:
    READY.clear()
    return [Reads(0), Reads(1)]


def why(place: Path, key: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code, and what is printed."""
    code = main(["why", key, "--storage", str(place / "st")])
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def test_a_task_that_was_made_after_it_had_failed_is_done(
    tmp_path: Path, tasks: list[Reads], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RunFailed):
        alexflow.run(tasks[0], storage=tmp_path / "st", progress=False)
    code, text = why(tmp_path, tasks[0].task_id, capsys)
    assert (code, "failed for good after attempt 1: FileNotFoundError" in text) == (0, True)
    READY.add(0)
    alexflow.run(tasks[0], storage=tmp_path / "st", progress=False)
    for key in (tasks[0].task_id, f"Reads.{tasks[0].task_id[-40:-32]}", tasks[0].output().key):
        code, text = why(tmp_path, key, capsys)
        assert (code, "waits for nothing: it was made " in text) == (0, True)
    READY.clear()
    with pytest.raises(RunFailed):
        alexflow.run(tasks[0], storage=tmp_path / "st", progress=False, force=True)
    assert "failed for good" in why(tmp_path, tasks[0].task_id, capsys)[1]


def test_a_beginning_that_fits_several_is_refused_however_they_stand(
    tmp_path: Path, tasks: list[Reads], capsys: pytest.CaptureFixture[str]
) -> None:
    READY.add(0)
    alexflow.run(tasks, storage=tmp_path / "st", progress=False, on_error="continue")
    code, text = why(tmp_path, "Reads", capsys)
    assert code == 2
    assert all(task.task_id in text for task in tasks)
    assert "'Reads' fits several; give more of one:\n  " in text
    for task in tasks:
        assert why(tmp_path, f"Reads.{task.task_id[-40:-32]}", capsys)[0] == 0
    code, text = why(tmp_path, "Writes", capsys)
    assert (code, "its engine says: engine.why(task)" in text) == (2, True)


def test_what_a_killed_engine_had_begun_waits_for_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "st").mkdir()
    written = WrittenRun(200, 3, failing=0.0, seed=1)
    written.write(LocalStorage(tmp_path / "st"))
    (file,) = tmp_path.rglob("*.segment")
    file.write_bytes(file.read_bytes()[:-3_000])
    last = written.task_id(max(written.completions, key=lambda each: each[1] + each[2])[0])
    assert "it runs, or is about to, in process 4321 on machine" in why(tmp_path, last, capsys)[1]
    main(["show", last, "--storage", str(tmp_path / "st")])
    shown = capsys.readouterr().out
    assert "not recorded as done" in shown
    assert "stored" not in shown, "of its output nothing says that it ever was there"
    assert "removed since" not in shown
    monkeypatch.setattr("alexflow.cli.why.engine_is_gone", lambda run: True)
    text = why(tmp_path, last, capsys)[1]
    assert "waits for another run: process 4321 on machine, which had begun it, was killed" in text
    assert f"next: alexflow run {last.partition('up.')[2][:15]} " in text


@dataclass(frozen=True)
class Tried(Reads):
    retry = Retry(2)


def test_a_log_has_what_came_again_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of attempts that failed alike, all but the last are a line."""
    READY.clear()
    alexflow.run([Tried(0), Tried(1)], storage=tmp_path / "st", progress=False, on_error="continue")
    main(["log", "--storage", str(tmp_path / "st")])
    log = capsys.readouterr().out
    assert log.count("Traceback (most recent call last)") == 2
    assert log.count(", tried again: FileNotFoundError") == 4
    last = log.rpartition(", tried again: ")[2]
    assert last.count("given up") == last.count("Traceback (most recent call last)") == 2
    assert "\n\n\n" not in log
