"""The record on object stores and file servers: in parts, each an object, with the few requests that they take."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

import alexflow
from alexflow import (
    Engine,
    JSONOutput,
    LocalStorage,
    Output,
    RemoteStorage,
    Storage,
    Task,
    TaskOptions,
    aopen_record,
    open_record,
    open_storage,
)
from alexflow.engine import recorded_first
from alexflow.graph import inspector
from alexflow.record.lines import RECORD_MAGIC
from alexflow.record.segment_parts import joined, part_name
from alexflow.storage import OverlayStorage
from tests.kit.servers.proxy import Fault, Proxy, Request, proxy
from tests.kit.servers.s3 import SECRET, environment
from tests.record.parts import Number

RECORD = ".alexflow/record/"


@dataclass(frozen=True)
class Sum(Task):
    parts: tuple[Output[int], ...]

    def input(self) -> Any:
        return self.parts

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="sum.json")

    async def run(self, input: Any, output: Any) -> None:
        await output.astore(sum([await part.aload() for part in input]))


@dataclass(frozen=True)
class Explained(Task):
    place: str

    options = TaskOptions(executor="thread")

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="explained.json")

    def run(self, input: Any, output: Any) -> None:
        entry = open_record(self.place).entry(self)  # before anything is published
        assert entry.finished is None
        output.store(1)


@dataclass(frozen=True)
class Killing(Task):
    part: Output[int]

    options = TaskOptions(executor="thread")

    def input(self) -> Any:
        return self.part

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="never.json")

    def run(self, input: Any, output: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def of_parts(count: int) -> Sum:
    return Sum(tuple(Number(number).output() for number in range(count)))


def through(before: Proxy, kind: Any) -> RemoteStorage:
    storage = open_storage(
        kind.url(), **{**kind.options, "endpoint_url": f"http://127.0.0.1:{before.port}"}, deadline=20
    )
    assert isinstance(storage, RemoteStorage)
    return storage


def stored(before: Proxy) -> list[str]:
    """The paths of outputs and parts of segments, in the order of their storing."""
    puts = [request.path for request in before.requests if request.method == "PUT"]
    return [path for path in puts if path.endswith((".json", ".segment"))]


def parts_stored(before: Proxy) -> int:
    return sum(RECORD in path for path in stored(before))


@pytest.mark.parametrize("kind", ["moto", "seaweedfs", "azurite", "fake-gcs", "sftp", "webdav", "moto by obstore"])
def test_outputs_are_explained_from_the_storage_alone(server, kind):
    name, _, client = kind.partition(" by ")
    if client:
        pytest.importorskip(client)
    there = server(name)
    explains(open_storage(there.url(), deadline=20, client=client or None, **there.options))


def test_a_file_system_without_metadata_has_the_same_record(tmp_path):
    explains(RemoteStorage(f"local://{tmp_path}/storage"))


def explains(storage: Storage) -> None:
    target = of_parts(3)
    alexflow.run(target, storage=storage)
    record = open_record(storage)
    entry = record.entry(target)
    assert entry.finished is not None
    assert entry.is_intact
    assert entry.outputs[0].bytes == len(storage.read(target.output().key))
    assert [each.key for each in entry.inputs] == [Number(number).output().key for number in range(3)]
    assert all(each.digest for each in entry.inputs)
    assert record.entry(Number(1)).fields == {"number": 1}
    assert entry.python == ".".join(map(str, sys.version_info[:3]))
    assert entry.code
    [run] = record.runs()
    assert (run.outcome, run.ran) == ("done", 4)
    assert sorted(storage.list()) == sorted([target.output().key, *(each.key for each in entry.inputs)])


@pytest.fixture
def moto(server):
    return server("moto")


def test_a_run_takes_few_requests_for_its_record(moto, monkeypatch):
    monkeypatch.setattr(recorded_first, "FIRST_TASKS", 40)
    monkeypatch.setattr(inspector, "SLICE", 16)
    count = 150
    with proxy(moto.port) as before:
        alexflow.run(of_parts(count), storage=through(before, moto), record=False)
        without = len(before.requests)
        before.requests.clear()
        alexflow.run(of_parts(count), storage=through(before, moto))
        assert len(before.requests) - without <= 12
        puts = stored(before)
        assert RECORD in puts[0]  # what all outputs are made from comes first
        assert parts_stored(before) == 3  # of 48 tasks, of the others, and at the end


def test_a_chain_takes_few_requests_for_its_record(moto):
    target: Task = Number(0)
    for _ in range(30):
        target = Sum((target.output(),))
    with proxy(moto.port) as before:
        storage = through(before, moto)
        alexflow.run(target, storage=storage)
        assert parts_stored(before) == 2
        assert len(list(open_record(storage).entries())) == 31


def test_what_comes_while_others_run_is_stored_before_it_runs(moto):
    async def both(storage: Storage) -> None:
        async with Engine(storage) as engine:
            await engine.run(Number(1))
            await engine.run(of_parts(3))
            record = await aopen_record(storage)
            assert len([*record.entries(cls=Number)]) == 3

    with proxy(moto.port) as before:
        storage = through(before, moto)
        asyncio.run(both(storage))
        puts = stored(before)
        parts = [place for place, path in enumerate(puts) if RECORD in path]
        outputs = [place for place, path in enumerate(puts) if path.endswith(".json")]
        assert len(outputs) == 4
        assert parts[0] < outputs[0] < parts[1] < outputs[1]
        assert {entry.task_id for entry in open_record(storage).entries()} == {
            of_parts(3).task_id,
            *(Number(number).task_id for number in range(3)),
        }


def test_every_output_of_a_killed_engine_has_what_it_was_made_from(moto):
    url = moto.url()
    script = (
        "import alexflow, sys, json; from tests.record.test_on_buckets import Killing, Number, of_parts\n"
        "storage = alexflow.open_storage(sys.argv[1], **json.loads(sys.argv[2]))\n"
        "alexflow.run([Number(5), of_parts(20), Killing(of_parts(20).output())], storage=storage)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, url, json.dumps(moto.options)], capture_output=True, timeout=120
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    storage = open_storage(url, **moto.options)
    keys = list(storage.list())
    assert len(keys) == 21
    record = open_record(storage)
    for key in keys:
        assert record.entry(key).is_intact
    assert record.entry(Number(5)).fields == {"number": 5}


def test_what_opens_the_storage_is_not_in_the_record(moto):
    storage = open_storage(moto.url(), **moto.options)
    alexflow.run(of_parts(2), storage=storage)
    space = storage.reserved("record")
    files = dict(space.read_many(space.names()))
    assert len(files) >= 3
    assert not any(SECRET.encode() in data for data in files.values())


def test_an_overlay_on_a_bucket_writes_its_record_before_tasks_start(moto, tmp_path):
    upper = LocalStorage(tmp_path / "upper")
    storage = OverlayStorage(open_storage(moto.url(), **moto.options), upper)
    assert not storage.answers_at_once

    alexflow.run(Explained(str(tmp_path / "upper")), storage=storage)
    assert open_record(storage).entry(Explained(str(tmp_path / "upper"))).finished is not None


def test_a_run_goes_on_if_its_record_cannot_be_stored(moto, caplog):
    def fault(request: Request) -> Fault | None:
        return "busy" if request.method == "PUT" and RECORD in request.path else None

    with proxy(moto.port) as before:
        before.fault = fault
        options = {**moto.options, "endpoint_url": f"http://127.0.0.1:{before.port}"}
        storage = open_storage(moto.url(), deadline=6, **options)
        assert alexflow.run(of_parts(3), storage=storage).output.load() == 3
    assert caplog.text.count("no longer writing the record") == 1


def test_runs_that_find_everything_write_one_note_a_day(moto):
    with proxy(moto.port) as before:
        storage = through(before, moto)
        alexflow.run(of_parts(3), storage=storage)
        before.requests.clear()
        names = storage.reserved("record").names()
        for _ in range(2):
            alexflow.run(of_parts(3), storage=storage)
        assert before.count("PUT", RECORD) == 2
        assert len(storage.reserved("record").names()) == len(names) + 1


COMMANDS: dict[str, tuple[list[str], str]] = {
    "show": ([of_parts(2).task_id], "parts"),
    "find": (["Number", "number=1"], Number(1).task_id),
    "runs": ([], '"outcome":"done"'),
    "log": ([], '"outcome": "done"'),
    "explain": ([Number(1).task_id], "Number.number"),
    "graph": ([of_parts(2).task_id], "Number(number=1)"),
    "table": (["Number", "value=part.json:", "number=1"], '"value":1'),
    "diff": ([Number(0).task_id, Number(1).task_id], "Number.number"),
    "status": ([], '"entries": 3'),
    "gc": (["--older-than", "1d"], '"remove": []'),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_line_reads_the_record_of_a_bucket(moto, command):
    words, says = COMMANDS[command]
    url = moto.url()
    storage = open_storage(url, **moto.options)
    alexflow.run(Number(0), storage=storage)
    alexflow.run(of_parts(2), storage=storage)
    arguments = [sys.executable, "-m", "alexflow", command, *words, "--storage", url, "--json"]
    call = partial(subprocess.run, capture_output=True, text=True, timeout=120)
    done = call(arguments, env={**os.environ, **environment(moto.port)})
    assert done.returncode == (1 if command == "diff" else 0), done.stderr
    assert says in done.stdout


def test_what_the_index_of_a_bucket_has_is_not_read_again(moto, tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXFLOW_INDEX", str(tmp_path / "index"))
    monkeypatch.setattr("alexflow.record.rows_of_storage.LEAST_FILES_INDEXED", 1)
    with proxy(moto.port) as before:
        storage = through(before, moto)
        alexflow.run(of_parts(3), storage=storage)
        assert len(list(open_record(storage).entries())) == 4
        before.requests.clear()
        assert open_record(storage).entry(Number(1)).fields == {"number": 1}
        assert not [request for request in before.requests if ".segment" in request.path]
        alexflow.run(of_parts(5), storage=storage)
        before.requests.clear()
        assert len(list(open_record(storage).entries())) == 7
        read = [request.path for request in before.requests if request.method == "GET" and ".segment" in request.path]
        assert 1 <= len(read) <= 3


def test_parts_are_put_together_up_to_one_that_is_missing():
    parts = [(part_name("a.segment", number), RECORD_MAGIC + bytes([number])) for number in (0, 1, 3)]
    whole = ("a1.segment", RECORD_MAGIC + b"whole")
    later = [(part_name("b.segment", number), RECORD_MAGIC + bytes([number])) for number in (1, 2)]
    assert list(joined([*parts, whole, *later])) == [
        ("a1.segment", RECORD_MAGIC + b"whole"),
        ("a.segment", RECORD_MAGIC + b"\x00\x01"),
    ]
