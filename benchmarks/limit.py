"""What the machine itself takes: the least that any engine could."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

from benchmarks.measure import stopwatch


def write_files(directory: Path, count: int) -> float:
    """A plain loop in one process: a small pickle under a temporary name, renamed to its own; seconds."""
    base = str(directory)
    with stopwatch() as seconds:
        for number in range(count):
            temporary = f"{base}/{number}.tmp"
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            os.write(fd, pickle.dumps(number, protocol=5))
            os.close(fd)
            os.rename(temporary, f"{base}/benchmarks.workloads.Leaf.{number:040x}.value.pkl")
    return seconds[0]


def check_files(directory: Path, count: int) -> float:
    """A plain loop that asks for ``count`` existing files one by one; seconds."""
    write_files(directory, count)
    names = [f"{directory}/benchmarks.workloads.Leaf.{number:040x}.value.pkl" for number in range(count)]
    with stopwatch() as seconds:
        found = sum(os.path.exists(name) for name in names)
    if found != count:
        raise RuntimeError(f"{found} of {count} files exist")
    return seconds[0]
