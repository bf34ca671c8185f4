"""4: SIGKILL of the engine: no process is alive 2 s later, and a second run does what was not published."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import alexflow
from alexflow.storage.local.lock_file import LEASES_FILE as LEASES
from tests.faults.workflows import Number, hanging_workflow
from tests.kit.processes import descendants_of, still_alive
from tests.kit.stored_files import stored_files

pytestmark = pytest.mark.anyio

SECONDS_TO_END = 2.0

SCRIPT = Path(__file__).with_name("engine_process.py")


@pytest.mark.parametrize("how", ["module", "script"])
async def test_nothing_survives_and_what_was_published_stays(place, log, tmp_path, fifo, how):
    told, hang = fifo("told"), tmp_path / "hang"
    hang.touch()
    command = ["-m", "tests.faults.engine_process"] if how == "module" else [str(SCRIPT)]
    engine = start([*command, place, str(log), str(hang), told.path], tmp_path if how == "script" else None)
    try:
        hung = {int(line) for line in await told.receive(2)}  # one waits for a child, one holds the interpreter lock
        family = descendants_of(engine.pid)
        assert hung < family
        assert len(family) == 4  # what workers are forked from, two of those, and a `sleep`
    finally:
        engine.kill()
    engine.wait()
    assert engine.returncode == -signal.SIGKILL
    assert still_alive(family, SECONDS_TO_END) == set()
    numbers = {Number(n).output().key for n in range(20)}
    # and nothing half; what the engine could not remove itself, the next one does
    assert set(stored_files(place)) == {*numbers, LEASES}

    hang.unlink()
    log.write_text("")
    target = hanging_workflow(str(log), str(hang), told.path)
    result = await alexflow.arun(target, storage=place, workers=2)
    assert (result.ran, result.cached) == (3, 20)
    assert Counter(log.read_text().split()) == {"child": 1, "interpreter": 1, "total": 1}
    assert result.output.load() == 2 * sum(range(20))
    keys = {target.output().key, *(output.key for output in target.input())}
    assert set(stored_files(place)) == numbers | keys  # no litter


async def test_a_fork_of_the_application_keeps_nothing_alive(place, log, tmp_path, fifo):
    told, hang = fifo("told"), tmp_path / "hang"
    hang.touch()
    engine = start(
        ["-m", "tests.faults.forking_process", place, str(log), str(hang), told.path], stdout=subprocess.PIPE
    )
    try:
        await told.receive(2)
        fork = int(engine.stdout.readline())
        family = descendants_of(engine.pid) - {fork}
        assert len(family) == 4
    finally:
        engine.kill()
    engine.wait()
    engine.stdout.close()
    assert still_alive(family, SECONDS_TO_END) == set()
    assert still_alive([fork], 0) == {fork}
    os.kill(fork, signal.SIGKILL)


async def test_an_engine_that_is_stopped_first(place, log, tmp_path, fifo):
    """Its workers end with it, not before."""
    told, hang = fifo("told"), tmp_path / "hang"
    hang.touch()
    engine = start(["-m", "tests.faults.engine_process", place, str(log), str(hang), told.path])
    try:
        await told.receive(2)
        family = descendants_of(engine.pid)
        engine.send_signal(signal.SIGSTOP)
        assert still_alive(family, 0.1) == family
    finally:
        engine.kill()
        engine.wait()
    assert still_alive(family, SECONDS_TO_END) == set()


def start(arguments, directory=None, stdout=None):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, *arguments], env=environment, cwd=directory, stdout=stdout)
