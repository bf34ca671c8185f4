"""A warm server, as its engine sees it: a fork server that imports modules before it forks workers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection

import msgspec

from alexflow.executors.process.fork_server_client import ForkServerClient
from alexflow.executors.process.pending_worker import PendingWorker
from alexflow.executors.process.server_process import ForkedProcess
from alexflow.executors.process.wire.defects import Defect
from alexflow.executors.process.wire.fork_protocol import NOT_FOUND, UNFIT, Preload
from alexflow.executors.process.wire.messages import LENGTH, ProcessEnvironment
from alexflow.executors.process.wire.sockets import new_pair

#: Seconds that one module may take; one that takes longer may wait for ever, for a lock or a server.
IMPORT_LIMIT = 60.0

_WHY = {
    Defect.RAISED: "it raised {text}",
    Defect.THREADS: "threads started ({number}), which a fork would lack",
    Defect.DESCRIPTORS: "descriptors stayed open ({number}), which all workers would share",
    Defect.MEMORY: "memory was mapped into which all workers would write",
    Defect.PROCESSES: "processes started ({number}), which all workers would share",
    Defect.DEVICES: "a context was opened on a device, which a fork cannot use",
    Defect.LIMITS: (
        "it loaded a library whose threads can be set afterwards only with threadpoolctl "
        "(pip install 'alexflow[threads]')"
    ),
    Defect.ENDED: "its process ended",
    Defect.HANGS: "it took more than {number} s",
}


_UNFIT_FOR_FORKS = (Defect.THREADS, Defect.DESCRIPTORS, Defect.MEMORY, Defect.PROCESSES, Defect.DEVICES)


class PreloadFailure(msgspec.Struct, frozen=True):
    """The reason why a module is not imported for all workers at once.

    Attributes:
        module: its name.
        defect: what is wrong with the process afterwards.
        number: how much of that.
        text: what was raised.
    """

    module: str
    defect: Defect
    number: int = 0
    text: str = ""

    @property
    def is_usual(self) -> bool:
        """Whether the module works and is only unfit for a fork, as that of many a library is."""
        return self.defect in _UNFIT_FOR_FORKS

    def __str__(self) -> str:
        why = _WHY[self.defect].format(number=self.number, text=self.text)
        return (
            f"each worker process imports {self.module} by itself, as importing it once for all of them failed: {why}"
        )


class WarmServer:
    """A fork of a bare fork server that imports modules, and then is a fork server itself.

    Args:
        bare: the fork server.
        environment: the process environment in which modules are imported.
        modules: returns what it is to import; called when it is there, as more may be wanted by then.
        unanswered: takes the requests that it leaves unanswered.
        has_imported: called when it has imported everything.
        is_missing: called with the name of a module that there is not.

    Attributes:
        environment: that.
        failure: why it ended, if a module was the reason.
        is_outdated: whether no more workers come from it.
    """

    def __init__(
        self,
        bare: ForkServerClient,
        environment: ProcessEnvironment,
        modules: Callable[[], list[str]],
        unanswered: Callable[[WarmServer, list[PendingWorker]], None],
        has_imported: Callable[[WarmServer], None],
        is_missing: Callable[[str], None],
    ):
        self.environment = environment
        self.failure: PreloadFailure | None = None
        self.is_outdated = False
        self._to_import = modules
        self._names: list[str] | None = None  # of modules, once it is there
        self._seconds: list[float] = []  # of those that it has imported
        self._early: list[PendingWorker] = []  # requests from before it was there
        self._unanswered = unanswered
        self._has_imported = has_imported
        self._is_missing = is_missing
        self._timer: asyncio.TimerHandle | None = None
        requests, theirs = new_pair()
        read_end, lifeline = os.pipe()
        self._pending = PendingWorker((theirs.detach(), read_end), lambda: None)
        self._pending.is_warm_server = True
        self._pending.on_settled = self._begin
        process = ForkedProcess(self._pending, bare.reap)
        self._client = ForkServerClient(process, requests, lifeline, self._leave_unanswered)
        self._client.reported = self._take_in
        bare.ask_for(self._pending)

    @property
    def lives(self) -> bool:
        """Whether it can fork workers, as far as is known."""
        return self._client.lives

    @property
    def is_ready(self) -> bool:
        """Whether it has imported everything."""
        return self._names is not None and len(self._seconds) == len(self._names)

    @property
    def is_reaped(self) -> bool:
        """Whether it has ended and been reaped."""
        return self._client.is_reaped

    def will_have(self, modules: Collection[str]) -> bool:
        """Whether it has imported all of these, or will have."""
        return self._names is None or {*self._names}.issuperset(modules)

    def seconds_without(self, pending_worker: PendingWorker) -> float:
        """Return how long it took to import what a worker lacks that came from another fork server, or earlier."""
        return sum(self._seconds[pending_worker.modules if pending_worker.server is self._client else 0 :])

    def ask_for(self, pending_worker: PendingWorker) -> None:
        """Ask for a worker that needs modules of these names."""
        if self._names is None:
            self._early.append(pending_worker)
        else:
            needed = (place for place, name in enumerate(self._names, start=1) if name in pending_worker.names)
            pending_worker.modules = max(len(self._seconds), *needed, 0)
            self._client.ask_for(pending_worker)

    def outdate(self) -> None:
        """Fork no more workers; end with the last one that there is."""
        if not self.is_outdated:
            self.is_outdated = True
            self._client.retire()

    def give_up(self) -> None:
        """Drop the requests for workers that have not been answered, and end it if it is still importing."""
        self._drop_early()
        self._stop_timer()
        if self.is_ready:
            self._client.give_up()
        else:
            self._client.abandon()

    async def aclose(self) -> None:
        """End it."""
        self._drop_early()
        self._stop_timer()
        await self._client.aclose()

    def kill(self) -> None:
        """End it now; do not wait."""
        self._client.kill()

    def _drop_early(self) -> None:
        while self._early:
            self._early.pop().settle()

    def _begin(self) -> None:
        """Let it import, now that it is there."""
        if not self._pending.pid:
            self._client.discard()
            return
        self._names = self._to_import()
        body = msgspec.msgpack.encode(Preload(self.environment, self._names))
        self._client.begin(LENGTH.pack(len(body)) + body)
        early, self._early = self._early, []
        for pending_worker in early:
            self.ask_for(pending_worker)
        self._set_timer()

    def _take_in(self, verb: int, place: int, value: int, size: int) -> None:
        """Note what it reports of an import."""
        if self._names is None:
            return
        if verb == UNFIT:
            self.failure = PreloadFailure(self._names[place], Defect(value), size)
            return
        self._seconds.append(size / 1e6)
        if verb == NOT_FOUND:
            self._is_missing(self._names[place])
        if self.is_ready:
            self._stop_timer()
            self._has_imported(self)
        else:
            self._set_timer()

    def _leave_unanswered(self, unanswered: list[PendingWorker]) -> None:
        """It has ended, or a file has changed that it has imported."""
        self._stop_timer()
        early, self._early = self._early, []
        if self._names is not None and not self.is_ready and not self._client.lives and not self.is_outdated:
            if self.failure is None:
                self.failure = PreloadFailure(self._names[len(self._seconds)], Defect.ENDED)
            elif self.failure.defect is Defect.RAISED:
                self.failure = msgspec.structs.replace(self.failure, text=self._client.text_at_end)
        self._unanswered(self, [*early, *unanswered])

    def _set_timer(self) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(IMPORT_LIMIT, self._hangs)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hangs(self) -> None:
        if self._names is not None and not self.is_ready:
            self.failure = PreloadFailure(self._names[len(self._seconds)], Defect.HANGS, round(IMPORT_LIMIT))
            self._client.discard()
