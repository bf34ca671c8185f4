"""redun: a ``File`` for each task's output, SQLite for what was called with what, a pool of two processes.

Every call and its result are recorded in the data base, and files are checked by size and time of change. Coroutine
functions sleep on redun's own event loop.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
from collections.abc import Iterator
from contextlib import contextmanager

import peer

# isort: split
from redun import File, Scheduler, task
from redun.config import Config

from benchmarks import work

redun_namespace = "peers"


def stored(path, value):
    return File(peer.store(path, value))


def read(file):
    return pickle.loads(file.read("rb"))


@task()
def leaf(path, number):
    return stored(path, work.leaf(number))


@task()
def total(path, inputs):
    return stored(path, work.total(map(read, inputs)))


@task()
def counted(path, inputs):
    return stored(path, work.counted(len(inputs)))


@task()
def successor(path, before):
    return stored(path, work.successor(read(before)))


@task(cache=True, check_valid="shallow")  # what it asks for where a task is a coroutine function
async def sleeper(path, number, seconds):
    await asyncio.sleep(seconds)
    return stored(path, work.leaf(number))


@task()
def burner(path, number, seconds):
    work.burn(seconds)
    return stored(path, work.leaf(number))


def wanted(asked):
    """The expressions to evaluate."""

    def path(name):
        return peer.path_of(asked, name)

    size, seconds = asked.size, asked.seconds
    match asked.case:
        case "chain":
            last = leaf(path("leaf"), 0)
            for position in range(size):
                last = successor(path(f"successor-{position}"), last)
            return [last]
        case "layered":
            raise peer.Unsupported("it walks every path through a graph, and 20 layers of five parents have 5 ** 19")
        case "async":
            return [sleeper(path(f"leaf-{number}"), number, seconds) for number in range(size)]
        case "cpu":
            return [burner(path(f"leaf-{number}"), number, seconds) for number in range(size)]
        case "start":
            return [leaf(path("leaf"), size)]
    leaves = [leaf(path(f"leaf-{number}"), number) for number in range(size)]
    return [counted(path("counted"), leaves) if asked.case == "grow" else total(path("total"), leaves)]


@contextmanager
def run(asked: peer.Asked) -> Iterator[peer.Read]:
    logging.getLogger("redun").setLevel(logging.ERROR)
    executor = {"type": "local", "mode": "process", "max_workers": str(asked.workers)}
    database = {"db_uri": f"sqlite:///{asked.directory}/redun.db"}
    scheduler = Scheduler(config=Config({"backend": database, "executors.default": executor}))
    scheduler.load()
    files = scheduler.run(wanted(asked))
    yield lambda: sum(map(read, files))


if __name__ == "__main__":
    peer.main(run, outputs="*.pkl")
