"""The registry of executors: how an engine makes the executor of each kind.

An executor of another kind is one class and one call::

    register_executor(ExecutorKind("futures"), lambda settings: FuturesExecutor(settings.grace))

After that, ``TaskOptions(executor="futures")`` and ``Engine(executor="futures")`` name it. Each engine that is opened
makes one executor of each kind, so making one must cost nothing: connections and processes belong into ``open`` or
later. An executor that an engine is only given by name or URL needs no kind of its own: :mod:`alexflow.cluster.urls`
has those, and reads entry points.

Rejected: entry points for kinds, which import other distributions when an engine is opened; names that are looked up
only when a job is submitted, since a wrong name would be found after half of a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from alexflow.errors import DefinitionError
from alexflow.executors.interface import Executor
from alexflow.executors.on_demand import ExecutorOnDemand
from alexflow.executors.settings import ConfigurableExecutor
from alexflow.executors.settings import ExecutorSettings as ExecutorSettings
from alexflow.model.executor_kinds import EXECUTOR_KINDS
from alexflow.model.executor_kinds import ExecutorKind as ExecutorKind

#: Makes an executor of a kind.
Make = Callable[[ExecutorSettings], Executor]


def _make_loop(settings: ExecutorSettings) -> Executor:
    def make() -> Executor:
        from alexflow.executors.event_loop import LoopExecutor  # deferred, here and below: for graphs that need it

        return LoopExecutor(settings.max_concurrency, grace=settings.grace, capacity=settings.capacity)

    return ExecutorOnDemand(make, settings.max_concurrency)


def _make_thread(settings: ExecutorSettings) -> Executor:
    threads = settings.workers.count or 1

    def make() -> Executor:
        from alexflow.executors.loaded_libraries import LoadedLibraries
        from alexflow.executors.thread import thread_executor

        asked, share = settings.library_threads, settings.workers.threads or 1
        libraries = None if asked == 0 else LoadedLibraries(share, asked or 0)
        return thread_executor(threads, grace=settings.grace, libraries=libraries, capacity=settings.capacity)

    return ExecutorOnDemand(make, threads)


def _make_process(settings: ExecutorSettings) -> Executor:
    def make() -> Executor:
        from alexflow.executors.process.pool import ProcessExecutor

        return ProcessExecutor(
            settings.workers,
            grace=settings.grace,
            echo=settings.echo,
            started=settings.started,
            capacity=settings.capacity,
            devices=settings.devices,
            reserved=settings.reserved,
        )

    return ExecutorOnDemand(make, settings.workers.count or 1)


_makers: dict[str, Make] = {"loop": _make_loop, "thread": _make_thread, "process": _make_process}


def register_executor(kind: ExecutorKind, make: Make) -> None:
    """Add a kind of executor, for engines that are opened from now on.

    Args:
        kind: its name and what it can do.
        make: makes one, from an engine's settings.

    Raises:
        DefinitionError: there is a kind of this name.
    """
    if kind.name in EXECUTOR_KINDS or kind.name == "dynamic":
        raise DefinitionError(f"there is an executor {kind.name!r} already; choose another name")
    EXECUTOR_KINDS[kind.name] = kind
    _makers[kind.name] = make


def unregister_executor(name: str) -> None:
    """Remove a kind that was added, as before a notebook's cell adds it again."""
    del EXECUTOR_KINDS[name]
    del _makers[name]


def make_executors(settings: ExecutorSettings, given: Mapping[str, Executor]) -> dict[str, Executor]:
    """Make an executor of each kind.

    Args:
        settings: the engine's arguments.
        given: executors that the engine was given, by the names that it has for them.
    """
    for executor in given.values():
        if isinstance(executor, ConfigurableExecutor):
            executor.configure(settings)
    executors = {name: make(settings) for name, make in _makers.items()}
    for name, executor in executors.items():
        executor.kind = EXECUTOR_KINDS[name]
    return {**executors, **given}
