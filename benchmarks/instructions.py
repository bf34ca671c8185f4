"""The number of instructions that a command executes: the same from run to run, where time is not.

By ``perf`` where the machine lets it count, which costs nothing; else by callgrind, which is some fifty times as slow.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence

from benchmarks.contestant import HERE, Crashed, Unsupported

Count = Callable[[Sequence[str]], int]


def counter() -> Count:
    """The best way to count here.

    Raises:
        Unsupported: there is none.
    """
    if shutil.which("perf") is not None:
        try:
            by_perf(["true"])
            return by_perf
        except Unsupported:
            pass
    if shutil.which("valgrind") is not None:
        return by_callgrind
    raise Unsupported("neither does perf count instructions here, nor is there valgrind")


def by_perf(command: Sequence[str]) -> int:
    """Count by ``perf stat``, in user space, processes that the command starts included."""
    with tempfile.NamedTemporaryFile("r") as report:
        _run(["perf", "stat", "-x", ",", "-e", "instructions:u", "-o", report.name, "--", *command])
        text = report.read()
    found = re.search(r"^(\d+),[^,]*,instructions", text, re.MULTILINE)
    if found is None:
        raise Unsupported("perf does not count instructions here")
    return int(found[1])


def by_callgrind(command: Sequence[str]) -> int:
    """Count by callgrind, for the command's own process."""
    report = _run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command])
    found = re.search(r"^==\d+== Collected : (\d+)", report, re.MULTILINE)
    if found is None:
        raise Crashed(f"callgrind reports no count: {report[-200:]}")
    return int(found[1])


def _run(command: list[str]) -> str:
    # without the seed strings have other hashes, and so dictionaries other collisions, from run to run
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Crashed(f"exit code {done.returncode}: {done.stderr.strip().rpartition(chr(10))[2]}")
    return done.stderr
