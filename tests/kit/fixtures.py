"""Fixtures that tests of several folders use."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.disks import small_disk
from tests.kit.fifo import Fifo


@pytest.fixture
def place(tmp_path: Path) -> str:
    """A directory for a storage."""
    return str(tmp_path / "results")


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Callable[[str], Fifo]]:
    """Make a named pipe."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(Fifo(tmp_path / name))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """An empty file to which tasks of any process append a line when they run."""
    path = tmp_path / "log"
    path.touch()
    return path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    with small_disk(tmp_path / "disk", "size=2m") as path:
        yield path


@pytest.fixture
def everybodys() -> Iterator[Path]:
    """A directory that others may enter: pytest's are for their owner alone, and each session of it sees to that."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)
