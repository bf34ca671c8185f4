"""Dask schedulers and workers as processes."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def start_dask(*words: str, directory: Path | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "distributed.cli." + words[0], *words[1:], "--no-dashboard"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=directory)


def start_scheduler(address: str) -> subprocess.Popen[bytes]:
    """Start a scheduler."""
    return start_dask("dask_scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2])


def start_worker(address: str, *options: str, directory: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a worker of one thread, without a nanny; modules in its directory come first."""
    usual = "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1"
    return start_dask("dask_worker", f"tcp://{address}", *usual, *options, directory=directory)


@contextmanager
def running_dask(workers: int) -> Iterator[str]:
    """Give the address of a scheduler that has so many workers."""
    address = free_address()
    processes = [start_scheduler(address), *(start_worker(address) for _ in range(workers))]
    try:
        yield address
    finally:
        for process in processes:
            process.kill()
            process.wait()


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def scheduler_process() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler: its address and its process."""
    address = free_address()
    process = start_scheduler(address)
    yield address, process
    process.kill()
    process.wait()


@pytest.fixture
def scheduler(scheduler_process: tuple[str, subprocess.Popen[bytes]]) -> str:
    """The address of a scheduler."""
    return scheduler_process[0]


@pytest.fixture
def workers(scheduler: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two Dask workers of one thread each, without nannies."""
    processes = [start_worker(scheduler) for _ in range(2)]
    yield processes
    for process in processes:
        process.kill()
        process.wait()
