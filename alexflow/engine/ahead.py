"""A fork server that is started ahead of its engine, which is imported meanwhile.

Both take as long. So if the targets' own classes show that a task will run in a worker process, the server is started
first. Of a graph whose targets run elsewhere nothing is known yet: describing it is the engine's work, and a server
that nothing needs would be waste. If the engine has no use for it after all, it is ended with the run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from alexflow.engine.targets import read_target
from alexflow.graph.placement import kind_of
from alexflow.hooks import passes
from alexflow.storage import Storage

if TYPE_CHECKING:
    from alexflow.executors.process.started_server import StartedServer

#: Targets whose classes are looked at.
MAX_LOOKED_AT = 16


@contextmanager
def server_ahead(target: Any, storage: Storage, options: Mapping[str, Any]) -> Iterator[StartedServer | None]:
    """Start a fork server if a worker process will be wanted; end it after the block if no engine has taken it over.

    Args:
        target: as for :func:`~alexflow.arun`; none of it exists, as far as is known.
        storage: where its outputs will be.
        options: the keywords of :class:`~alexflow.Engine`.
    """
    server = _start(options) if not storage.process_local and _wants_process(target, options) else None
    try:
        yield server
    finally:
        if server is not None:
            server.end_unless_taken()


def _wants_process(target: Any, options: Mapping[str, Any]) -> bool:
    """Whether a target's own ``run`` is for a worker process."""
    default = options.get("executor", "process")
    try:
        request = read_target(target)
        sources = (output.__dict__.get("src_task") for output in request.outputs[:MAX_LOOKED_AT])
        tasks = [*request.tasks[:MAX_LOOKED_AT], *(source for source in sources if source is not None)]
        return any(kind_of(task, default) == "process" for task in tasks)
    except BaseException as error:  # the engine says what is wrong
        if passes(error):
            raise
        return False


def _start(options: Mapping[str, Any]) -> StartedServer | None:
    from alexflow.executors.process.started_server import StartedServer  # deferred: for worker processes only

    python = getattr(options.get("workers"), "python", None) or sys.executable
    try:
        return StartedServer(os.fspath(python)) if python else None
    except OSError:  # the engine says so, if it comes to that
        return None
