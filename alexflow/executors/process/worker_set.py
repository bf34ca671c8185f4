"""The worker processes of a pool: each is started with what it will need."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from types import FunctionType
from typing import cast

from alexflow.errors import ShippingError
from alexflow.executors.capacity import Binding
from alexflow.executors.current_attempt import CurrentAttempt
from alexflow.executors.devices import variables_for
from alexflow.executors.enclosing_tasks import enclosing
from alexflow.executors.interface import WorkerCounts
from alexflow.executors.process.channel import ReadingSlice
from alexflow.executors.process.definitions import Definitions
from alexflow.executors.process.fork_servers import ForkServers
from alexflow.executors.process.library_imports import libraries_of
from alexflow.executors.process.output_capture import Echo
from alexflow.executors.process.places import Home
from alexflow.executors.process.roster import Roster
from alexflow.executors.process.started_server import StartedServer
from alexflow.executors.process.wire.exit_status import ExitStatus
from alexflow.executors.process.wire.messages import Definition, Hello, ToEngine, Work
from alexflow.executors.process.worker_process import WorkerProcess
from alexflow.executors.process.worker_state import HostedProcess, WorkerState
from alexflow.executors.recycle import Recycle
from alexflow.executors.workers import Workers
from alexflow.hooks import a_thing, hook_error, is_ctrl_c, text_of
from alexflow.identity import main_module_name
from alexflow.storage import LocalStorage, Storage


class WorkerSet:
    """A pool's workers.

    Args:
        size: what each may use; settled.
        roster: the same workers, as places.
        storage: what they are given to work with.
        definitions: numbers for classes and functions.
        on_messages: called with a worker and its messages.
        on_end: called once with a worker that has died.
        echo: shows at once what tasks print, if that was asked for.
        recycle: limits after which a worker is replaced.
        started: a fork server that has been started ahead.
        devices: kinds of devices that workers do not see unless they are bound to some.
        on_warm: called when new workers come with all libraries from now on.

    Attributes:
        reading: the slice of turns in which their reports are read.
    """

    def __init__(
        self,
        size: Workers,
        roster: Roster,
        storage: Storage,
        definitions: Definitions,
        on_messages: Callable[[WorkerState, list[ToEngine]], None],
        on_end: Callable[[WorkerState], None],
        echo: Echo | None,
        recycle: Recycle,
        on_warm: Callable[[], None],
        started: StartedServer | None = None,
        devices: Iterable[str] = (),
    ):
        self._without = variables_for([(kind, ()) for kind in devices], os.environ)
        self._roster = roster
        self._threads = size.threads or 0
        self._initializer = cast(FunctionType | None, size.initializer)
        self._storage = storage
        self._definitions = definitions
        self._on_messages = on_messages
        self._on_end = on_end
        self._echo = echo
        self._recycle = recycle
        self._around = enclosing()
        self.reading = ReadingSlice()
        self._fork_servers = ForkServers(size, started)
        self._fork_servers.on_warm = on_warm
        self._hello: Hello | None = None
        self.deaths = 0  #: Workers that have ended of themselves.
        self._announced: set[type] = set()
        self._expected: set[type] = set()
        self._announces = True

    @property
    def workers(self) -> list[WorkerState]:
        """The workers that may get jobs."""
        return cast(list[WorkerState], self._roster.all)

    @property
    def leaving(self) -> list[WorkerState]:
        """The workers that get no more jobs and have not ended."""
        return cast(list[WorkerState], self._roster.leaving)

    def counts(self) -> WorkerCounts:
        """Count the workers."""
        alive = sum(1 for worker in self.workers if worker.process.pid)
        return WorkerCounts(alive, len(self.workers) - alive, self.deaths)

    @property
    def has_one_started(self) -> bool:
        """Whether a worker is there; until then others would compete with it, for tasks that may come one by one."""
        return any(worker.process.pid for worker in self.workers)

    def at_work(self) -> list[CurrentAttempt]:
        """Return the jobs that workers are at; of several that one has, the one that runs."""
        return [job_of(worker) for worker in [*self.workers, *self.leaving] if worker.sent]

    def start(self, binding: Binding = (), home: Home | None = None) -> None:
        """Start a worker.

        Args:
            binding: the devices to which it is bound, if any.
            home: the places of the machine where it is to be, if there are several.

        Raises:
            OSError: a process cannot be started.
            ShippingError: the storage, or the initializer, cannot be sent to one.
        """
        hello = self.hello()
        worker = WorkerState(self._roster.next_ordinal(), binding, home)
        if self._recycle.tasks is not None:
            worker.last_number = self._recycle.tasks
        libraries = libraries_of(self._expected)
        worker.process = self._new_process(worker, libraries)
        worker.process.send(hello)
        self._roster.came(worker)
        # what needs others is imported where they are: the job for which this one is started would wait for it
        self._prepare(worker, [cls for cls in self._announced if {*libraries}.issuperset(libraries_of((cls,)))])

    def start_several(self, count: int, binding: Binding = ()) -> None:
        """Start so many workers; raises as :meth:`start`."""
        for _ in range(count):
            self.start(binding)

    def _new_process(self, worker: WorkerState, modules: Sequence[str]) -> HostedProcess:
        return WorkerProcess(
            self._fork_servers.forker(modules),
            lambda messages: self._on_messages(worker, messages),
            lambda: self._on_end(worker),
            self._echo,
            self._threads,
            variables_for(worker.binding, os.environ) if worker.binding else self._without,
            self.reading,
        )

    def left(self, worker: WorkerState) -> None:
        """Note that a worker has ended and been reaped."""
        self._roster.left(worker)

    def announce(self, classes: set[type]) -> None:
        """Let workers import what they will need, while the rest of the graph is discovered."""
        if classes != self._expected:  # each link of a chain announces the class of the one before
            self._expected = classes
            self._expect(libraries_of(classes))
        if self._announces and not classes <= self._announced:
            self._announced |= classes
            for worker in self.workers:
                self._prepare(worker, self._announced)

    def _expect(self, modules: Sequence[str]) -> None:
        self._fork_servers.expect(modules)

    def cold_workers(self) -> list[WorkerState]:
        """Return the workers that would have to import again what new ones come with."""
        return [
            worker
            for worker in self.workers
            if isinstance(worker.process, WorkerProcess) and self._fork_servers.is_cold(worker.process.pending)
        ]

    def outdate(self) -> None:
        """Fork no more workers from what has been imported for them: modules have been executed again."""
        self._expected = set()
        self._fork_servers.outdate()

    def stop_announcing(self) -> None:
        """From now on a worker imports what a job needs when that begins: if the import ends the process, it is known
        whose it was, and others get workers that live.
        """
        self._announces = False
        self._announced.clear()

    def new_definitions(self, worker: WorkerState, needs: Collection[int]) -> list[Definition]:
        """Return the definitions that the worker lacks; from now on they count as sent."""
        if self._definitions.changed:
            for other in [*self.workers, *self.leaving]:
                other.known -= self._definitions.changed
            self._definitions.changed.clear()
        if worker.known.issuperset(needs):  # as most do
            return []
        new = set(needs) - worker.known
        worker.known |= new
        return [self._definitions[number] for number in sorted(new)]

    def python(self) -> str:
        """Return the interpreter of the workers."""
        return self._fork_servers.python()

    def why_none_starts(self, worker: WorkerState, end: ExitStatus) -> str:
        """Say why workers fail to start, the last of which ended so."""
        message = f"worker processes fail to start: the last one {end}"
        if self._initializer is not None:
            message += "; Workers(initializer=...) is called there before any task"
        if not worker.process.pid and not end.signal:
            message += f"; is {self.python()} a Python interpreter? Workers(python=...) names one"
        return message

    def give_up(self) -> None:
        """Drop the requests for workers that have not started."""
        self._fork_servers.give_up()

    async def aclose(self) -> None:
        """End the fork servers, after all workers have ended."""
        await self._fork_servers.aclose()

    def kill(self) -> None:
        """End the fork servers now; do not wait."""
        self._fork_servers.kill()

    def _prepare(self, worker: WorkerState, classes: Iterable[type]) -> None:
        needs: set[int] = set()
        for cls in classes:
            try:
                needs.add(self._definitions.number_of(cls))
            except BaseException as error:  # reported to the jobs that need it
                hook_error(cls, "__reduce__()", error)  # but for Ctrl-C
        definitions = self.new_definitions(worker, needs)
        if definitions:
            worker.process.send(Work(definitions, []))

    def hello(self) -> Hello:
        """Return what each worker is told first.

        Raises:
            ShippingError: the storage cannot be sent to one.
        """
        if self._hello is None:
            self._hello = self._make_hello()
        return self._hello

    def _make_hello(self) -> Hello:
        try:
            storage = _pickled(self._storage)
        except BaseException as error:  # whatever the user's storage raises
            if is_ctrl_c(error):
                raise
            raise ShippingError(
                f"the storage, {a_thing(type(self._storage).__qualname__)}, cannot be sent to a worker process: "
                f"{text_of(error)}; "
                f"make it picklable, or run with executor='thread'"
            ) from error
        initializer = None
        if self._initializer is not None:
            initializer = self._definitions[self._definitions.number_of(self._initializer)]
        return Hello(main_module_name(), storage, self._recycle.memory or 0, self._around, initializer)


def job_of(worker: WorkerState) -> CurrentAttempt:
    """Return the job that a worker is at, or is about to begin."""
    status = worker.status()
    sent = worker.sent.get(status.running) or next(iter(worker.sent.values()))
    since = status.since if status.running == sent.number and status.since else worker.last_report
    process = worker.process
    return CurrentAttempt(sent.job.task_id, max(0.0, time.monotonic() - since), process.pid, process.host)


def _pickled(storage: Storage) -> bytes:
    if type(storage) is LocalStorage:
        return pickle.dumps(storage, protocol=5)
    import cloudpickle  # deferred: others may be of classes that a worker cannot import

    pickled: bytes = cloudpickle.dumps(storage, protocol=5)
    return pickled
