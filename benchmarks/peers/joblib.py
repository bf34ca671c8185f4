"""joblib: ``Memory`` keeps each call's result in a folder of its own, ``Parallel`` spreads calls over loky processes.

Calls travel in batches that joblib sizes itself. It knows no graph: what depends on other results is a later call with
their values: one call after the other for a chain and a ``Parallel`` per layer. Coroutine functions, which ``Memory``
keeps as well, sleep on one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import peer

# isort: split
from joblib import Memory, Parallel, delayed
from joblib.externals.loky import get_reusable_executor

from benchmarks import work


def leaf(number):
    return work.leaf(number)


def total(values):
    return work.total(values)


def counted(values):
    return work.counted(len(values))


def successor(position, before):  # a call is known by its arguments: without the first, equal values were one call
    return work.successor(before)


def mixed(position, values):
    return work.mixed(values)


def folded(values):
    return work.folded(values)


async def sleeper(number, seconds):
    await asyncio.sleep(seconds)
    return work.leaf(number)


def burner(number, seconds):
    work.burn(seconds)
    return work.leaf(number)


@contextmanager
def run(asked: peer.Asked) -> Iterator[peer.Read]:
    memory = Memory(asked.directory, verbose=0)
    if asked.case == "async":
        values = asyncio.run(asleep(memory, asked))
        yield lambda: sum(asyncio.run(asleep(memory, asked)))  # from the store, now
        return
    with Parallel(n_jobs=asked.workers) as parallel:
        values = results(asked, memory, parallel)
        root = {"grow": counted, "layered": folded, "fan": total, "rerun": total}.get(asked.case)
        if root is not None:
            memory.cache(root)(values)
        yield lambda: memory.cache(root)(values) if root else sum(results(asked, memory, parallel))
    get_reusable_executor().shutdown(wait=True)


def results(asked, memory, parallel):
    """The values that the root is of, or the last value alone."""
    match asked.case:
        case "chain":
            successor_of, value = memory.cache(successor), memory.cache(leaf)(0)
            for position in range(asked.size):
                value = successor_of(position, value)
            return [value]
        case "layered":
            width, mix = work.width_of(asked.size), memory.cache(mixed)
            values = parallel(delayed(memory.cache(leaf))(index) for index in range(width))
            for layer in range(1, work.LAYERS):
                inputs = [[values[parent] for parent in work.parents(index, width)] for index in range(width)]
                values = parallel(delayed(mix)((layer, index), reads) for index, reads in enumerate(inputs))
            return values
        case "cpu":
            burn = memory.cache(burner)
            return parallel(delayed(burn)(number, asked.seconds) for number in range(asked.size))
        case "start":
            return parallel([delayed(memory.cache(leaf))(asked.size)])
    return parallel(delayed(memory.cache(leaf))(number) for number in range(asked.size))


async def asleep(memory, asked):
    sleep = memory.cache(sleeper)
    return await asyncio.gather(*(sleep(number, asked.seconds) for number in range(asked.size)))


if __name__ == "__main__":
    peer.main(run, outputs="**/output.pkl")
