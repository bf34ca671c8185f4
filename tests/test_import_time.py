"""``import alexflow`` is light: held against what is loaded, not against a clock."""

import subprocess
import sys

import pytest

HEAVY = {
    *["numpy", "pandas", "scipy", "sklearn", "pyarrow", "polars", "torch"],
    *["rich", "dask", "distributed", "ray", "pytest"],
    *["aiohttp", "requests", "httpx", "urllib3", "botocore", "s3fs", "gcsfs", "adlfs", "obstore"],
    *["sqlite3", "multiprocessing", "concurrent.futures.process", "tkinter", "unittest"],
}

#: What a worker process does without: it is loaded when a task uses it.
NOT_FOR_A_WORKER = {
    *["asyncio", "concurrent", "logging", "subprocess", "ssl", "tempfile", "http", "email"],
    *["aiofiles", "anyio", "cloudpickle", "fsspec"],
    *["gzip", "hashlib", "json", "pathlib", "random", "urllib"],
    *["alexflow.engine", "alexflow.formats.json", "alexflow.graph", "alexflow.scheduler", "alexflow.serialization"],
    *["alexflow.executors.process.pool", "alexflow.executors.process.worker_process", "alexflow.storage.memory"],
    *["alexflow.executors.process.fork_server_client", "alexflow.executors.process.worker.preload"],
}

#: What a program that only describes tasks does without.
NOT_FOR_A_DESCRIPTION = {
    *["datetime", "decimal", "uuid", "msgspec", "pickle", "platform", "select", "socket", "threading", "traceback"],
    *["alexflow.executors", "alexflow.formats", "alexflow.storage.interface", "alexflow.storage.local.storage"],
}

#: What a command does without that reads the record: it has no live task, and makes no request.
NOT_FOR_READING = {
    *["asyncio", "concurrent", "hashlib", "logging", "pathlib", "random", "subprocess", "tempfile", "urllib"],
    *["aiofiles", "anyio", "cloudpickle", "fsspec", "alexflow.engine", "alexflow.serialization"],
    *["alexflow.model.output", "alexflow.model.task", "alexflow.record.index.rows", "alexflow.record.run_record"],
}


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("alexflow", HEAVY | NOT_FOR_A_WORKER | NOT_FOR_A_DESCRIPTION),
        ("alexflow.legacy.tasks", HEAVY | (NOT_FOR_A_WORKER - {"json"}) | NOT_FOR_A_DESCRIPTION),
        ("alexflow.cli.program", HEAVY | NOT_FOR_READING | {"dataclasses", "msgspec", "alexflow.record"}),
        ("alexflow.cli.show", HEAVY | NOT_FOR_READING),
        ("alexflow.executors.process.worker.main", HEAVY | NOT_FOR_A_WORKER),
        ("alexflow.executors.process.worker.fork_server", HEAVY | NOT_FOR_A_WORKER),
    ],
)
def test_what_is_not_loaded(module, unwanted):
    loaded = loaded_by(f"import {module}")
    assert module in loaded
    assert loaded & unwanted == set()


#: What a run loads of alexflow and of other packages, by how much of an engine it needs. A name stands for those below.
WITHOUT_ENGINE = {
    *[
        "alexflow.arguments",
        "alexflow.blocks_briefly",
        "alexflow.error_base",
        "alexflow.errors",
        "alexflow.failure_text",
    ],
    *["alexflow.failures", "alexflow.forks", "alexflow.frozen", "alexflow.html_repr", "alexflow.overload"],
    *["alexflow.formats.binary", "alexflow.hooks", "alexflow.identity", "alexflow.lazy", "alexflow.model"],
    *["alexflow.progress.writing", "alexflow.storage", "alexflow.type_vars", "msgspec", "typing_extensions"],
    *[
        "alexflow.engine.async_library",
        "alexflow.engine.existing",
        "alexflow.engine.garbage",
        "alexflow.engine.options",
    ],
    *["alexflow.engine.result", "alexflow.engine.run", "alexflow.engine.targets"],
    *["alexflow.executors.enclosing_tasks", "alexflow.executors.process.wire.reentry"],
}
WITH_ENGINE = WITHOUT_ENGINE | {
    *[
        "alexflow.cards.pending",
        "alexflow.early_growth",
        "alexflow.engine",
        "alexflow.events",
        "alexflow.executors",
        "alexflow.fingerprint",
        "alexflow.graph",
        "alexflow.logs",
        "alexflow.checkpoints",
    ],
    *["alexflow.progress.echo", "alexflow.record", "alexflow.scheduler", "alexflow.sources", "alexflow.version"],
    *["asyncio", "logging"],
}

#: What few runs need, and then load.
NOT_FOR_MOST_RUNS = {
    *["alexflow.engine.dynamic", "alexflow.engine.planning", "alexflow.executors.process.by_value"],
    *["alexflow.engine.mapping", "alexflow.graph.walk", "alexflow.storage.memory"],
    *["alexflow.progress.display", "alexflow.progress.tally", "alexflow.storage.copying", "alexflow.storage.layered"],
    *["anyio", "cloudpickle", "fsspec", "hashlib", "random", "shutil", "tempfile"],
}

#: What runs and unpacks tasks, which the engine's process leaves to its workers; and what imports libraries for these.
NOT_WHERE_TASKS_RUN_IN_WORKERS = {
    *["alexflow.executors.attempt", "alexflow.executors.process.warm_server", "alexflow.model.function_task"],
    "alexflow.executors.process.worker.unpack",
}

SCRIPT = """
import sys
from dataclasses import dataclass
import alexflow
bare = set(sys.modules)
sys.path.append({here!r})
from stages import {cls}
result = alexflow.run({cls}(1), storage={storage!r}, workers=1)
assert result.output.load() == 1
print(result.ran, *set(sys.modules) - bare)
"""

STAGES = """
from dataclasses import dataclass
import alexflow

class Stored:
    def output(self):
        return self.build_output(alexflow.BinaryOutput, key="value.pkl")

@dataclass(frozen=True)
class InWorker(Stored, alexflow.Task):
    number: int
    def run(self, input, output):
        output.store(self.number)

@dataclass(frozen=True)
class OnLoop(Stored, alexflow.Task):
    number: int
    async def run(self, input, output):
        await output.astore(self.number)
"""


def is_within(name: str, listed: set[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in listed)


@pytest.mark.processes
@pytest.mark.parametrize("cls", ["InWorker", "OnLoop"])
def test_what_a_run_loads(cls, tmp_path):
    (tmp_path / "stages.py").write_text(STAGES)
    code = SCRIPT.format(here=str(tmp_path), cls=cls, storage=str(tmp_path / "storage"))
    for ran, allowed in ("1", WITH_ENGINE), ("0", WITHOUT_ENGINE):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        count, *loaded = done.stdout.split()
        assert count == ran
        ours = {name for name in loaded if name.partition(".")[0] in {each.partition(".")[0] for each in WITH_ENGINE}}
        packages = {"alexflow", "alexflow.engine", "alexflow.executors", "alexflow.executors.process"}
        packages |= {"alexflow.cards", "alexflow.executors.process.wire", "alexflow.formats", "alexflow.progress"}
        assert {name for name in ours - packages if not is_within(name, allowed)} == set()
        assert {name for name in loaded if is_within(name, NOT_FOR_MOST_RUNS)} == set()
        assert "alexflow.engine.keywords" not in loaded
        assert cls == "OnLoop" or not NOT_WHERE_TASKS_RUN_IN_WORKERS & set(loaded)


#: What the fingerprint of code needs only where some of it has changed.
FOR_CHANGED_CODE = {"alexflow.fingerprint.linking", "alexflow.fingerprint.notebook", "ipaddress", "pathlib", "urllib"}


@pytest.mark.processes
def test_what_a_run_of_unchanged_code_loads(tmp_path, monkeypatch):
    here = tmp_path / "code"  # by itself: a name that appears beside a module may be another one's
    here.mkdir()
    (here / "stages.py").write_text(STAGES)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for storage in ("first", "second"):
        code = SCRIPT.format(here=str(here), cls="InWorker", storage=str(tmp_path / storage))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "alexflow.fingerprint.memo" in loaded
    assert loaded & FOR_CHANGED_CODE == set()


def test_names_on_demand_are_there_before_they_are_loaded():
    loaded_by("import alexflow; assert set(alexflow.__all__) <= set(dir(alexflow))")


def test_no_file_system_behind_fsspec():
    assert {name for name in loaded_by("import alexflow") if name.startswith("fsspec.implementations.")} == set()


def test_the_process_is_left_as_it_was():
    code = """
import asyncio, logging, os, signal, sys, threading
state = lambda: (
    [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)],
    logging.root.level, logging.root.handlers[:], dict(os.environ),
    threading.active_count(), sys.path[:], sys.excepthook,
)
before = state()
import alexflow
assert state() == before
"""
    subprocess.run([sys.executable, "-c", code], check=True)
