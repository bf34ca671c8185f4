"""An agent as its engine sees it, and the workers that it hosts."""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from alexflow.cluster.agent_supply import capacity_of
from alexflow.cluster.line import AgentLine
from alexflow.cluster.messages import (
    AreCold,
    AtWork,
    CheckModules,
    Deliver,
    Echoed,
    ExpectModules,
    FromAgent,
    Goodbye,
    HangUp,
    HasEnded,
    Introduction,
    KillWorker,
    Leaving,
    ModulesFound,
    OutdateModules,
    PauseEcho,
    Ping,
    ReapWorker,
    Started,
    StartWorker,
    Stopping,
    StopRunning,
    WorkerEnded,
    WorkerReports,
    decode_from_agent,
)
from alexflow.cluster.remote_clock import RemoteClock
from alexflow.executors.capacity import Binding, Supply
from alexflow.executors.interface import Printed
from alexflow.executors.process.output_capture import Echo
from alexflow.executors.process.roster import Roster
from alexflow.executors.process.sites import Site
from alexflow.executors.process.wire.exit_status import ExitStatus
from alexflow.executors.process.wire.messages import JobFailed, JobsDone, Message, ToEngine, frame
from alexflow.executors.process.wire.status_page import WorkerStatus


class RemoteProcess:
    """A worker process that an agent hosts; the pool uses it as one of its own.

    Args:
        agent: its agent.
        worker: its number, unique for the engine.
        modules: that it will need.
        on_messages: called with the messages that it sends.
        on_end: called when it has ended, or its agent is gone; perhaps twice.
        on_stopping: called with a job that is being stopped.
        binding: the devices to which it is bound, if any.

    Attributes:
        agent: its agent.
        host: its machine.
        pid: its process id there; 0 until it is known.
        refused: the reason why it cannot be started, if the system gave one.
        is_lost: whether its agent is gone, and with it all further reports.
        is_cold: whether it would have to import again what new ones come with.
        at_work: the job that it has been at for a while, or 0.
    """

    def __init__(
        self,
        agent: AgentConnection,
        worker: int,
        modules: Sequence[str],
        on_messages: Callable[[list[ToEngine]], None],
        on_end: Callable[[], None],
        on_stopping: Callable[[int], None],
        binding: Binding = (),
    ):
        self.agent, self._line = agent, agent.line
        self._worker = worker
        self._on_messages = on_messages
        self._on_end = on_end
        self._on_stopping = on_stopping
        self._status = WorkerStatus(0, 0, 0.0, 0)
        self._ended: asyncio.Future[tuple[ExitStatus, WorkerStatus]] = asyncio.get_running_loop().create_future()
        self._reaps = False
        self._call_when_started: Callable[[], None] | None = None
        self.host = agent.host
        self.pid = 0
        self.refused: OSError | None = None
        self.printed = RemoteOutput()
        self.is_lost = self.is_cold = False
        agent.hosts(worker, self)
        agent.send(StartWorker(worker, list(modules), [(kind, list(devices)) for kind, devices in binding]))

    @property
    def at_work(self) -> int:
        """The number of the job that it has been at for a while, or 0."""
        return self._status.running

    @property
    def has_started(self) -> bool:
        """Whether it is known whether it has been started."""
        return bool(self.pid)

    def when_started(self, call: Callable[[], None]) -> None:
        """Call this when that is known."""
        self._call_when_started = call

    def send(self, message: Message) -> None:
        """Send on the data channel."""
        if not self.agent.is_lost:
            self._line.send(Deliver(self._worker, frame(message)))

    def send_control(self, message: Message) -> None:
        """Send on the control channel, which is read while a job runs."""
        self.agent.send(Deliver(self._worker, frame(message), urgent=True))

    def status(self) -> WorkerStatus:
        """Return the job that it has been at for a while."""
        return self._status

    def stop_running(self, number: int, last: int) -> None:
        """Stop this job if it is running it; ``last`` is the last that it has got."""
        self.agent.send(StopRunning(self._worker, number, last))

    def hang_up(self) -> None:
        """Close the data channel: it ends by itself when it has nothing left to do."""
        self.agent.send(HangUp(self._worker))

    def kill(self) -> None:
        """End it and its children, now."""
        self.agent.send(KillWorker(self._worker))
        self.agent.flush()

    async def wait_and_reap(self, patience: float = 0.0, *, terminate: bool = False) -> tuple[ExitStatus, WorkerStatus]:
        """Have its agent wait until it has ended, and reap it."""
        if not self._reaps:
            self._reaps = True
            self.agent.send(ReapWorker(self._worker, patience, terminate))
        return await self._ended

    # -- what the agent says

    def reported(self, message: WorkerReports) -> None:
        """Handle what it has sent."""
        clock = self.agent.clock
        if clock is not None:
            clock.compare(message.sent, time.monotonic())
        for number, said in message.printed.items() if message.printed else ():
            self.printed.of_ended[number] = Printed(*said)
        last = 0
        for each in message.messages:
            if type(each) is JobsDone:
                last = max(last, *each.numbers)
            elif type(each) is JobFailed:
                last = max(last, each.number)
        if last and last >= self._status.running:
            self._status = WorkerStatus(0, last, 0.0, 0)
        self._on_messages(message.messages)

    def is_at_work(self, message: AtWork) -> None:
        """Note what it has been at for a while."""
        since = 0.0 if message.seconds is None else time.monotonic() - message.seconds
        if message.running < 0:
            self._status = WorkerStatus(-1, 0, 0.0, 0)  # which makes no sense to the pool either
        elif message.running > self._status.ended or not message.running:
            ended = message.running - 1 if message.running else self._status.ended
            self._status = WorkerStatus(message.running, ended, since, message.importing)

    def is_stopping(self, message: Stopping) -> None:
        """Note that a job is being stopped there."""
        self._on_stopping(message.number)

    def is_started(self, message: Started) -> None:
        """Note its process id."""
        self.pid = message.pid
        if self.pid and self._call_when_started is not None:
            self._call_when_started()

    def has_ended(self, message: HasEnded) -> None:
        """Note that it has ended, or has closed its channel."""
        self._on_end()

    def is_reaped(self, message: WorkerEnded) -> None:
        """Note that it is gone."""
        if message.refused:
            self.refused = OSError(message.refused)
        self.printed.of_running = None if message.printed is None else Printed(*message.printed)
        end = ExitStatus(message.code, message.peak_rss, message.shortage, message.hung_up)
        self._settle(end, WorkerStatus(message.running, message.ended, 0.0, 0))
        self._end()

    def lose(self) -> None:
        """Note that its agent is gone."""
        self.is_lost = True
        self._settle(ExitStatus(), self._status)
        self._end()

    def _end(self) -> None:
        on_end = self._on_end
        # the callbacks refer to the worker: a cycle would be left to the garbage collector
        self._on_messages = self._on_end = self._on_stopping = _ignore
        self._call_when_started = None
        on_end()

    def _settle(self, end: ExitStatus, last: WorkerStatus) -> None:
        if not self._ended.done():
            self._ended.set_result((end, last))


#: What a worker takes in of what its agent says of it.
_OF_WORKER: dict[type[FromAgent], Callable[[RemoteProcess, Any], None]] = {
    WorkerReports: RemoteProcess.reported,
    AtWork: RemoteProcess.is_at_work,
    Started: RemoteProcess.is_started,
    Stopping: RemoteProcess.is_stopping,
    HasEnded: RemoteProcess.has_ended,
}


class RemoteOutput:
    """The output of a remote worker's tasks, as its agent has reported it.

    Attributes:
        of_ended: of jobs that have ended, by number, until it is taken.
        of_running: of the job that was running when the worker ended.
    """

    def __init__(self) -> None:
        self.of_ended: dict[int, Printed] = {}
        self.of_running: Printed | None = None

    def take_output(self, number: int) -> Printed | None:
        """Return the output of a job that has ended."""
        return self.of_ended.pop(number, None)

    def take_partial(self, number: int) -> Printed | None:
        """Return the output of the job that was running when the worker ended."""
        return self.of_running or self.take_output(number)


class AgentConnection:
    """An agent that has introduced itself and is ready.

    Args:
        line: to it.
        introduction: what it has said of itself.
        echo: shows at once what tasks print, if that was asked for.
        on_leaving: called when it is about to end.
        on_modules: called when modules of tasks are missing there, or differ.
        on_cold: called when some of its workers lack what new ones come with.

    Attributes:
        line: to it.
        name, host, places: as it has said.
        site: its workers as places, and what jobs may claim there.
        workers: the workers that it hosts, by number.
        is_leaving: whether it takes no more jobs.
        is_released: whether that is because it had none.
        is_timed: whether it has said when its machine is taken away.
        clock: its machine's, compared with this one's by what workers report; None on the engine's machine.
    """

    def __init__(
        self,
        line: AgentLine,
        introduction: Introduction,
        echo: Echo | None,
        on_leaving: Callable[[AgentConnection], None],
        on_modules: Callable[[AgentConnection, ModulesFound], None],
        on_cold: Callable[[], None],
    ):
        self.line = line
        self._echo = echo
        self._is_echo_paused = False
        self._on_leaving = on_leaving
        self._on_cold = on_cold
        self.name = introduction.name
        self.host = introduction.host
        self.pid = introduction.pid
        self.places = introduction.places
        devices = {kind: tuple(found) for kind, found in introduction.devices.items()}
        supply = Supply(introduction.cpus, introduction.memory, devices)
        self.is_timed = introduction.time_left is not None
        self._ends_at = time.monotonic() + (introduction.time_left or 0.0) if self.is_timed else math.inf
        capacity, roster = capacity_of(supply, self.places), Roster(self.places)
        self.site = Site(capacity, roster, "agents", _ignore, lambda: self._ends_at - time.monotonic())
        self.workers: dict[int, RemoteProcess] = {}
        self.is_leaving = False
        self.is_released = False
        self.is_lost = False
        self.clock = None if self.host == socket.gethostname() else RemoteClock()
        self._take_in: dict[type[FromAgent], Callable[[Any], None]] = {
            WorkerEnded: self._worker_ended,
            AreCold: self._are_cold,
            Echoed: self._echoed,
            ModulesFound: lambda message: on_modules(self, message),
            Leaving: self._leaves,
            Ping: lambda message: None,
        }

    def __str__(self) -> str:
        return self.name if self.name == self.host else f"{self.name} on {self.host}"

    def __repr__(self) -> str:
        return f"<agent {self}: {len(self.workers)} workers in {self.places} places>"

    @property
    def load(self) -> float:
        """The number of workers that it hosts, without those that are ending, for each place that it has."""
        return len(self.site.roster.places) / self.places

    def send(self, message: Any) -> None:
        """Send a message with what else is sent within the next moment."""
        if not self.is_lost:
            self.line.send(message)

    def flush(self) -> None:
        """Send now what has gathered."""
        if not self.is_lost:
            self.line.flush()

    def hosts(self, worker: int, process: RemoteProcess) -> None:
        """Note a worker that is being started there."""
        self.workers[worker] = process

    def expect(self, modules: Sequence[str]) -> None:
        """Let it import what workers to come will need."""
        if modules:
            self.send(ExpectModules(list(modules)))

    def check(self, digests: dict[str, bytes]) -> None:
        """Ask it for the modules of tasks, with the digests of their sources."""
        if digests:
            self.send(CheckModules(digests))

    def outdate(self) -> None:
        """Let it fork no more workers from what has been imported."""
        self.send(OutdateModules())

    def receive(self, frame: bytes) -> None:
        """Handle a frame."""
        messages: list[Any] = decode_from_agent(frame)
        for message in messages:
            of_worker = _OF_WORKER.get(type(message))
            if of_worker is None:
                self._take_in[type(message)](message)
            else:
                process = self.workers.get(message.worker)
                if process is not None:
                    of_worker(process, message)

    def lose(self) -> None:
        """Note that it is gone, with all its workers."""
        self.is_lost = True
        workers, self.workers = self.workers, {}
        for process in workers.values():
            process.lose()

    def release(self) -> None:
        """Let it end, as it has nothing to do."""
        self.is_leaving = self.is_released = True
        self._on_leaving(self)
        self.close()

    def close(self) -> None:
        """Say goodbye, and hang up: it ends all its workers, and itself."""
        if not self.is_lost:
            self.line.send(Goodbye())
            self.line.close()

    def _worker_ended(self, message: WorkerEnded) -> None:
        process = self.workers.pop(message.worker, None)
        if process is not None:
            process.is_reaped(message)

    def _are_cold(self, message: AreCold) -> None:
        for worker in message.workers:
            if worker in self.workers:
                self.workers[worker].is_cold = True
        self._on_cold()

    def _echoed(self, message: Echoed) -> None:
        if self._echo is not None:
            self._echo.show(message.stream, message.text)
            if not self._is_echo_paused and self._echo.should_pause(self):
                self._is_echo_paused = True
                self.send(PauseEcho(True))

    def resume_reading(self) -> None:
        """Let it go on reading what tasks print, as what came has been shown."""
        self._is_echo_paused = False
        self.send(PauseEcho(False))

    def _leaves(self, message: Leaving) -> None:
        self.is_leaving = True
        self._on_leaving(self)


def _ignore(*_: object) -> None:
    """Do nothing."""
