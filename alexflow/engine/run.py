"""``arun`` and ``run``: one target, one call."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from alexflow.engine.engine import MAX_CONCURRENCY, Engine, OnError
from alexflow.engine.result import Result
from alexflow.graph import Forceable
from alexflow.model import Workflow
from alexflow.storage import Storage


async def arun(
    target: Any,
    *,
    storage: Storage | str | os.PathLike[str] | None = None,
    workers: int | None = None,
    resources: Mapping[str, int] | None = None,
    max_concurrency: int = MAX_CONCURRENCY,
    executor: Literal["process", "thread"] = "process",
    retries: int = 0,
    retry_delay: float = 1.0,
    timeout: float | None = None,
    on_error: OnError = "stop",
    force: Forceable | Sequence[Forceable] | bool = (),
) -> Result:
    """Make a target's outputs exist, on an engine of its own.

    The arguments are those of :class:`Engine` and :meth:`Engine.run`; a workflow may bring its own storage.

    Raises:
        RunFailed: tasks failed (``on_error="stop"``); holds their errors.
        GraphError: the graph as described cannot be run; nothing of it has been.
        UnknownStorage: there is no such storage.
    """
    if storage is None and isinstance(target, Workflow):
        storage = target.storage
    engine = Engine(
        storage,
        workers=workers,
        resources=resources,
        max_concurrency=max_concurrency,
        executor=executor,
        retries=retries,
        retry_delay=retry_delay,
        timeout=timeout,
    )
    async with engine:
        return await engine.run(target, on_error=on_error, force=force)


def run(target: Any, **options: Any) -> Result:
    """:func:`arun`, from code that is not async; in a notebook or under another running loop it uses a thread.

    Args:
        target: as for :func:`arun`.
        options: as for :func:`arun`.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(arun(target, **options))
    return _run_in_thread(target, options)


def _run_in_thread(target: Any, options: dict[str, Any]) -> Result:
    results: list[Result] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(asyncio.run(arun(target, **options)))
        except BaseException as error:  # raised again below, in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=work, name="alexflow-run")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
