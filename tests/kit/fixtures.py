"""Fixtures that tests of several folders use."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

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
