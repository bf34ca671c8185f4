"""Many small outputs in a bucket: SeaweedFS on this machine, asked over HTTP as any other server.

Beside alexflow stands what its client can do at most: a bare ``asyncio.gather`` over the same client, as many requests
at once. Both are connected before time begins. Where obstore is installed, so do the two with it as the client.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from alexflow import BinaryOutput, Engine, Task, open_storage
from benchmarks.contest import Measure, Setting, contest
from benchmarks.measure import Sample, Stopwatch
from benchmarks.outcome import Bar, Outcome, Row
from benchmarks.s3clients import CONCURRENCY, OfObstore
from tests.kit.servers.process import NotInstalled
from tests.kit.servers.proxy import proxy
from tests.kit.servers.s3 import BUCKET, Server, seaweedfs

KILOBYTE = 1000


@dataclass(frozen=True)
class Small(Task):
    """A kilobyte, stored by the event loop."""

    series: str
    number: int

    def output(self) -> BinaryOutput[bytes]:
        return self.build_output(BinaryOutput[bytes], key="bytes.pkl")

    async def run(self, input: None, output: BinaryOutput[bytes]) -> None:
        await output.astore(bytes(KILOBYTE))


def run(setting: Setting) -> Iterator[Outcome]:
    fresh, existing = setting.size(2_000), setting.size(20_000)
    title = f"{fresh:,} outputs of 1 KB, S3"
    try:
        with tempfile.TemporaryDirectory() as directory, seaweedfs(Path(directory)) as server:
            measures: dict[str, Measure] = {
                "alexflow": lambda _: asyncio.run(store(server, fresh)),
                "bare gather": lambda _: asyncio.run(gather(server, fresh)),
            }
            if find_spec("obstore") is not None:
                measures["alexflow, obstore"] = lambda _: asyncio.run(store(server, fresh, "obstore"))
                measures["bare gather, obstore"] = lambda _: asyncio.run(gather_by_obstore(server, fresh))
            outcome = Outcome(title, "µs/output", contest(setting.rounds, setting.memory, measures))
            outcome.at_most(1.25, "bare gather")
            ratio = outcome.ratio("alexflow, obstore", "bare gather, obstore")
            outcome.bars.append(Bar("obstore: ≤ 1.25 × bare gather", ratio, 1.25, beside=True))
            yield outcome
            yield from again(setting, server, existing)
    except NotInstalled as missing:
        yield Outcome(title, "µs/output", {"alexflow": Row("alexflow", None, str(missing))})


def again(setting: Setting, server: Server, size: int) -> Iterator[Outcome]:
    """A run over what exists."""
    series = secrets.token_hex(4)
    asyncio.run(gather(server, size, [Small(series, number).output().key for number in range(size)], series))
    rows = contest(
        setting.rounds, setting.memory, {"alexflow": lambda _: asyncio.run(look(series, size, server.options))}
    )
    outcome = Outcome(f"{size:,} outputs that exist, S3", "s", rows)
    outcome.below(1.5)
    with proxy(server.port) as before:  # it would take time of its own
        asyncio.run(look(series, size, {**server.options, "endpoint_url": f"http://127.0.0.1:{before.port}"}))
        asked = Sample((float(len(before.requests)),))
    outcome.bars.append(Bar("≤ 25 requests", asked, 25))
    yield outcome


async def store(server: Server, size: int, client: str | None = None) -> float:
    """Microseconds for each of many outputs."""
    storage = open_storage(server.url(), concurrency=CONCURRENCY, client=client, **server.options)
    async with Engine(storage) as engine:
        await storage.acheck_writable()
        tasks = [Small("", number) for number in range(size)]
        watch = Stopwatch()
        await engine.run(tasks)
        watch.stop()
    return watch.seconds / size * 1e6


async def look(series: str, size: int, options: dict[str, Any]) -> float:
    """Seconds for a run of which everything exists, from constructing its tasks on."""
    storage = open_storage(f"s3://{BUCKET}/{series}", concurrency=CONCURRENCY, **options)
    async with Engine(storage) as engine:
        await storage.aexists_many(["connected"])
        watch = Stopwatch()
        result = await engine.run([Small(series, number) for number in range(size)])
        watch.stop()
    if result.ran:
        raise AssertionError(f"{result.ran} outputs were not found")
    return watch.seconds


async def gather(server: Server, size: int, keys: list[str] | None = None, prefix: str = "") -> float:
    """The same requests, and nothing else."""
    import s3fs

    config = {"max_pool_connections": CONCURRENCY, "retries": {"total_max_attempts": 1}}
    fs = s3fs.S3FileSystem(asynchronous=True, skip_instance_cache=True, config_kwargs=config, **server.options)
    client = await fs.set_session()
    slots = asyncio.Semaphore(CONCURRENCY)
    prefix = prefix or secrets.token_hex(6)
    put = partial(client.put_object, Bucket=BUCKET, Body=bytes(KILOBYTE), IfNoneMatch="*")

    async def store(key: str) -> None:
        async with slots:
            await put(Key=f"{prefix}/{key}")

    try:
        await put(Key=f"{prefix}-connected")
        watch = Stopwatch()
        await asyncio.gather(*(store(key) for key in keys or [f"bare.{number}" for number in range(size)]))
        watch.stop()
    finally:
        await client.close()
    return watch.seconds / size * 1e6


async def gather_by_obstore(server: Server, size: int) -> float:
    """The same requests by obstore."""
    client = await OfObstore.open(server)
    slots = asyncio.Semaphore(CONCURRENCY)
    prefix = secrets.token_hex(6)

    async def store(key: str) -> None:
        async with slots:
            await client.create(f"{prefix}/{key}", bytes(KILOBYTE))

    await client.create(f"{prefix}-connected", b"")
    watch = Stopwatch()
    await asyncio.gather(*(store(f"bare.{number}") for number in range(size)))
    watch.stop()
    return watch.seconds / size * 1e6
