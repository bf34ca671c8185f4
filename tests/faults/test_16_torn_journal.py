"""16: the journal of a run is cut off mid-record: the torn record is dropped; resuming works from the outputs."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from alexflow import LocalStorage, run
from alexflow.events import RunFinished, TaskStarted, TaskSucceeded
from alexflow.events.history import read_history
from alexflow.events.journal import read
from alexflow.record.reader import journals
from tests.faults.workflows import Number, Sum, hanging_workflow


def graph(log):
    return Sum(tuple(Number(n, log).output() for n in range(5)), log=log)


def test_cut_off_at_every_byte(place, log, tmp_path):
    directory = tmp_path / "runs"
    target = graph(str(log))
    run(target, storage=place, workers=1, journal=directory)
    (path,) = journals(directory)
    whole = read(path)
    assert whole.header is not None
    assert (whole.header.pid, whole.is_torn) == (os.getpid(), False)
    assert isinstance(whole.entries[-1].event, RunFinished)
    data = Path(path).read_bytes()

    earlier = None
    for length in range(len(data) + 1):
        Path(path).write_bytes(data[:length])
        cut = read(path)
        assert cut.entries == whole.entries[: len(cut.entries)]
        assert cut.is_torn or length == len(data) or read_is_at_a_boundary(data, length)
        assert earlier is None or len(cut.entries) >= earlier
        earlier = len(cut.entries)
    assert earlier == len(whole.entries)

    Path(path).write_bytes(data[:-1])
    target.output().assign_storage(LocalStorage(place)).remove()
    log.write_text("")
    result = run(target, storage=place, workers=1, journal=directory)
    assert (result.ran, result.output.load()) == (1, sum(range(5)))
    assert len(journals(directory)) == 2
    assert read(path).is_torn  # nobody has touched it


def read_is_at_a_boundary(data, length):
    """Whether a journal of this length lacks whole records only."""
    boundary = data.index(b"\n") + 1
    while boundary < length:
        boundary += 8 + int.from_bytes(data[boundary : boundary + 4], "little")
    return boundary == length and length > data.index(b"\n") + 1


def test_a_damaged_record_and_all_behind_it_are_dropped(place, log, tmp_path):
    directory = tmp_path / "runs"
    run(graph(str(log)), storage=place, workers=1, journal=directory)
    (path,) = journals(directory)
    data = bytearray(Path(path).read_bytes())
    data[-3] ^= 1
    Path(path).write_bytes(data)
    damaged = read(path)
    assert damaged.is_torn
    assert damaged.header is not None


def test_of_an_engine_that_was_killed(place, log, tmp_path, fifo):
    """It ends with what was told a moment before; a later run needs none of it."""
    told, hang, directory = fifo("told"), tmp_path / "hang", tmp_path / "runs"
    hang.touch()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = ["tests.faults.engine_process", place, str(log), str(hang), told.path, str(directory)]
    engine = subprocess.Popen([sys.executable, "-m", *command], env=environment)
    try:
        asyncio.run(told.receive(2))
        while not any(recorded(directory)):
            assert engine.poll() is None
    finally:
        engine.kill()
    assert engine.wait() == -signal.SIGKILL
    (path,) = journals(directory)
    history = read_history(path)
    assert history.was_cut_short
    assert set(history.in_state("done")) == {Number(n).task_id for n in range(20)}
    assert len(history.in_state("under way")) == 2

    hang.unlink()
    shutil.rmtree(directory)
    result = run(hanging_workflow(str(log), str(hang), told.path), storage=place, workers=2)
    assert (result.ran, result.cached) == (3, 20)


def recorded(directory):
    """Whether all that can happen before the workflow hangs has been written down."""
    for path in journals(directory):
        events = [entry.event for entry in read(path).entries]
        started, done = (sum(isinstance(event, kind) for event in events) for kind in (TaskStarted, TaskSucceeded))
        yield (started, done) == (22, 20)
