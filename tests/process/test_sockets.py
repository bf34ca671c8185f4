"""Whatever is set for sockets, by the program or by a task, those between engine, fork server and workers work."""

from __future__ import annotations

import logging
import os
import socket

import pytest

from alexflow import Engine
from tests.process.workflows import AsksForSource, SetsTimeout, Value

pytestmark = pytest.mark.anyio

#: Seconds: so short that whatever heeded it would fail at once.
SHORT = 1e-6


@pytest.fixture
def default_timeout():
    """Set a default timeout for new sockets, as an application does for those to servers."""
    socket.setdefaulttimeout(SHORT)
    yield
    socket.setdefaulttimeout(None)


class Impatient(socket.socket):
    """A socket whose descriptor does not block, whatever it is told, as those are that gevent puts in their place."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        os.set_blocking(self.fileno(), False)

    def setblocking(self, flag):
        super().setblocking(flag)
        os.set_blocking(self.fileno(), False)


def impatient_pair(*arguments):
    return tuple(Impatient(fileno=end.detach()) for end in _socketpair(*arguments))


_socketpair = socket.socketpair


async def idle_and_busy(place):
    """Tasks one by one, so that workers wait, and many at once; all in one process."""
    async with Engine(place, workers=1) as engine:
        pids = set()
        for n in range(5):
            pid, _ = (await engine.run(Value(n))).output.load()
            pids.add(pid)
        assert (await engine.run([Value(n) for n in range(5, 300)])).ran == 295
        asks = AsksForSource(Value(1_000, "x" * 1_000_000).output())
        pid, value = (await engine.run(asks)).output.load()
        assert value == "x" * 1_000_000
        assert {*pids, pid} == pids
        assert len(pids) == 1


@pytest.mark.usefixtures("default_timeout")
async def test_the_program_sets_a_default_timeout(place):
    await idle_and_busy(place)


async def test_the_program_has_other_sockets(place, monkeypatch):
    monkeypatch.setattr(socket, "socketpair", impatient_pair)
    await idle_and_busy(place)


async def test_every_interpreter_sets_a_default_timeout(place, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(f"import socket; socket.setdefaulttimeout({SHORT})")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    await idle_and_busy(place)


async def test_a_task_sets_a_default_timeout(place, caplog):
    caplog.set_level(logging.INFO)
    async with Engine(place, workers=1) as engine:
        pid, value = (await engine.run(SetsTimeout(Value(0, "there").output(), SHORT))).output.load()
        assert value == "there"
        assert "after it was set" in caplog.messages
        for n in range(1, 6):
            again, _ = (await engine.run(Value(n))).output.load()
            assert again == pid
