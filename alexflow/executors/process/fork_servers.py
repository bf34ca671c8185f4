"""The fork servers of an executor: a bare one, and warm ones, which have imported what workers need.

A worker that needs libraries comes from a *warm server*: a fork of the bare one that imports them once, while
workers wait that would otherwise do the same. There is nothing to gain by not waiting, as the import takes as long in
each of them. A worker that needs no library does not wait: it comes from the bare server. So the choice is made by what
the tasks need for which a worker is started; modules are imported in the order in which tasks will need them, and
workers are forked between two imports as soon as theirs are there.

When a warm server has imported everything, all new workers come from it, those that replace others too; a worker that
lacks much of what it has is replaced when it has nothing to do (:attr:`ForkServers.on_warm`).

A module after whose import a process cannot be forked safely is left out from then on, in all engines of this process,
and the log says so once: the warm server is ended, another one imports the rest, and workers import that module
themselves. So it was for all modules before there were warm servers.

A warm server is outdated when this process has another environment, working directory or ``sys.path`` than it was
given, when a module has been reloaded, or a file that it has imported has changed. Another one takes its place.

Rejected: *forking the first workers from the bare server, and warm ones later* (each of the first would import the
same, at the same time, and keep its own copy in memory); *importing the modules of tasks* (a module that notes its
process id, opens a log or draws a name for a temporary file when it is imported would have that in common with all
workers; libraries are made to be forked, programs are not: so they are only searched for what they import).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from alexflow.executors.library_threads import is_bounded
from alexflow.executors.process.fork_server_client import ForkServerClient
from alexflow.executors.process.log_forwarding import levels
from alexflow.executors.process.pending_worker import PendingWorker
from alexflow.executors.process.server_process import InterpreterProcess
from alexflow.executors.process.started_server import StartedServer
from alexflow.executors.process.wire.environment import capture_environment, is_same
from alexflow.executors.process.wire.messages import ProcessEnvironment
from alexflow.executors.workers import Workers
from alexflow.logs import logger

if TYPE_CHECKING:
    from alexflow.executors.process.warm_server import PreloadFailure, WarmServer

#: Whether this system shows what an import has done to its process.
CAN_PRELOAD = sys.platform == "linux" and os.path.exists("/proc/self/maps")

#: Warm servers that an engine starts in vain before it does without.
MAX_FAILURES = 8

#: Seconds of imports for which a worker is replaced that would do them again.
WORTH_REPLACING = 0.1

#: Forks a worker, given its descriptors and what is called once when it has ended.
Fork = Callable[[tuple[int, ...], Callable[[], None]], PendingWorker]

#: Packages, and modules that there are not, which are left out from now on.
_left_out: set[str] = set()


def _is_fit(module: str) -> bool:
    return _left_out.isdisjoint((module, _package(module)))


def _package(module: str) -> str:
    return module.partition(".")[0]


def start_fork_server(python: str, started: StartedServer | None = None) -> ForkServerClient:
    """Return a bare fork server.

    Args:
        python: its interpreter, a path or a command.
        started: its process, if that has been started ahead.

    Raises:
        OSError: it cannot be started.
    """
    if started is None or started.is_taken:
        started = StartedServer(python)
    started.is_taken = True
    return ForkServerClient(
        InterpreterProcess(started.process), started.requests, started.lifeline, python=started.python
    )


class ForkServers:
    """The fork servers of an executor, each started when it is first needed, and again when it has died.

    Args:
        workers: their interpreter, what is preloaded, and the threads of libraries in workers.
        started: the process of the first one, if it has been started ahead.

    Attributes:
        on_warm: called when a warm server has imported everything, if set.
    """

    def __init__(self, workers: Workers | None = None, started: StartedServer | None = None) -> None:
        workers = workers or Workers()
        self._started = started
        self._python = workers.python
        self._threads = workers.threads or 0
        self._named = list(workers.preload or ())
        self._preloads = workers.preload is not None and CAN_PRELOAD
        self._modules: dict[str, None] = {}  # in the order in which they were first needed, the last need first
        self._bare: list[ForkServerClient] = []  # those that are not reaped; the last one may live
        self._warm: list[WarmServer] = []  # the same
        self._failures = 0
        self.on_warm: Callable[[], None] | None = None

    def python(self) -> str:
        """Return the interpreter of the workers.

        Raises:
            OSError: none is known.
        """
        python = self._python or sys.executable
        if not python:
            raise OSError(
                "sys.executable is empty, as in a Python that is embedded in another program; name an interpreter, "
                "such as workers=Workers(python='/usr/bin/python3')"
            )
        return os.fspath(python)

    def fork_server(self) -> ForkServerClient:
        """Return a bare fork server that lives; start one if need be.

        Raises:
            OSError: it cannot be started.
        """
        if not self._bare or not self._bare[-1].lives:
            started, self._started = self._started, None
            server = start_fork_server(self.python(), started)
            self._bare = [*(earlier for earlier in self._bare if not earlier.is_reaped), server]
        return self._bare[-1]

    def forker(self, modules: Sequence[str]) -> Fork:
        """Return what forks a worker that needs these modules.

        Raises:
            OSError: no fork server can be started.
        """
        server = self._server_for(modules)

        def fork(descriptors: tuple[int, ...], on_end: Callable[[], None]) -> PendingWorker:
            pending_worker = PendingWorker(descriptors, on_end)
            pending_worker.names = modules
            server.ask_for(pending_worker)
            return pending_worker

        return fork

    def expect(self, modules: Sequence[str]) -> None:
        """Import modules that workers will need, as far as that can be done for them."""
        if self._preloads and (modules or self._named):
            with contextlib.suppress(OSError):  # reported to the jobs for which a worker is started
                self._server_for(modules)

    def outdate(self) -> None:
        """Fork no more workers from what has been imported: modules have been executed again."""
        for server in self._warm:
            server.outdate()

    def is_cold(self, pending_worker: PendingWorker) -> bool:
        """Whether a worker lacks so much of what the newest warm server has that another should take its place."""
        ready = [server for server in self._warm if server.lives and server.is_ready and not server.is_outdated]
        return bool(ready) and ready[-1].seconds_without(pending_worker) >= WORTH_REPLACING

    def give_up(self) -> None:
        """Drop the requests for workers that have not been answered."""
        self._preloads = False
        for warm in self._warm:
            warm.give_up()
        for bare in self._bare:
            bare.give_up()

    async def aclose(self) -> None:
        """End all fork servers."""
        self._preloads = False
        await asyncio.gather(*(server.aclose() for server in self._warm))
        await asyncio.gather(*(server.aclose() for server in self._bare))

    def kill(self) -> None:
        """End all of them now; do not wait."""
        self._preloads = False
        for warm in self._warm:
            warm.kill()
        for bare in self._bare:
            bare.kill()

    def _server_for(self, modules: Sequence[str]) -> ForkServerClient | WarmServer:
        bare = self.fork_server()
        if not self._preloads:
            return bare
        self._add(modules)
        wanted = [name for name in (*self._named, *modules) if _is_fit(name)]
        if not (wanted or self._warm):
            return bare
        environment = capture_environment(self._threads, b"", *levels())
        for server in self._warm:
            if not is_same(server.environment, environment):
                server.outdate()
        current = [server for server in self._warm if server.lives and not server.is_outdated]
        ready = [server for server in current if server.is_ready and server.will_have(wanted)]
        if ready or not wanted:
            return ready[-1] if ready else bare
        coming = [server for server in current if server.will_have(wanted)]
        return coming[-1] if coming else self._start_warm(bare, environment)

    def _add(self, modules: Sequence[str]) -> None:
        new = [name for name in modules if name not in self._modules]
        if new:  # tasks are found from the target back to what can start first
            self._modules = dict.fromkeys([*new, *self._modules])

    def _start_warm(self, bare: ForkServerClient, environment: ProcessEnvironment) -> ForkServerClient | WarmServer:
        """Start a warm server, where it is of use. An earlier one serves until it is ready."""
        if not is_bounded({os.fsdecode(name): os.fsdecode(value) for name, value in environment.environment.items()}):
            self._preloads = False
            if self._named:
                logger.warning(
                    "nothing is preloaded for worker processes, as Workers(threads=0) leaves libraries their threads"
                )
            return bare
        from alexflow.executors.process.warm_server import WarmServer  # deferred: where libraries are imported

        server = WarmServer(
            bare, environment, self._to_import, self._unanswered, self._has_imported, self._say_it_is_missing
        )
        self._warm = [*(earlier for earlier in self._warm if not earlier.is_reaped), server]
        return server

    def _to_import(self) -> list[str]:
        return [name for name in dict.fromkeys([*self._named, *self._modules]) if _is_fit(name)]

    def _has_imported(self, server: WarmServer) -> None:
        for earlier in self._warm:
            if earlier is not server:
                earlier.outdate()
        if self.on_warm is not None:
            self.on_warm()

    def _say_it_is_missing(self, module: str) -> None:
        if module in self._named and _is_fit(module):
            _left_out.add(module)
            logger.warning("there is no module %s; Workers(preload=...) names it", module)

    def _level_of(self, failure: PreloadFailure) -> int:
        """The level at which a failure is logged: that a library is not made to be forked calls for no action."""
        return logging.INFO if failure.is_usual and failure.module not in self._named else logging.WARNING

    def _unanswered(self, server: WarmServer, unanswered: list[PendingWorker]) -> None:
        """Go on without a warm server: others take its requests."""
        server.outdate()
        if server.failure is not None:
            self._failures += 1
            self._preloads &= self._failures < MAX_FAILURES
            if _is_fit(server.failure.module):
                _left_out.add(_package(server.failure.module))
                level = self._level_of(server.failure)
                logger.log(level, "%s", server.failure)
        for pending_worker in unanswered:
            pending_worker.modules = 0
            try:
                self._server_for(pending_worker.names).ask_for(pending_worker)
            except OSError as error:
                pending_worker.settle(refused=error)
