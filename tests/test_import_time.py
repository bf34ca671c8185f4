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
    "alexflow.executors.process.fork_server_client",
}

#: What a program that only describes tasks does without.
NOT_FOR_A_DESCRIPTION = {
    *["datetime", "decimal", "uuid", "msgspec", "pickle", "platform", "select", "socket", "threading", "traceback"],
    *["alexflow.executors", "alexflow.formats", "alexflow.storage.interface", "alexflow.storage.local.storage"],
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
        ("alexflow.executors.process.worker.main", HEAVY | NOT_FOR_A_WORKER),
        ("alexflow.executors.process.worker.fork_server", HEAVY | NOT_FOR_A_WORKER),
    ],
)
def test_what_is_not_loaded(module, unwanted):
    loaded = loaded_by(f"import {module}")
    assert module in loaded
    assert loaded & unwanted == set()


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
