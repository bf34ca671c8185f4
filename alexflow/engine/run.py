"""``arun`` and ``run``: one target, one call. What runs something is imported only when something has to run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Unpack

from alexflow.engine.async_library import require_asyncio
from alexflow.engine.existing import result_of_existing
from alexflow.engine.garbage import relaxed_gc
from alexflow.engine.options import (
    ENGINE_OPTIONS,
    RUN_OPTIONS,
    OnError,
    as_attributes,
    check_keywords,
    check_on_error,
    check_shown,
)
from alexflow.engine.result import Result
from alexflow.errors import RunFailed
from alexflow.executors.process.wire.reentry import reentry
from alexflow.model import Workflow
from alexflow.storage import Storage, open_storage

if TYPE_CHECKING:
    from alexflow.engine.engine import Engine
    from alexflow.engine.keywords import EngineOptions, RunOptions
    from alexflow.graph import Forceable


async def arun(
    target: Any,
    *,
    storage: Storage | str | os.PathLike[str] | None = None,
    on_error: OnError = "stop",
    force: Forceable | Sequence[Forceable] | bool = (),
    progress: bool | None = False,
    echo: bool = False,
    html: str | os.PathLike[str] | None = None,
    attributes: Mapping[str, Any] | None = None,
    **options: Unpack[EngineOptions],
) -> Result:
    """Make a target's outputs exist, on an engine of its own.

    Args:
        target: a task, an output, a list, tuple or dict of those, or a workflow, which may bring its own storage.
        storage: as for :class:`Engine`.
        on_error: as for :meth:`Engine.run`.
        force: as for :meth:`Engine.run`.
        progress: whether to show progress on standard error: None where that is a terminal or a notebook, True also
            elsewhere, in plain lines. On a terminal, and with ``rich`` installed, it is redrawn in place, and what the
            process prints meanwhile appears above it.
        echo: as for :class:`Engine`.
        html: a file into which a report of the run is written when it is over, also if it failed.
        attributes: as for :meth:`Engine.run`.
        options: the other keywords of :class:`Engine`.

    Raises:
        RunFailed: tasks failed (``on_error="stop"``); holds their errors.
        GraphError: the graph as described cannot be run; nothing of it has been.
        UnknownStorage: there is no such storage.
    """
    check_keywords("arun", options, ENGINE_OPTIONS)
    opened = _storage_for(target, storage)
    reentry.refuse()
    require_asyncio()
    check_on_error(on_error)
    check_shown(progress, echo)
    attributes = as_attributes(attributes)
    if html is not None:
        of_run = {"storage": opened, "on_error": on_error, "force": force, "attributes": attributes}
        return await _reported(html, target, progress=progress, echo=echo, **of_run, **options)
    result = result_of_existing(target, opened, force, options, progress)
    if result is not None:
        from asyncio import sleep  # it is loaded, but for `run`

        await sleep(0)  # a caller with many targets leaves others their turns
        return result
    from alexflow.engine.ahead import server_ahead  # deferred, here and below: not for a run that has nothing to do

    with server_ahead(target, opened, options) as server:
        if not _import_engine.cache_info().currsize:
            from asyncio import to_thread

            await to_thread(_import_engine)  # the event loop serves others
        from alexflow.engine.one_run import run_on

        engine = _import_engine()(opened, echo=echo, **options)
        engine.started_server = server
        return await run_on(engine, target, on_error, force, progress, attributes)


async def _reported(html: str | os.PathLike[str], target: Any, **options: Any) -> Result:
    from asyncio import to_thread

    from alexflow.engine.reported_run import report_writer

    write = await to_thread(report_writer, options["storage"], html, record=options.get("record", True))
    try:
        return await arun(target, **options)
    finally:
        await to_thread(write)


@cache
def _import_engine() -> type[Engine]:
    """Import all that an engine may need. That it is among the modules does not say that its import is over."""
    from alexflow.engine.embedded import Engine

    return Engine


def _storage_for(target: Any, storage: Storage | str | os.PathLike[str] | None) -> Storage:
    if storage is None and isinstance(target, Workflow):
        storage = target.storage
    return open_storage(storage)


def run(target: Any, *, progress: bool | None = None, echo: bool = True, **options: Unpack[RunOptions]) -> Result:
    """Run :func:`arun` from code that is not async; under a running loop, as in a notebook, it uses a thread.

    While it lasts, Python collects cyclic garbage less often (after 50,000 new objects), and the process may have as
    many files open as the system allows (the hard limit of ``ulimit -n``). :func:`arun`, a guest in its process,
    changes neither.

    In the main thread, Ctrl-C cancels the run: no new tasks, and running ones get their ``grace`` to end; the second
    Ctrl-C kills them. SIGTERM and SIGUSR1 do the same. Handlers that were installed before are left alone.

    Args:
        target: as for :func:`arun`.
        progress: as for :func:`arun`, but by default it is shown where standard error is a terminal, and in a notebook.
        echo: as for :class:`Engine`, but by default what tasks print is shown.
        options: the other keywords of :func:`arun`, and those of :class:`Engine`.

    Raises:
        KeyboardInterrupt: it was interrupted; uncaught it ends a script as shells expect, with 130.
        SystemExit: it was terminated by SIGTERM, with 143, or SIGUSR1, with 138.
    """
    check_keywords("run", options, RUN_OPTIONS)
    reentry.refuse()  # here, too: the rest may run in another thread
    storage, on_error = _storage_for(target, options.pop("storage", None)), options.pop("on_error", "stop")
    check_on_error(on_error)
    check_shown(progress, echo)
    attributes = as_attributes(options.pop("attributes", None))
    if (html := options.pop("html", None)) is not None:
        from alexflow.engine.reported_run import report_writer

        write = report_writer(storage, html, record=options.get("record", True))
        try:
            options["storage"], options["on_error"], options["attributes"] = storage, on_error, attributes
            return run(target, progress=progress, echo=echo, **options)
        finally:
            write()
    force = options.pop("force", ())
    result = result_of_existing(target, storage, force, options, progress)
    if result is not None:
        return result
    from alexflow.engine.ahead import server_ahead

    try:
        with relaxed_gc(), server_ahead(target, storage, options) as server:
            from alexflow.engine.one_run import run_from_script

            return run_from_script(target, storage, on_error, force, progress, attributes, echo, options, server)
    except RunFailed as failed:
        raise failed.with_traceback(None) from None  # each failure has the traceback of the task's own code
