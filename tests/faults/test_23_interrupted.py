"""23: SIGINT once: no new tasks, running ones end, exit 130; twice: all groups are killed within 1 s."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys

import pytest

from tests.kit.processes import descendants_of, still_alive
from tests.kit.stored_files import stored_files

pytestmark = pytest.mark.anyio

SECONDS_TO_KILL = 1.0
DEADLINE = 60.0


class Script:
    """A script that runs two tasks that wait, under a shell, which says how it ended."""

    def __init__(self, place, log, told, gate, how):
        command = [sys.executable, "-m", "tests.faults.interrupted_process", place, str(log), told.path, gate.path, how]
        self.process = subprocess.Popen(
            ["sh", "-c", f"{shlex.join(command)}; echo exit $?"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # it is ignored by what a shell has started in the background, which these tests may be
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.pid = int(self.process.stdout.readline())

    def signal(self, number):
        os.kill(self.pid, number)

    def end(self):
        """Return its exit code and output."""
        try:
            out, err = self.process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            os.kill(self.pid, signal.SIGKILL)
            raise
        *said, code = out.splitlines()
        assert said[-1] == "the script goes on"  # what it has for `finally` runs
        return int(code.removeprefix("exit ")), said, err.splitlines()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_once(place, log, fifo, number, code):
    told, gate = fifo("told"), fifo("gate")
    script = Script(place, log, told, gate, "")
    await told.receive(2)
    family = descendants_of(script.pid)
    assert len(family) == 3
    script.signal(number)
    exitcode, _, err = script.end()
    assert exitcode == code
    assert still_alive(family, 0) == set()
    assert log.read_text().split() == ["finally"] * 2  # they have cleaned up, and nothing else was begun
    assert stored_files(place) == []
    said = [line for line in err if line.startswith("alexflow:")]
    assert len(said) == 1
    assert "stopping running tasks" in said[0]
    assert ("KeyboardInterrupt" in err) == (number == signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_twice(place, log, fifo, number):
    told, gate = fifo("told"), fifo("gate")
    script = Script(place, log, told, gate, "goes on")
    await told.receive(2)
    family = descendants_of(script.pid)
    script.signal(number)
    assert await told.receive(2) == ["goes on"] * 2
    assert still_alive(family, 0) == family
    script.signal(number)
    assert still_alive(family, SECONDS_TO_KILL) == set()
    exitcode, _, err = script.end()
    assert exitcode == 128 + number
    assert log.read_text() == ""
    assert stored_files(place) == []
    assert sum(line.startswith("alexflow:") for line in err) == 2


@pytest.mark.parametrize("how", ["thread", "loop"])
async def test_where_there_is_no_process(place, log, fifo, how):
    """Also a thread that hangs does not keep the script from ending."""
    told, gate = fifo("told"), fifo("gate")
    script = Script(place, log, told, gate, how)
    await told.receive(2)
    script.signal(signal.SIGINT)
    exitcode, said, _ = script.end()
    assert exitcode == 130
    assert told.received() == []  # nothing else was begun
    assert stored_files(place) == []
    if how == "loop":
        assert log.read_text().split() == ["finally"] * 2
        assert "alexflow-task" not in said[0]  # only of what the tasks themselves use, threads may be ending
    else:
        assert said[0].count("alexflow-task") == 2


async def test_a_coroutine_that_does_not_listen_does_not_keep_the_script_from_ending(place, log, fifo):
    told, gate = fifo("told"), fifo("gate")
    script = Script(place, log, told, gate, "deaf")
    await told.receive(2)
    script.signal(signal.SIGINT)
    exitcode, _, err = script.end()
    assert exitcode == 130
    assert sum("DeafOnLoop" in line and "is abandoned; it cannot publish any more" in line for line in err) == 2
    assert stored_files(place) == []
