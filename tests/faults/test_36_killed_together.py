"""36: worker and engine are killed within a millisecond, either first: nothing that a task started stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.faults.families import DAEMON, WAYS
from tests.kit.processes import parent_of, still_alive

pytestmark = pytest.mark.anyio

SECONDS_TO_END = 2.0


def start(place, told, gate, ways, *first):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.family_process", place, told.path, gate.path, *ways],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*first, *sys.path])},
    )


class Family:
    """An engine, its template, a worker, and what the worker's task has started."""

    def __init__(self, place, told, gate, ways):
        self.engine = start(place, told, gate, ways)
        self._told = told
        self._ways = ways

    async def __aenter__(self):
        (line,) = await self._told.receive()
        self.worker, *children = (int(pid) for pid in line.split())
        self.template = parent_of(self.worker)
        started = dict(zip(self._ways, children, strict=True))
        self.daemon = started.pop(DAEMON, 0)
        self.members = {self.worker, self.template, *started.values()}
        return self

    async def __aexit__(self, *exc_info):
        self.engine.kill()
        self.engine.wait()
        for pid in still_alive({*self.members, self.daemon} - {0}, 0):
            os.kill(pid, signal.SIGKILL)

    def kill(self, *names):
        for name in names:
            os.kill(self.engine.pid if name == "engine" else getattr(self, name), signal.SIGKILL)
        self.engine.wait()


@pytest.mark.parametrize("order", [("worker", "engine"), ("engine", "worker")], ids="-".join)
@pytest.mark.parametrize("way", WAYS)
async def test_of_each_kind(place, fifo, way, order):
    async with Family(place, fifo("told"), fifo("gate"), [way]) as family:
        family.kill(*order)
        assert still_alive(family.members, SECONDS_TO_END) == set()


@pytest.mark.parametrize("order", [("worker", "engine"), ("engine", "worker"), ("engine",)], ids="-".join)
async def test_of_all_kinds_but_what_has_left_its_session(place, fifo, order):
    async with Family(place, fifo("told"), fifo("gate"), [*WAYS, DAEMON]) as family:
        family.kill(*order)
        assert still_alive(family.members, SECONDS_TO_END) == set()
        assert still_alive({family.daemon}, 0) == {family.daemon}


@pytest.mark.parametrize("order", [("worker", "engine"), ("engine", "worker")], ids="-".join)
async def test_though_the_template_is_stopped(place, fifo, order):
    async with Family(place, fifo("told"), fifo("gate"), [*WAYS]) as family:
        os.kill(family.template, signal.SIGSTOP)
        family.kill(*order)
        assert still_alive(family.members, SECONDS_TO_END) == set()


@pytest.mark.parametrize("order", [("template", "engine"), ("engine", "template")], ids="-".join)
async def test_template_and_engine(place, fifo, order):
    """The worker is killed by its lifeline, with its group; nothing is left that knows of other groups."""
    in_its_group = [way for way in WAYS if way in ("a command", "fork", "multiprocessing", "ProcessPoolExecutor")]
    async with Family(place, fifo("told"), fifo("gate"), in_its_group) as family:
        family.kill(*order)
        assert still_alive(family.members, SECONDS_TO_END) == set()


async def test_while_the_interpreter_that_workers_come_from_does_not_start(place, tmp_path, fifo):
    """A module of the environment hangs that every interpreter imports first."""
    told, gate = fifo("told"), fifo("gate")
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if sys.orig_argv[1] == '-c':\n"
        f"    with open({told.path!r}, 'w') as told: print(os.getpid(), file=told)\n"
        f"    open({gate.path!r}).read(1)\n"
    )
    engine = start(place, told, gate, [], str(tmp_path))
    try:
        template = int((await told.receive())[0])
        assert parent_of(template) == engine.pid
    finally:
        engine.kill()
        engine.wait()
    assert still_alive({template}, SECONDS_TO_END) == set()
