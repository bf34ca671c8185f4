"""Two clients of S3, request by request: that of s3fs, through which alexflow talks to S3, and obstore.

Both talk to SeaweedFS on this machine. They are connected before time begins and asked the same, as many requests at
once. Beside the time of a request stands how much of it this process computes: an event loop has nothing else to give,
while the time is also that of the server, which needs the same processors. What was concluded is in
docs/design/storage.md.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from alexflow.storage.background import for_each
from benchmarks.cases.storage import KILOBYTE
from benchmarks.contest import Measure, Setting, contest
from benchmarks.measure import Sample, Stopwatch
from benchmarks.outcome import Bar, Outcome, Row
from benchmarks.s3clients import CLIENTS, CONCURRENCY, OBSTORE, S3FS, Client, OfObstore
from tests.kit.servers.process import NotInstalled
from tests.kit.servers.s3 import BUCKET, Server, environment, seaweedfs

MEGABYTE = 1_000_000

#: Something to do with an object of this key.
Work = Callable[[Client, str], Awaitable[None]]


@dataclass
class Processor:
    """Values that this process has computed, round by round."""

    values: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in CLIENTS})

    def rows(self, rows: dict[str, Row]) -> dict[str, Row]:
        """After the time of each what it has computed."""
        found: dict[str, Row] = {}
        for name, row in rows.items():
            computed = f"{name}, computed"
            found |= {name: row, computed: Row(computed, Sample(tuple(self.values[name])))}
        return found


async def put(client: Client, key: str, size: int = KILOBYTE) -> None:
    assert await client.create(key, bytes(size))


async def put_again(client: Client, key: str) -> None:
    assert not await client.create(key, b"other")


async def get(client: Client, key: str, size: int = KILOBYTE) -> None:
    assert len(await client.read(key)) == size


async def look(client: Client, key: str) -> None:
    assert await client.exists(key)


def run(setting: Setting) -> Iterator[Outcome]:
    many, large = setting.size(2_000), setting.size(64) * MEGABYTE
    title = f"{many:,} objects of 1 KB put, if absent"
    try:
        if find_spec("obstore") is None:
            raise NotInstalled("obstore is not installed (pip install obstore)")
        memory = tempfile.TemporaryDirectory(dir=setting.memory.directory)
        with memory as directory, seaweedfs(Path(directory)) as server:
            between = partial(compare, setting, server)
            yield between(title, many, put)
            yield between(f"{many:,} refused, since they exist", many, put_again, put)
            yield between(f"{many:,} got", many, get, put)
            yield between(f"{many:,} looked for", many, look, put)
            yield between("one after the other: 200 put", 200, put, at_once=1)
            yield between("one after the other: 200 got", 200, get, put, at_once=1)
            yield between(f"{large / 1e6:.0f} MB put", 1, partial(put, size=large))
            yield between(f"{large / 1e6:.0f} MB got", 1, partial(get, size=large), partial(put, size=large))
            yield listing(setting, server)
            yield start(setting, server)
    except NotInstalled as missing:
        yield Outcome(title, "µs/request", {S3FS: Row(S3FS, None, str(missing))})


def compare(
    setting: Setting,
    server: Server,
    title: str,
    size: int,
    work: Work,
    before: Work | None = None,
    at_once: int = CONCURRENCY,
) -> Outcome:
    """Both doing something with each of so many objects; ``before`` is done with all of them first."""
    processor = Processor()

    async def measured(name: str) -> float:
        client, series = await CLIENTS[name](server), secrets.token_hex(4)
        keys = [f"{series}/{number}" for number in range(size)]
        try:
            await put(client, f"{series}/connected")
            if before is not None:
                await for_each(keys, partial(before, client), at_once)
            watch, computed = Stopwatch(), time.process_time()
            await for_each(keys, partial(work, client), at_once)
            watch.stop()
            processor.values[name].append((time.process_time() - computed) / size * 1e6)
        finally:
            await client.aclose()
        return watch.seconds / size * 1e6

    return between_both(setting, Outcome(title, "µs/request"), measured, processor)


def between_both(
    setting: Setting, outcome: Outcome, measured: Callable[[str], Awaitable[float]], processor: Processor
) -> Outcome:
    """Measure each, and return its outcome."""
    measures: dict[str, Measure] = {name: lambda _, name=name: asyncio.run(measured(name)) for name in CLIENTS}
    outcome.rows = processor.rows(contest(setting.rounds, setting.memory, measures))
    for ending in ("", ", computed"):
        ratio = outcome.ratio(OBSTORE + ending, S3FS + ending)
        outcome.bars.append(Bar(f"{OBSTORE}{ending} ≤ 1 × {S3FS}", ratio, 1, beside=True))
    return outcome


def listing(setting: Setting, server: Server) -> Outcome:
    """Many keys that begin alike, among others."""
    size, processor = setting.size(20_000), Processor()

    async def fill() -> None:
        client = await OfObstore.open(server)
        keys = [f"listed/{name}.{number}" for name in "abc" for number in range(size if name == "b" else 1000)]
        await for_each(keys, partial(put, client), CONCURRENCY)

    async def measured(name: str) -> float:
        client = await CLIENTS[name](server)
        try:
            await put(client, f"connected/{secrets.token_hex(4)}")
            watch, computed = Stopwatch(), time.process_time()
            assert await client.count("listed/b.") == size
            watch.stop()
            processor.values[name].append((time.process_time() - computed) * 1e3)
        finally:
            await client.aclose()
        return watch.seconds * 1e3

    asyncio.run(fill())
    return between_both(setting, Outcome(f"{size:,} keys listed", "ms"), measured, processor)


#: What a new process does up to the first answer.
_FIRST = {
    S3FS: """
import asyncio, s3fs
async def first():
    fs = s3fs.S3FileSystem(asynchronous=True)
    client = await fs.set_session()
    await client.put_object(Bucket={bucket!r}, Key={key!r}, Body=b"")
    await client.close()
asyncio.run(first())
""",
    OBSTORE: """
import asyncio, os, obstore.store
options = {{"endpoint": os.environ["AWS_ENDPOINT_URL_S3"], "client_options": {{"allow_http": True}}}}
asyncio.run(obstore.store.S3Store({bucket!r}, **options).put_async({key!r}, b""))
""",
}
_PEAK = "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"  # KiB


def start(setting: Setting, server: Server) -> Outcome:
    """A new process, up to its first answer; with what memory that takes."""
    memory: dict[str, list[float]] = {name: [] for name in (*_FIRST, "nothing")}

    def measure(name: str, code: str, _: Path) -> float:
        code = code.format(bucket=BUCKET, key=f"first/{secrets.token_hex(4)}") + _PEAK
        watch = Stopwatch()
        env = os.environ | environment(server.port)
        done = subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True)
        watch.stop()
        memory[name].append(float(done.stdout) / 1024)
        return watch.seconds * 1e3

    codes = {**_FIRST, "nothing": ""}
    measures: dict[str, Measure] = {name: partial(measure, name, code) for name, code in codes.items()}
    outcome = Outcome(
        "a new process until its first answer", "ms; MiB", contest(setting.rounds, setting.memory, measures)
    )
    for name, peaks in memory.items():
        outcome.rows[f"{name}, memory"] = Row(f"{name}, memory", Sample(tuple(peaks)))
    return outcome
