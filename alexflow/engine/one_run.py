"""One run on an engine of its own: opened, awaited and closed, in a loop of its own where there is none."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from alexflow.blocks_briefly import blocks_briefly
from alexflow.engine.async_library import is_under_a_loop
from alexflow.engine.engine import Engine
from alexflow.engine.options import OnError
from alexflow.engine.result import Result
from alexflow.engine.signals import Interruption
from alexflow.engine.standstill import share_before
from alexflow.errors import EngineClosed, RunFailed
from alexflow.hooks import own_attribute
from alexflow.progress.writing import is_shown
from alexflow.storage import Storage
from alexflow.storage.descriptors import raised_limit

if TYPE_CHECKING:
    from alexflow.engine.keywords import EngineOptions
    from alexflow.executors.process.started_server import StartedServer
    from alexflow.graph import Forceable


async def run_on(
    engine: Engine,
    target: Any,
    on_error: OnError,
    force: Forceable | Sequence[Forceable] | bool,
    progress: bool | None,
    attributes: Mapping[str, Any],
) -> Result:
    """Open an engine for one run."""
    async with engine:
        if not is_shown(progress):
            return await engine.run(target, on_error=on_error, force=force, attributes=attributes)
        from alexflow.progress.display import shown  # deferred: in services and batch jobs nothing is shown

        async with shown(engine.broadcast, progress):
            return await engine.run(target, on_error=on_error, force=force, attributes=attributes)


def run_from_script(
    target: Any,
    storage: Storage,
    on_error: OnError,
    force: Forceable | Sequence[Forceable] | bool,
    progress: bool | None,
    attributes: Mapping[str, Any],
    echo: bool,
    options: EngineOptions,
    server: StartedServer | None = None,
) -> Result:
    """Run a target with Ctrl-C handled, and as many open files as allowed."""
    interruption = Interruption()

    async def work() -> Result:
        engine = interruption.engine = Engine(storage, echo=echo, **options)
        engine.started_server = server
        return await run_on(engine, target, on_error, force, progress, attributes)

    run_loop = _run_loop_in_thread if is_under_a_loop() else _run_loop
    try:
        with interruption.handling(), raised_limit():
            result = run_loop(work, interruption)
    except RunFailed as failed:
        interruption.raise_if_any()
        raise _readable(failed) from None
    except asyncio.CancelledError:
        interruption.raise_if_any()
        raise
    except RuntimeError as error:
        if threading.main_thread().is_alive():
            raise
        raise EngineClosed(
            "the program's main thread has ended, after which Python lends no more threads; let the script wait for "
            "what still runs, such as thread.join(), and run nothing in atexit or __del__"
        ) from error
    interruption.raise_if_any()
    return result


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

    share_before()
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
