"""A script's exit code says whether tasks failed, it was used wrongly, or somebody interrupted it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from alexflow import exit_code
from alexflow.errors import CycleError, EngineClosed, OutputNotFound, RunFailed, TaskFailed, UnknownStorage
from tests.kit.fifo import Fifo

FAILURE = TaskFailed("a.B.c", error_type="ValueError", error_message="no", traceback="")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, 0),
        (RunFailed("1 task failed", [FAILURE]), 1),
        (OutputNotFound("key"), 1),
        (EngineClosed("closed"), 1),
        (ValueError(), 1),
        (CycleError(["a"]), 2),
        (UnknownStorage("x://"), 2),
        (KeyboardInterrupt(), 130),
        (asyncio.CancelledError(), 130),
    ],
    ids=lambda value: type(value).__name__,
)
def test_codes(error, code):
    assert exit_code(error) == code


def script(place, target, options=""):
    code = (
        "import alexflow\n"
        "from tests.faults.workflows import *\n"
        "from tests.process.workflows import says\n"
        f"alexflow.main({target}, storage={str(place)!r}, workers=1, {options})\n"
        "print('not reached')"
    )
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    ("target", "options", "code", "out", "err"),
    [
        ("says(1, 'print')", "", 0, "print 1\n1 ran, 0 cached in ", ""),
        ("says(1, 'raise')", "", 1, "", "alexflow: 1 task failed\n\ntests.process.workflows.Says."),
        ("[says(1, 'raise'), Number(1)]", "on_error='continue'", 1, "1 ran, 0 cached, 1 failed", "alexflow: 1 task f"),
        ("InCircle(0, 3)", "", 2, "", "alexflow: CycleError: these tasks need each other"),
        ("Number(1)", "on_error='go on'", 2, "", "alexflow: DefinitionError: on_error must be"),
    ],
)
def test_scripts(target, options, code, out, err, tmp_path):
    done = subprocess.run(script(tmp_path / "results", target, options), capture_output=True, text=True)
    assert (done.returncode, done.stderr[: len(err)]) == (code, err), done.stderr
    assert done.stdout.startswith(out)
    assert "not reached" not in done.stdout
    assert "script.py" not in done.stderr
    assert bool(done.stderr) == bool(code)


def test_interrupted(tmp_path):
    told = tmp_path / "told"
    os.mkfifo(told)
    with Fifo(tmp_path / "gate") as gate:
        task = f"Held(1, told={str(told)!r}, gate={gate.path!r})"
        running = subprocess.Popen(
            script(tmp_path / "results", task),
            stderr=subprocess.PIPE,
            text=True,
            # it is ignored by what a shell has started in the background, which these tests may be
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        told.read_text()  # it runs
        running.send_signal(signal.SIGINT)
        _, err = running.communicate()
    assert running.returncode == 130
    assert err.endswith("alexflow: interrupted\n")
    assert "Traceback" not in err
