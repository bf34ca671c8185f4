"""Whether, where and how progress is shown by ``run`` and ``arun``."""

import asyncio
import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import alexflow
from alexflow import JSONOutput, MemoryStorage
from alexflow.errors import CycleError, HookError, RunFailed
from alexflow.events import RunFinished, RunStarted, TaskGivenUp, TasksPlanned, TaskStarted
from alexflow.progress.display import Lines, view_for
from alexflow.progress.tally import Progress
from tests.progress.shown_tasks import Add, Breaks, Endless, Lasts, Number

SCRIPT = """
from tests.progress.shown_tasks import Add, Breaks, Number
import alexflow, sys
print(alexflow.run({target}, storage={storage!r}, executor="thread"))
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_not_shown_where_nobody_looks(capfd: pytest.CaptureFixture[str]) -> None:
    alexflow.run(Number(n=1), storage=MemoryStorage())
    assert capfd.readouterr().err == ""


def test_shown_in_lines_where_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    storage = MemoryStorage()
    target = Add(a=Number(n=1).output(), b=Number(n=2).output())
    alexflow.run(target, storage=storage, progress=True)
    first = capfd.readouterr().err.splitlines()
    assert first[0].startswith("alexflow: 3 ran, 0 cached in ")
    assert [line.split()[0] for line in first[1:]] in (["Number", "Add"], ["Add", "Number"])
    alexflow.run(target, storage=storage, progress=True)
    assert capfd.readouterr().err.startswith("alexflow: nothing to run, 1 cached")


def test_arun_shows_nothing_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    asyncio.run(alexflow.arun(Number(n=1), storage=MemoryStorage()))
    assert terminal.getvalue() == ""
    asyncio.run(alexflow.arun(Number(n=2), storage=MemoryStorage(), progress=None))
    assert "1 ran" in terminal.getvalue()


def test_failures_are_named(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RunFailed):
        alexflow.run(Breaks(n=1), storage=MemoryStorage(), progress=True)
    lines = capfd.readouterr().err.splitlines()
    assert lines[0].endswith("failed: ValueError: cannot read part 1")
    assert lines[1].startswith("alexflow: 0 ran, 0 cached, 1 failed")


def test_a_refused_graph_has_its_exception_only(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CycleError):
        alexflow.run(Endless(), storage=MemoryStorage(), progress=True)
    assert "ran" not in capfd.readouterr().err


@pytest.mark.anyio
@pytest.mark.parametrize("count", [5, 400])
async def test_a_run_that_is_stopped_says_how_many_did_not_end(count: int, capfd: pytest.CaptureFixture[str]) -> None:
    Lasts.begun = asyncio.Event()
    tasks = [Lasts(n=n) for n in range(count)]
    running = asyncio.create_task(alexflow.arun(tasks, storage=MemoryStorage(), progress=True))
    await Lasts.begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith("alexflow: stopped after ")
    assert last.endswith(f": 0 ran, {count} did not end")


class NoTask(Endless):
    def input(self) -> JSONOutput[int]:
        raise ValueError("no input")


def test_a_request_that_cannot_be_served_has_its_exception_only(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(HookError):
        alexflow.run(NoTask(), storage=MemoryStorage(), progress=True)
    assert "ran" not in capfd.readouterr().err


def test_which_view(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    assert view_for(None, True) is None
    assert view_for(pipe, None) is None
    assert view_for(pipe, False) is None
    assert isinstance(view_for(pipe, True), Lines)
    assert view_for(Terminal(), False) is None
    monkeypatch.setitem(sys.modules, "alexflow.progress.live", None)  # as where rich is missing
    assert isinstance(view_for(Terminal(), None), Lines)


def test_a_line_is_written_when_something_has_changed() -> None:
    file = io.StringIO()
    view, progress = Lines(file), Progress()
    view.show(progress, 0.0)
    progress.add(RunStarted(1), 0.0)
    progress.add(TasksPlanned(("m.A.1", "m.A.2")), 0.0)
    view.show(progress, 5.0)
    view.show(progress, 10.0)
    progress.add(TaskStarted("m.A.1"), 11.0)
    progress.add(TaskGivenUp("m.A.1", 1, "ValueError: no"), 12.0)
    view.show(progress, 15.0)
    progress.add(RunFinished(0, 0, 1, 1, 16.0), 16.0)
    view.show(progress, 20.0)
    view.close(progress, 20.0)
    assert file.getvalue().splitlines() == [
        "alexflow: 0 done, 0 under way, 2 waiting; A 0/2",
        "alexflow: m.A.1 failed: ValueError: no",
        "alexflow: 0 done, 0 under way, 1 waiting, 1 failed; A 0/2",
        "alexflow: 0 ran, 0 cached, 1 failed, 1 skipped in 16.0 s",
    ]


def on_a_terminal(target: str, storage: Path) -> str:
    """The text on a terminal, as a person sees it."""
    ours, theirs = pty.openpty()
    code = SCRIPT.format(target=target, storage=str(storage))
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200", "LINES": "30"}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=Path.cwd()
    )
    os.close(theirs)
    seen = b""
    try:
        while data := os.read(ours, 65536):
            seen += data
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(ours)
    assert process.wait() in (0, 1)
    return seen.decode()


@pytest.mark.processes
def test_live_on_a_terminal(tmp_path: Path) -> None:
    pytest.importorskip("rich")
    seen = on_a_terminal("[Number(n=n, seconds=0.5) for n in range(3)]", tmp_path)
    assert "0/3" in seen  # drawn while they ran
    assert "\x1b[2K" in seen  # and drawn again in place
    assert "3 ran, 0 cached in" in seen


@pytest.mark.processes
def test_live_summary_of_a_failure(tmp_path: Path) -> None:
    pytest.importorskip("rich")
    seen = on_a_terminal("Breaks(n=7)", tmp_path)
    assert "0 ran, 0 cached, 1 failed" in seen
    assert "ValueError: cannot read part 7" in seen


@pytest.mark.processes
def test_rich_is_not_imported_where_nothing_is_shown() -> None:
    code = (
        "import sys, alexflow; from tests.progress.shown_tasks import Number\n"
        "alexflow.run(Number(n=1), storage=alexflow.MemoryStorage())\n"
        "sys.exit('rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL).returncode == 0
