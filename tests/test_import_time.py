"""``import alexflow`` is light: held against what is loaded, not against a clock."""

import json
import subprocess
import sys

HEAVY = {
    *["numpy", "pandas", "scipy", "sklearn", "pyarrow", "polars", "torch"],
    *["rich", "dask", "distributed", "ray", "pytest"],
    *["aiohttp", "requests", "httpx", "urllib3", "botocore", "s3fs", "gcsfs", "adlfs", "obstore"],
    *["sqlite3", "multiprocessing", "concurrent.futures.process", "tkinter", "unittest"],
}


def loaded_by(statement: str) -> set[str]:
    code = f"import json, sys; before = set(sys.modules); {statement}; print(json.dumps([*set(sys.modules) - before]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_nothing_heavy():
    assert loaded_by("import alexflow") & HEAVY == set()


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
