"""For all tests: one event loop, and nothing that blocks it unnoticed."""

import ast
import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

import alexflow
from tests.kit.fixtures import disk, everybodys, fifo, log, place  # noqa: F401  # for all tests
from tests.kit.processes import command_of, descendants_of, kill_and_reap, servers, still_alive
from tests.kit.servers.fixtures import server  # noqa: F401  # for all tests

PACKAGE = Path(alexflow.__file__).parent

#: Time that processes have to end after the tests that started them: some are on their way by then.
SECONDS_TO_END = 10.0

#: Processes that Python starts for itself, once, and those of the browser that all of its tests share; they end with
#: the tests.
KEPT = ("multiprocessing.resource_tracker", "multiprocessing.forkserver", "/chromium", "/chrome", "/playwright/driver/")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--through=agent``, for the tests of worker processes, and ``--in=seaweedfs``, for those of clusters."""
    parser.addoption("--through", choices=["pool", "agent"], default="pool", help="where worker processes are hosted")
    parser.addoption("--in", choices=["directory", "seaweedfs"], default="directory", help="the storages of clusters")


def pytest_configure(config: pytest.Config) -> None:
    """Let engines have an agent in the place of their pool, if that was asked for; and let Ctrl-C be heard."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell sets it for what it runs in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("through") == "agent":
        from alexflow.executors import registry
        from tests.kit.agents import make_agent_executor

        registry._makers["process"] = make_agent_executor


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what looks at the processes of the local pool, where there is none."""
    if config.getoption("through") == "agent":
        for item in items:
            if item.get_closest_marker("local_pool") is not None:
                item.add_marker(pytest.mark.skip(reason="looks at the processes of the local pool"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse what ``-m "not processes"`` promises not to do, so that the marks stay complete."""
    if session.config.option.markexpr == "not processes":
        sys.addaudithook(_refuse_processes)


def _refuse_processes(event: str, args: tuple[object, ...]) -> None:
    if event in ("subprocess.Popen", "os.fork", "os.posix_spawn"):
        raise RuntimeError("a test that starts processes is to be marked `@pytest.mark.processes`")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True, scope="module")
def no_process_is_left() -> Iterator[None]:
    """A file of tests that leaves processes behind has an error, and those after it, which count theirs, have none."""
    before = descendants_of(os.getpid())
    yield
    new = descendants_of(os.getpid()) - before
    kept = {pid for pid in new if any(name in command_of(pid) for name in KEPT)}
    servers.update(kept)  # the next files do not count them
    new -= kept
    if new:
        gc.collect()  # an object that nothing refers to any more, such as a live page, ends its process
        left = {pid: command_of(pid) for pid in still_alive(new, SECONDS_TO_END)}
        kill_and_reap(new)
        assert not left, f"processes outlived the tests: {left}"


@pytest.fixture(autouse=True, scope="session")
def event_loop_is_watched() -> Iterator[BlockBuster]:
    """A blocking call of alexflow's on the event loop raises BlockingError; tests themselves may block."""
    marked = list(marked_as_brief())
    with blockbuster_ctx(scanned_modules="alexflow") as blockbuster:
        for function in blockbuster.functions.values():
            for file, names in marked:
                function.can_block_in(file, names)
        yield blockbuster


def marked_as_brief() -> Iterator[tuple[str, set[str]]]:
    """Find the functions marked with ``blocks_briefly``, by file, in the source: no optional package is imported."""
    for path in PACKAGE.rglob("*.py"):
        source = path.read_text()
        if "@blocks_briefly(" in source:
            yield (
                str(path),
                {
                    node.name
                    for node in ast.walk(ast.parse(source))
                    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                    and any(ast.unparse(decorator).startswith("blocks_briefly(") for decorator in node.decorator_list)
                },
            )
