"""Prefect: tasks submitted in a flow to its default runner, threads; each result persisted under the key of its inputs.

Its ``ProcessPoolTaskRunner`` takes a tenth of a second for a task, and so only has the CPU-bound ones and the first
one. All processes talk to one temporary server of the kind that Prefect starts on loopback where none is configured (of
its own accord each starts one), with its SQLite file in the same directory; no analytics, no logs sent to the server.
Coroutine functions sleep on the flow's event loop.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager

import peer

# isort: split
from benchmarks import protocol

HOME = protocol.parser().parse_args().directory.resolve()  # Prefect looks at its settings when it is imported
os.environ |= {
    "DO_NOT_TRACK": "1",
    "PREFECT_HOME": f"{HOME}/prefect",
    "PREFECT_LOCAL_STORAGE_PATH": f"{HOME}/results",
    "PREFECT_LOGGING_LEVEL": "ERROR",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}

from prefect import flow, task  # noqa: E402
from prefect.cache_policies import INPUTS, TASK_SOURCE  # noqa: E402
from prefect.server.api.server import SubprocessASGIServer  # noqa: E402
from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: E402
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner  # noqa: E402

from benchmarks import work  # noqa: E402

kept = task(persist_result=True, cache_policy=INPUTS + TASK_SOURCE)


@kept
def leaf(number):
    return work.leaf(number)


@kept
def total(values):
    return work.total(values)


@kept
def counted(values):
    return work.counted(len(values))


@kept
def successor(before):
    return work.successor(before)


@kept
def mixed(position, values):  # a call is known by its inputs: without the first, equal values were one call
    return work.mixed(values)


@kept
def folded(values):
    return work.folded(values)


@kept
async def sleeper(number, seconds):
    await asyncio.sleep(seconds)
    return work.leaf(number)


@kept
def burner(number, seconds):
    work.burn(seconds)
    return work.leaf(number)


def wanted(case, size, seconds):
    """The futures to wait for."""
    match case:
        case "chain":
            last = leaf.submit(0)
            for _ in range(size):
                last = successor.submit(last)
            return [last]
        case "layered":
            width = work.width_of(size)
            layer = [leaf.submit(index) for index in range(width)]
            for depth in range(1, work.LAYERS):
                inputs = [[layer[parent] for parent in work.parents(index, width)] for index in range(width)]
                layer = [mixed.submit((depth, index), reads) for index, reads in enumerate(inputs)]
            return [folded.submit(layer)]
        case "cpu":
            return [burner.submit(number, seconds) for number in range(size)]
        case "start":
            return [leaf.submit(size)]
    leaves = [leaf.submit(number) for number in range(size)]
    return [(counted if case == "grow" else total).submit(leaves)]


@flow
def calls(case, size, seconds):
    return sum(future.result() for future in wanted(case, size, seconds))


@flow
async def sleepers(size, seconds):
    return sum(await asyncio.gather(*(sleeper(number, seconds) for number in range(size))))


@contextmanager
def run(asked: peer.Asked) -> Iterator[peer.Read]:
    with SubprocessASGIServer() as server, temporary_settings({PREFECT_API_URL: server.api_url}):
        if asked.case == "async":
            value = asyncio.run(sleepers(asked.size, asked.seconds))
        else:
            kind = ProcessPoolTaskRunner if asked.case in ("cpu", "start") else ThreadPoolTaskRunner
            flow_on_it = calls.with_options(task_runner=kind(max_workers=asked.workers))
            value = flow_on_it(asked.case, asked.size, asked.seconds)
        yield lambda: value


if __name__ == "__main__":
    peer.main(run, outputs="results/*")
