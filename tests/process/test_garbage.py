"""Garbage that a task writes into the channels or the status page of its worker costs that worker alone."""

from __future__ import annotations

import gc
import mmap
import os
import socket
import stat
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, Output, Task
from alexflow.errors import TaskTimeout, WorkerDied
from tests.faults.workflows import Number

pytestmark = pytest.mark.anyio


def _sockets() -> list[int]:
    """The worker's channels to its engine."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if stat.S_ISSOCK(os.stat(int(name)).st_mode):
                found.append(int(name))
        except OSError:
            continue
    return found


def _pages() -> list[mmap.mmap]:
    """The pages that the worker shares: nothing public leads to them, so what is known of all objects has to do."""
    return [page for thing in gc.get_objects() for page in gc.get_referents(thing) if isinstance(page, mmap.mmap)]


@dataclass(frozen=True)
class Writes(Task):
    """Writes bytes where none of its own belong, and then waits or returns."""

    where: str
    garbage: bytes
    then: str = "waits"

    def output(self) -> Output[Any]:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: None, output: Output[Any]) -> None:
        if self.where == "page":
            for page in _pages():
                page[: len(self.garbage)] = self.garbage
        else:
            for fd in _sockets():
                socket.socket(fileno=os.dup(fd)).sendall(self.garbage)
        if self.then == "dies":
            os._exit(7)
        if self.then == "waits":
            while True:
                os.read(os.pipe()[0], 1)
        output.store(1)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x08\0\0\0garbage!",
        b"\xff\xff\xff\xff" + b"x" * 100,
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x01\0\0\0\x90",
        # Finished(numbers=[1], seconds=[], printed=[]): well-formed, and makes no sense
        b"\x0d\0\0\0" + b"\x94\xa8Finished\x91\x01\x90\x90"[:13],
    ],
    ids=["frame", "endless", "http", "empty", "senseless"],
)
async def test_on_the_channels(place, garbage):
    async with Engine(place, workers=1, max_deaths=1) as engine:
        result = await engine.run([Writes("channels", garbage), *map(Number, range(5))], on_error="continue")
        assert (result.ran, result.failed) == (5, 1)
        assert isinstance(result.failures[0], WorkerDied)
        assert (await engine.run(Number(99))).ran == 1


@pytest.mark.parametrize("garbage", [b"\xff" * 32, b"\x07" * 32, b"\0" * 16 + b"\xff" * 16])
async def test_in_the_page_and_then_it_dies(place, garbage):
    async with Engine(place, workers=1, max_deaths=1) as engine:
        result = await engine.run([Writes("page", garbage, "dies"), *map(Number, range(5))], on_error="continue")
        assert (result.ran, result.failed) == (5, 1)
        assert isinstance(result.failures[0], WorkerDied)


@pytest.mark.parametrize("garbage", [b"\xff" * 32, b"\x07" * 32, b"\0" * 16 + b"\xff" * 16])
async def test_in_the_page_and_then_it_takes_too_long(place, garbage):
    async with Engine(place, workers=1, timeout=1.0) as engine:
        result = await engine.run(Writes("page", garbage), on_error="continue")
        assert isinstance(result.failures[0], TaskTimeout)


async def test_in_the_page_and_then_it_returns(place):
    async with Engine(place, workers=1) as engine:
        result = await engine.run([Writes("page", b"\xff" * 32, "returns"), *map(Number, range(50))])
        assert result.ran == 51
