"""Notebooks with a real kernel: what a cell changes counts from the next task on, in an engine that stays open."""

from __future__ import annotations

import os
import queue
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

jupyter_client = pytest.importorskip("jupyter_client")
pytest.importorskip("ipykernel")

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

PATIENCE = 90  # seconds, for the kernel to answer


class Cell:
    """The outcome of a cell.

    Attributes:
        printed: what it wrote to standard output and error.
        value: the forms of its value, by MIME type.
        drawn: what it displayed, and drew again, in order: the identity of the place, and the forms.
        error: the traceback, empty if it did not fail.
    """

    def __init__(self) -> None:
        self.printed = ""
        self.value: dict[str, str] = {}
        self.drawn: list[tuple[str, str, dict[str, str]]] = []
        self.error = ""


class Notebook:
    """A kernel, and the cells that are run in it.

    Args:
        directory: where it runs.
        session: what Jupyter says of the notebook; None for nothing.
    """

    def __init__(self, directory: Path, session: Path | str | None) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), str(directory)])}
        environment |= {"JPY_SESSION_NAME": str(session or ""), "XDG_CACHE_HOME": str(directory / "cache")}
        self._manager = jupyter_client.KernelManager(kernel_name="python3")
        self._manager.kernel_spec.argv[0] = sys.executable
        self._manager.start_kernel(cwd=str(directory), env=environment)
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=PATIENCE)
        self.run("import alexflow\nfrom alexflow import Engine, JSONOutput, Output, Task, task")

    def interrupt(self) -> None:
        """Interrupt the cell that runs, as the stop button does."""
        self._manager.interrupt_kernel()

    def cell(self, source: str, meanwhile: Callable[[], None] | None = None) -> Cell:
        """Run a cell, whether it fails or not.

        Args:
            source: what is in it.
            meanwhile: called while it runs.
        """
        cell = Cell()
        asked = self._client.execute(source)
        if meanwhile is not None:
            meanwhile()
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"the kernel does not answer; so far: {cell.printed}") from None
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return cell
            if kind == "stream":
                cell.printed += content["text"]
            elif kind in ("display_data", "update_display_data"):
                cell.drawn.append((kind, content["transient"].get("display_id", ""), content["data"]))
            elif kind == "execute_result":
                cell.value = content["data"]
            elif kind == "error":
                cell.error = "\n".join(content["traceback"])

    def run(self, source: str) -> Any:
        """Run a cell that must not fail; the value of its last line."""
        cell = self.cell(source)
        assert not cell.error, cell.error
        text = cell.value.get("text/plain")
        return cell.printed if text is None else eval(text, {"__builtins__": {}})

    def close(self) -> None:
        """End the kernel."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    opened = Notebook(tmp_path, tmp_path / "analysis.ipynb")
    yield opened
    opened.close()


def test_what_a_cell_changes_counts_from_the_next_task_on(notebook):
    """A global, a helper and a task are redefined while an engine is open; its workers see each of them."""
    notebook.run("engine = await Engine(storage='results', workers=1).__aenter__()")
    notebook.run(
        "FACTOR = 2\ndef helper(n):\n    return n * FACTOR\n@task\ndef scaled(n: int) -> int:\n    return helper(n)"
    )
    assert notebook.run("await engine.load(scaled(1))") == 2
    notebook.run("FACTOR = 3")
    assert notebook.run("await engine.load(scaled(2))") == 6
    notebook.run("def helper(n):\n    return n * FACTOR + 1")
    assert notebook.run("await engine.load(scaled(3))") == 10
    notebook.run("@task\ndef scaled(n: int) -> int:\n    return -helper(n)")
    assert notebook.run("await engine.load(scaled(4))") == -13
    assert notebook.run("await engine.load(scaled(1))") == 2, "what was stored stays"
    notebook.run("await engine.__aexit__(None, None, None)")


def test_a_module_that_was_reloaded_counts_from_the_next_task_on(notebook, tmp_path):
    module = tmp_path / "helpers.py"
    module.write_text("def helper(n):\n    return n + 1\n")
    notebook.run("import helpers, importlib, sys; sys.dont_write_bytecode = True")
    notebook.run("@task\ndef helped(n: int) -> int:\n    return helpers.helper(n)")
    notebook.run("engine = await Engine(storage='results', workers=1).__aenter__()")
    assert notebook.run("await engine.load(helped(1))") == 2
    module.write_text("def helper(n):\n    return n + 100_000\n")
    notebook.run("_ = importlib.reload(helpers)")
    assert notebook.run("await engine.load(helped(2))") == 100_002
    notebook.run("await engine.__aexit__(None, None, None)")


def test_a_module_that_autoreload_changes_counts_from_the_next_cell_on(notebook, tmp_path):
    """It changes functions and classes in place, and not all that a cell has imported from the module."""
    module = tmp_path / "helpers.py"
    text = "K = 1\ndef helper():\n    return 1\nclass Helper:\n    def value(self): return 1\n"
    module.write_text(text)
    notebook.run("import sys; sys.dont_write_bytecode = True\n%load_ext autoreload\n%autoreload 2")
    notebook.run("engine = await Engine(storage='results', workers=1).__aenter__()")
    here = "[helpers.K, helpers.helper(), helpers.Helper().value(), helper(), Helper().value()]"
    helped = f"@task\ndef helped(n: int) -> list[int]:\n    return {here}"
    first = f"import helpers\nfrom helpers import helper, Helper\n{helped}\nawait engine.load(helped(1))"
    assert notebook.run(first) == [1] * 5
    for number in (2, 3):
        module.write_text(text.replace("1", str(number)))
        os.utime(module, (time.time() + number, time.time() + number))  # later, whatever the clock of files can tell
        found = notebook.run(f"await engine.load(helped({number}))")
        assert found[:3] == [number] * 3
        assert found == notebook.run(here)
    notebook.run("await engine.__aexit__(None, None, None)")


def test_run_shows_progress_and_what_is_shown_is_compact(notebook):
    notebook.run("@task\ndef one(n: int) -> int:\n    return n")
    cell = notebook.cell("result = alexflow.run([one(n) for n in range(50)], storage='results')\nresult")
    assert not cell.error
    assert not cell.printed, "progress is drawn, and not written"
    assert "50 ran, 0 cached" in cell.drawn[-1][2]["text/html"], "progress is on by default"
    assert "50 ran, 0 cached" in cell.value["text/html"]
    assert len(str(cell.value)) < 25_000
    assert "one" in notebook.cell("one.task(3)").value["text/html"]


@pytest.mark.parametrize("run", ["alexflow.run", "await alexflow.arun"])
def test_a_run_is_drawn_in_its_cell_in_place_and_folds_into_its_outcome(notebook, run):
    notebook.run("from alexflow.progress.cell import CellDisplay; CellDisplay.interval = 0.01")
    notebook.run("@task\ndef one(n: int) -> int:\n    return n")
    shown = "None" if run == "alexflow.run" else "True"
    cell = notebook.cell(f"_ = {run}([one(n) for n in range(30)], storage='results', progress={shown})")
    assert not cell.error
    assert not cell.printed
    (first, place, picture), *others = cell.drawn
    assert first == "display_data"
    assert place
    assert picture["text/html"].startswith("<details open><summary>")
    assert "<b>one</b>" in picture["text/html"]
    assert {(kind, where) for kind, where, _ in others} == {("update_display_data", place)}
    assert cell.drawn[-1][2]["text/html"].startswith("<details><summary><b>30 ran, 0 cached in ")
    assert cell.drawn[-1][2]["text/plain"].startswith("alexflow: 30 ran, 0 cached in ")
    again = notebook.cell(f"_ = {run}([one(n) for n in range(30)], storage='results', progress={shown})")
    assert [(kind, "nothing to run, 30 cached" in data["text/html"]) for kind, _, data in again.drawn] == [
        ("display_data", True)
    ]


def test_what_failed_is_drawn_open_and_nothing_of_it_is_markup(notebook):
    notebook.run("@task\ndef fails(n: int) -> int:\n    raise ValueError('<img src=x onerror=alert(1)>')")
    cell = notebook.cell("alexflow.run(fails(1), storage='results')")
    assert "ValueError" in cell.error + cell.printed
    picture = cell.drawn[-1][2]["text/html"]
    assert picture.startswith("<details open><summary><b>0 ran, 0 cached, 1 failed")
    assert "&lt;img src=x onerror=alert(1)&gt;" in picture
    assert "<img" not in picture


def test_a_traceback_shows_the_line_of_the_cell(notebook):
    notebook.run("@task\ndef fails(n: int) -> int:\n    return n / 0  # the line")
    cell = notebook.cell("alexflow.run(fails(1), storage='results', progress=False)")
    assert "return n / 0  # the line" in cell.error + cell.printed


MADE = (
    "@task\ndef made(n: int) -> str:\n    return {!r}\n"
    "alexflow.run(made(1), storage='results', progress=False{}).output.load()"
)


@pytest.mark.parametrize("options", ["", ", record=False"])
@pytest.mark.parametrize("session", ["/home/me/other.ipynb", "fileId=1aB2", None])
def test_two_notebooks_never_share_results(notebook, tmp_path, session, options):
    """Jupyter gives the place of a file, Colab also an id, others nothing."""
    assert notebook.run(MADE.format("first", options)) == "first"
    other = Notebook(tmp_path, session)
    try:
        cell = other.cell(MADE.format("second", options))
        assert "DefinitionError" in cell.error
        for said in ("analysis.ipynb", "task_name", (session or "cannot be seen").removeprefix("/home/")):
            assert said in cell.error
        named = MADE.replace("@task", "@task(task_name='other.made')")
        assert other.run(named.format("second", options)) == "second"
    finally:
        other.close()


def test_a_notebook_that_was_edited_or_renamed_finds_its_results(notebook, tmp_path):
    assert notebook.run(MADE.format("first", "")) == "first"
    again, renamed = Notebook(tmp_path, tmp_path / "analysis.ipynb"), Notebook(tmp_path, tmp_path / "renamed.ipynb")
    try:
        assert again.run(MADE.format("edited", "")) == "first", "what was stored stays"
        place = f"{tmp_path.name}/analysis.ipynb"
        assert f"ALEXFLOW_NOTEBOOK={place}" in renamed.cell(MADE.format("edited", "")).error
        renamed.run(f"%env ALEXFLOW_NOTEBOOK={place}")
        assert renamed.run(MADE.format("edited", "")) == "first"
    finally:
        again.close()
        renamed.close()


def test_a_notebook_whose_place_cannot_be_seen_warns_of_other_code(tmp_path):
    first, second = Notebook(tmp_path, None), Notebook(tmp_path, None)
    try:
        assert first.run(MADE.format("first", "")) == "first"
        cell = second.cell(MADE.format("second", ""))
        assert "the code of __main__.made differs" in cell.printed
    finally:
        first.close()
        second.close()


def test_the_place_of_a_notebook_is_what_the_editor_or_the_user_says(notebook):
    """Visual Studio Code sets a variable, which says more than Jupyter's; the user says most."""
    notebook.run("__vsc_ipynb_file__ = '/home/me/in_an_editor.ipynb'")
    assert notebook.run(MADE.format("first", "")) == "first"
    notebook.run("%env ALEXFLOW_NOTEBOOK=named.ipynb")
    cell = notebook.cell(MADE.format("second", ""))
    assert "DefinitionError" in cell.error
    assert "in_an_editor.ipynb" in cell.error
    assert "named.ipynb" in cell.error


def test_a_large_global_is_noted(notebook):
    notebook.run("table = bytes(20_000_000)\n@task\ndef size(n: int) -> int:\n    return len(table) + n")
    cell = notebook.cell("alexflow.run(size(1), storage='results', progress=False).output.load()")
    assert not cell.error
    assert "table" in cell.printed
    assert "20.0 MB" in cell.printed


@pytest.mark.parametrize(
    "run", ["alexflow.run(waits('begun'), storage='results')", "await alexflow.arun(waits('begun'), storage='results')"]
)
def test_interrupting_the_kernel_ends_the_run_and_its_workers(notebook, tmp_path, run):
    os.mkfifo(tmp_path / "begun")
    notebook.run(
        "import os, time\n@task\ndef waits(fifo: str) -> int:\n"
        "    with open(fifo, 'w') as file:\n        file.write(str(os.getpid()))\n    time.sleep(600)\n    return 1"
    )
    workers = []

    def interrupt() -> None:
        workers.append(int((tmp_path / "begun").read_text()))
        notebook.interrupt()

    cell = notebook.cell(run, interrupt)
    assert "KeyboardInterrupt" in cell.error or "CancelledError" in cell.error
    with pytest.raises(ProcessLookupError):
        os.kill(workers[0], 0)
    assert notebook.run("1 + 1") == 2
    notebook.run("@task\ndef one(n: int) -> int:\n    return n")
    assert notebook.run("alexflow.run(one(1), storage='results', progress=False).output.load()") == 1
