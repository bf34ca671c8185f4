"""A process that can be killed at any system call of publishing."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from alexflow import LocalStorage

DEADLINE = 30.0  # seconds


class Publisher:
    """A process whose children publish one output each, when they are told to, while strace watches.

    Args:
        key: of the output.
        size: of the output, in bytes.
        how: as in :mod:`tests.faults.publisher_process`.
    """

    def __init__(self, key: str, size: int, how: tuple[str, ...]):
        strace = shutil.which("strace")
        if strace is None:
            pytest.skip("strace is not installed")
        self.strace = strace
        command = [sys.executable, "-m", "tests.faults.publisher_process", key, str(size), *how]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate(timeout=DEADLINE)

    def publish(self, storage: LocalStorage, *options: str) -> int:
        """Have a child publish, under strace with these options; gives its exit code."""
        child = self.tell(storage.base_path)
        command = [self.strace, "-f", "-p", str(child), *options]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as watching:
            assert watching.stderr is not None
            said = watching.stderr.readline()
            if "not permitted" in said:
                pytest.skip(f"strace may not look at another process: {said.strip()}")
            assert "attached" in said, said
            code = self.tell("")
            watching.communicate(timeout=DEADLINE)
        return code

    def tell(self, line: str) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        return int(self.process.stdout.readline())
