"""Dask distributed: functions submitted to a ``LocalCluster`` of single-threaded processes, futures as their inputs.

A cluster keeps results in memory only. As its users do to have them on disk, each function stores its result in a file,
gives the path on to those that read it, and is not submitted where its file exists. Coroutine functions sleep on the
workers' event loops; a worker has as many slots for these as it is given threads, which stay unused. (``dask.delayed``
describes the same graphs, but takes four times as long for 1,000 tasks in layers: it copies what it has for each.)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager

import peer

# isort: split
import dask
from dask.distributed import Client, LocalCluster

from benchmarks import work


def leaf(path, number):
    return peer.store(path, work.leaf(number))


def total(path, inputs):
    return peer.store(path, work.total(map(peer.load, inputs)))


def counted(path, inputs):
    return peer.store(path, work.counted(len(inputs)))


def successor(path, before):
    return peer.store(path, work.successor(peer.load(before)))


def mixed(path, inputs):
    return peer.store(path, work.mixed(map(peer.load, inputs)))


def folded(path, inputs):
    return peer.store(path, work.folded(map(peer.load, inputs)))


async def sleeper(path, number, seconds):
    await asyncio.sleep(seconds)
    return peer.store(path, work.leaf(number))


def burner(path, number, seconds):
    work.burn(seconds)
    return peer.store(path, work.leaf(number))


class Calls:
    """The submitted calls of a case."""

    def __init__(self, asked, client):
        self.asked = asked
        self.client = client

    def call(self, name, function, *arguments):
        """The path of a result that exists, or else the future of the call which makes it."""
        path = peer.path_of(self.asked, name)
        return path if os.path.exists(path) else self.client.submit(function, path, *arguments, pure=False)

    def wanted(self):
        """Return the future to wait for."""
        size, seconds = self.asked.size, self.asked.seconds
        match self.asked.case:
            case "chain":
                return [self.chain(size)]
            case "layered":
                return [self.call("folded", folded, self.layers(work.width_of(size)))]
            case "async":
                return [self.call(f"leaf-{n}", sleeper, n, seconds) for n in range(size)]
            case "cpu":
                return [self.call(f"leaf-{n}", burner, n, seconds) for n in range(size)]
            case "start":
                return [self.call("leaf", leaf, size)]
        leaves = [self.call(f"leaf-{number}", leaf, number) for number in range(size)]
        root = ("counted", counted) if self.asked.case == "grow" else ("total", total)
        return [self.call(*root, leaves)]

    def chain(self, size):
        last = self.call("leaf", leaf, 0)
        for position in range(size):
            last = self.call(f"successor-{position}", successor, last)
        return last

    def layers(self, width):
        layer = [self.call(f"leaf-{index}", leaf, index) for index in range(width)]
        for depth in range(1, work.LAYERS):
            reads = [[layer[parent] for parent in work.parents(index, width)] for index in range(width)]
            layer = [self.call(f"mixed-{depth}-{index}", mixed, inputs) for index, inputs in enumerate(reads)]
        return layer


@contextmanager
def run(asked: peer.Asked) -> Iterator[peer.Read]:
    slots = -(-asked.size // asked.workers) if asked.case == "async" else 1
    with (
        dask.config.set(temporary_directory=str(asked.directory)),
        LocalCluster(n_workers=asked.workers, threads_per_worker=slots, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        paths = client.gather(Calls(asked, client).wanted())
        yield lambda: sum(map(peer.load, paths))


if __name__ == "__main__":
    peer.main(run, outputs="*.pkl")
