"""Ray: remote functions on a local instance with as many CPUs as workers, and an asynchronous actor for what sleeps.

Ray keeps results in its object store, in memory; its own durable workflows were removed. As its users do to have them
on disk, each function stores its result in a file, gives the path on to those that read it, and is not called where
its file exists. No dashboard and no usage statistics.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import peer

# isort: split
import ray

from benchmarks import work

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


@ray.remote
def leaf(path, number):
    return peer.store(path, work.leaf(number))


@ray.remote
def total(path, *inputs):
    return peer.store(path, work.total(map(peer.load, inputs)))


@ray.remote
def counted(path, *inputs):
    return peer.store(path, work.counted(len(inputs)))


@ray.remote
def successor(path, before):
    return peer.store(path, work.successor(peer.load(before)))


@ray.remote
def mixed(path, *inputs):
    return peer.store(path, work.mixed(map(peer.load, inputs)))


@ray.remote
def folded(path, *inputs):
    return peer.store(path, work.folded(map(peer.load, inputs)))


@ray.remote
def burner(path, number, seconds):
    work.burn(seconds)
    return peer.store(path, work.leaf(number))


@ray.remote
class Sleepers:
    async def sleep(self, path, number, seconds):
        await asyncio.sleep(seconds)
        return peer.store(path, work.leaf(number))


class Calls:
    """The remote calls of a case."""

    def __init__(self, asked):
        self.asked = asked

    def call(self, name, function, *arguments):
        """The path of a result that exists, or else a reference to the call which makes it."""
        path = peer.path_of(self.asked, name)
        return path if os.path.exists(path) else function.remote(path, *arguments)

    def wanted(self):
        """Return the reference to wait for."""
        size, seconds = self.asked.size, self.asked.seconds
        match self.asked.case:
            case "chain":
                return [self.chain(size)]
            case "layered":
                return [self.call("folded", folded, *self.layers(work.width_of(size)))]
            case "async":
                share = -(-size // self.asked.workers)
                actors = [Sleepers.options(max_concurrency=share).remote() for _ in range(self.asked.workers)]
                return [self.call(f"leaf-{n}", actors[n % len(actors)].sleep, n, seconds) for n in range(size)]
            case "cpu":
                return [self.call(f"leaf-{n}", burner, n, seconds) for n in range(size)]
            case "start":
                return [self.call("leaf", leaf, size)]
        leaves = [self.call(f"leaf-{number}", leaf, number) for number in range(size)]
        root = ("counted", counted) if self.asked.case == "grow" else ("total", total)
        return [self.call(*root, *leaves)]

    def chain(self, size):
        last = self.call("leaf", leaf, 0)
        for position in range(size):
            last = self.call(f"successor-{position}", successor, last)
        return last

    def layers(self, width):
        layer = [self.call(f"leaf-{index}", leaf, index) for index in range(width)]
        for depth in range(1, work.LAYERS):
            reads = [[layer[parent] for parent in work.parents(index, width)] for index in range(width)]
            layer = [self.call(f"mixed-{depth}-{index}", mixed, *inputs) for index, inputs in enumerate(reads)]
        return layer


@contextmanager
def run(asked: peer.Asked) -> Iterator[peer.Read]:
    options = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    with TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as logs:  # its sockets need a short name
        ray.init(num_cpus=asked.workers, _temp_dir=logs, **options)
        try:
            paths = [path if isinstance(path, str) else ray.get(path) for path in Calls(asked).wanted()]
            yield lambda: sum(map(peer.load, paths))
        finally:
            ray.shutdown()


if __name__ == "__main__":
    peer.main(run, outputs="*.pkl")
