"""For all tests of the engine."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.engine import workflows
from tests.fifo import Fifo


@pytest.fixture
def place(tmp_path: Path) -> str:
    """A directory for a storage."""
    return str(tmp_path / "results")


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Callable[[str], Fifo]]:
    """Make a named pipe."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(Fifo(tmp_path / name))


@pytest.fixture(autouse=True)
def ran() -> list[str]:
    """What tasks of this process said when they ran."""
    workflows.ran.clear()
    return workflows.ran


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A file in which tasks of other processes say that they ran."""
    path = tmp_path / "log"
    path.touch()
    return path
