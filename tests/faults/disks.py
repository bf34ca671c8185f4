"""Small file systems in memory, as full, as short of inodes or as read-only as a test needs them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(path: Path, options: str, kind: str = "tmpfs") -> Iterator[Path]:
    """A file system of its own at ``path``, mounted with ``options``; a test without the right to mount is skipped."""
    path.mkdir()
    command = ["mount", "-t", kind, "-o", options, kind, str(path)]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def remount(path: Path, how: str) -> None:
    """Make it read-only (``ro``) or writable (``rw``)."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(path)], check=True)


def free_bytes(path: Path) -> int:
    """Return the number of bytes that still fit."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def keys_in(path: Path | str) -> set[str]:
    """The outputs in a storage."""
    return {name for name in os.listdir(path) if not name.startswith(".alexflow")}
