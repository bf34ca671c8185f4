"""``arun`` and ``run``: one target, one call."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Unpack

from alexflow.blocks_briefly import blocks_briefly
from alexflow.engine.async_library import is_under_a_loop
from alexflow.engine.engine import Engine
from alexflow.engine.options import EngineOptions, OnError, RunOptions, check_keywords
from alexflow.engine.result import Result
from alexflow.engine.signals import Interruption
from alexflow.errors import RunFailed
from alexflow.executors.process.wire.reentry import reentry
from alexflow.graph import Forceable
from alexflow.hooks import own_attribute
from alexflow.model import Workflow
from alexflow.progress.display import shown
from alexflow.storage import Storage
from alexflow.storage.descriptors import raised_limit

#: New objects after which Python collects cyclic garbage while :func:`run` lasts. With its default of 700, it walks
#: through thousands of pending tasks again and again, which takes a third of their time.
RUN_GC_THRESHOLD = 50_000


async def arun(
    target: Any,
    *,
    storage: Storage | str | os.PathLike[str] | None = None,
    on_error: OnError = "stop",
    force: Forceable | Sequence[Forceable] | bool = (),
    progress: bool | None = False,
    echo: bool = False,
    **options: Unpack[EngineOptions],
) -> Result:
    """Make a target's outputs exist, on an engine of its own.

    Args:
        target: a task, an output, a list, tuple or dict of those, or a workflow, which may bring its own storage.
        storage: as for :class:`Engine`.
        on_error: as for :meth:`Engine.run`.
        force: as for :meth:`Engine.run`.
        progress: whether to show progress on standard error: None where that is a terminal, True also elsewhere, in
            plain lines. On a terminal, and with ``rich`` installed, it is redrawn in place, and what the process prints
            meanwhile appears above it.
        echo: as for :class:`Engine`.
        options: the other keywords of :class:`Engine`.

    Raises:
        RunFailed: tasks failed (``on_error="stop"``); holds their errors.
        GraphError: the graph as described cannot be run; nothing of it has been.
        UnknownStorage: there is no such storage.
    """
    check_keywords("arun", options, EngineOptions.__optional_keys__)
    return await _run_on(_engine_for(target, storage, echo, options), target, on_error, force, progress)


def _engine_for(
    target: Any, storage: Storage | str | os.PathLike[str] | None, echo: bool, options: EngineOptions
) -> Engine:
    if storage is None and isinstance(target, Workflow):
        storage = target.storage
    return Engine(storage, echo=echo, **options)


async def _run_on(
    engine: Engine,
    target: Any,
    on_error: OnError,
    force: Forceable | Sequence[Forceable] | bool,
    progress: bool | None,
) -> Result:
    async with engine, shown(engine.broadcast, progress):
        return await engine.run(target, on_error=on_error, force=force)


def run(target: Any, *, progress: bool | None = None, echo: bool = True, **options: Unpack[RunOptions]) -> Result:
    """Run :func:`arun` from code that is not async; under a running loop, as in a notebook, it uses a thread.

    While it lasts, Python collects cyclic garbage less often (:data:`RUN_GC_THRESHOLD`), and the process may have as
    many files open as the system allows (the hard limit of ``ulimit -n``). :func:`arun`, a guest in its process,
    changes neither.

    In the main thread, Ctrl-C cancels the run: no new tasks, and running ones get their ``grace`` to end; the second
    Ctrl-C kills them. SIGTERM does the same. Handlers that were installed before are left alone.

    Args:
        target: as for :func:`arun`.
        progress: as for :func:`arun`, but by default it is shown where standard error is a terminal.
        echo: as for :class:`Engine`, but by default what tasks print is shown.
        options: the other keywords of :func:`arun`, and those of :class:`Engine`.

    Raises:
        KeyboardInterrupt: it was interrupted; uncaught it ends a script as shells expect, with 130.
        SystemExit: it was terminated; with 143.
    """
    check_keywords("run", options, RunOptions.__optional_keys__)
    reentry.refuse()  # here, too: the rest may run in another thread
    interruption = Interruption()
    storage, on_error = options.pop("storage", None), options.pop("on_error", "stop")
    force = options.pop("force", ())

    async def work() -> Result:
        engine = interruption.engine = _engine_for(target, storage, echo, options)
        return await _run_on(engine, target, on_error, force, progress)

    run_loop = _run_loop_in_thread if is_under_a_loop() else _run_loop
    try:
        with interruption.handling(), _relaxed_gc(), raised_limit():
            result = run_loop(work, interruption)
    except RunFailed as failed:
        interruption.raise_if_any()
        raise _readable(failed) from None
    except asyncio.CancelledError:
        interruption.raise_if_any()
        raise
    interruption.raise_if_any()
    return result


@contextmanager
def _relaxed_gc() -> Iterator[None]:
    before = gc.get_threshold()
    if not 0 < before[0] < RUN_GC_THRESHOLD:
        yield
        return
    ours = (RUN_GC_THRESHOLD, *before[1:])
    gc.set_threshold(*ours)
    try:
        yield
    finally:
        if gc.get_threshold() == ours:  # else it has been changed meanwhile
            gc.set_threshold(*before)


def _readable(failed: RunFailed) -> RunFailed:
    """Drop the traceback inside the engine: each failure has, as text, the one of the task's own code."""
    pending: list[BaseException | None] = [error.__cause__ for error in failed.exceptions]
    seen: set[int] = set()
    while pending:
        error = pending.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            BaseException.with_traceback(error, None)  # a user's class may override it
            pending += [own_attribute(error, "__cause__"), own_attribute(error, "__context__")]
    return failed.with_traceback(None)


def _run_loop(work: Callable[[], Coroutine[Any, Any, Result]], interruption: Interruption) -> Result:
    return asyncio.run(interruption.watch(work()))


@blocks_briefly("run() under a running loop, as in a notebook, has to wait")
def _run_loop_in_thread(work: Callable[[], Coroutine[Any, Any, Result]], interruption: Interruption) -> Result:
    results: list[Result] = []
    errors: list[BaseException] = []

    def work_in_thread() -> None:
        try:
            results.append(_run_loop(work, interruption))
        except BaseException as error:  # raised again below, in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=work_in_thread, name="alexflow-run")
    thread.start()
    while thread.is_alive():
        try:
            thread.join()
        except KeyboardInterrupt:  # raised by the handler that was installed before
            interruption.interrupt(signal.SIGINT)
    if errors:
        raise errors[0]
    return results[0]
