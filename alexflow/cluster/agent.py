"""The agent: hosts worker processes on one machine for an engine on another.

It is a process of its own, which dials the engine and starts workers as a pool does: from a fork server, each in a
session of its own, with its output captured and its end seen. What engine and workers say to each other it hands on;
which job goes to which worker is decided at the engine, by the same machine as for workers of its own. So batches,
speculation, revocation, timeouts and the charging of deaths are the same on a cluster.

An agent adds what cannot be seen from afar: it says which job a worker is at once that has taken
:data:`AT_WORK_AFTER` seconds. When the agent itself is gone, what was *at work* loses an attempt, and all else moves
without one.

When the line ends, all workers end with it, within milliseconds; so they do when the agent is killed, by their
lifelines. An agent that was stopped, and goes on after the engine has given it up, finds its line closed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from alexflow.cluster.agent_supply import AgentLimits
from alexflow.cluster.line import MAX_LINE_FRAME, AgentLine
from alexflow.cluster.memory_watch import MemoryWatch
from alexflow.cluster.messages import (
    PROTOCOL,
    AreCold,
    AtWork,
    Challenge,
    CheckModules,
    Deliver,
    Echoed,
    ExpectModules,
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
    Ready,
    ReapWorker,
    Rejection,
    Started,
    StartWorker,
    Stopping,
    StopRunning,
    ToAgent,
    Welcome,
    WorkerEnded,
    WorkerReports,
    decode_first_from_engine,
    decode_for_agent,
)
from alexflow.cluster.module_check import compare_modules
from alexflow.cluster.proof import is_proof, new_nonce, proof
from alexflow.cluster.storage_check import storage_trouble
from alexflow.executors.devices import variables_for
from alexflow.executors.interface import Printed
from alexflow.executors.process.channel import ReadingSlice
from alexflow.executors.process.fork_servers import ForkServers
from alexflow.executors.process.output_capture import Pausable
from alexflow.executors.process.wire.messages import JobFailed, JobsDone, ToEngine
from alexflow.executors.process.wire.status_page import WorkerStatus
from alexflow.executors.process.worker_process import WorkerProcess
from alexflow.executors.workers import Workers
from alexflow.hooks import text_of
from alexflow.version import __version__

#: Seconds that a job takes before the engine gets to see that a worker is at it.
AT_WORK_AFTER = 0.05

#: Seconds for which a worker that was sent a job is watched until it begins.
STARTS_WITHIN = 60.0

#: Seconds that an engine gets to take an agent in; a network may have cut it off meanwhile.
WELCOME_TIMEOUT = 60.0

#: Reasons for which an agent ends that nothing has cut off.
HAS_LEFT, HAS_CLOSED = "left", "it is closed"

#: The version of Python as both ends compare it: pickles and code of one need not work in another.
PYTHON = ".".join(platform.python_version_tuple()[:2])


class Agent:
    """Hosts workers for one engine.

    Args:
        token: shared with the engine.
        places: how many jobs it runs at once; None for one per CPU.
        name: for people; by default the machine's.
        threads: how many libraries may start in each worker; by default CPUs divided by places.
        limits: the part of this machine that it may use.
        time_left: seconds until this machine is taken away; None if that is not known.

    Attributes:
        over: done when the line has ended, with the reason, :data:`HAS_LEFT` or :data:`HAS_CLOSED` if it was not cut;
            the error is a reason for which another attempt is in vain, or TimeoutError.
        is_leaving: whether it takes no more jobs.
    """

    def __init__(
        self,
        token: str,
        places: int | None = None,
        name: str = "",
        threads: int | None = None,
        limits: AgentLimits | None = None,
        time_left: float | None = None,
    ):
        limits = limits or AgentLimits()
        self._token = token
        self._supply = limits.supply()
        self._places = places or self._supply.cpus
        self._without = variables_for([(kind, ()) for kind in limits.kinds], os.environ)
        self._name = name or socket.gethostname()
        self._workers: dict[int, WorkerProcess] = {}
        self._memory = MemoryWatch(limits.memory or 0, self._workers)
        self._reading = ReadingSlice()
        self._reaping: dict[int, asyncio.Task[None]] = {}
        self._said: dict[int, tuple[int, bool, int]] = {}  # what was last said of a worker that is at work
        self._unanswered: dict[int, float] = {}  # since when a worker has had something to which it said nothing yet
        self._loop = asyncio.get_running_loop()
        self._ends_at = None if time_left is None else self._loop.time() + time_left
        self._nonce = new_nonce()
        self._engine_nonce = b""
        self._line: AgentLine | None = None
        self._look: asyncio.TimerHandle | None = None
        self._fork_servers: ForkServers | None = None
        self._threads = max(1, self._supply.cpus // self._places) if threads is None else threads
        self._paused: list[Pausable] = []
        self._echoes = self._is_echo_paused = False
        self.over: asyncio.Future[str] = self._loop.create_future()
        self.is_leaving = False
        self._perform: dict[type[ToAgent], Callable[[Any], None]] = {
            StartWorker: self._start,
            Deliver: self._deliver,
            StopRunning: self._stop_running,
            HangUp: lambda message: self._workers[message.worker].hang_up(),
            KillWorker: lambda message: self._workers[message.worker].kill(),
            ReapWorker: lambda message: self._reap(message.worker, message.patience, message.terminate),
            ExpectModules: lambda message: self._servers().expect(message.modules),
            CheckModules: self._check,
            PauseEcho: self._pause_echo,
            OutdateModules: lambda message: self._servers().outdate(),
            Goodbye: lambda message: self._end(HAS_CLOSED),
            Ping: lambda message: None,
        }

    def line(self) -> AgentLine:
        """Return the protocol with which the engine is dialled."""
        self._line = AgentLine(self._introduce, self._lost)
        why = TimeoutError(f"it did not take this agent in within {WELCOME_TIMEOUT:g} s")
        self._patience = self._loop.call_later(WELCOME_TIMEOUT, self._give_up, why)
        return self._line

    @property
    def is_greeted(self) -> bool:
        """Whether what it has dialled is an engine, as far as can be seen."""
        return bool(self._engine_nonce)

    def leave(self) -> None:
        """Let the engine send nothing more, and end when what runs has ended; at once if it has not been taken in."""
        if self._fork_servers is None:
            self._end(HAS_LEFT)
            if self._line is not None:
                self._line.close()
        elif not self.is_leaving and self._line is not None:
            self.is_leaving = True
            self._line.send(Leaving())
            self._end_if_left()

    def hang_up(self) -> None:
        """End the line, and with it this agent."""
        if self._line is not None:
            self._line.end(HAS_LEFT)
        else:
            self._end(HAS_LEFT)

    async def aclose(self) -> None:
        """End all workers, now."""
        self._memory.close()
        if self._look is not None:
            self._look.cancel()
        if self._fork_servers is not None:
            self._fork_servers.give_up()
            for worker, process in self._workers.items():
                process.kill()
                self._reap(worker, 0.0, False)
            await asyncio.gather(*self._reaping.values())
            await self._fork_servers.aclose()

    # -- introduction

    def _introduce(self, line: AgentLine, frame: bytes) -> None:
        message = decode_first_from_engine(frame)
        if isinstance(message, Challenge):
            self._engine_nonce = message.nonce
            if message.protocol != PROTOCOL:
                self._refuse(f"the engine speaks version {message.protocol} of the protocol, and this agent {PROTOCOL}")
                return
            own = proof(self._token, "agent", message.nonce, self._nonce)
            supply = self._supply
            devices = {kind: list(found) for kind, found in supply.devices.items()}
            who = own, self._nonce, self._name, socket.gethostname(), os.getpid(), self._places, __version__, PYTHON
            left = None if self._ends_at is None else self._ends_at - self._loop.time()
            line.send_first(Introduction(*who, supply.cpus, supply.memory, devices, left))
        elif isinstance(message, Rejection):
            self._refuse(message.reason)
        elif not is_proof(message.proof, self._token, "engine", self._nonce, self._engine_nonce):
            self._refuse("what answers there does not have the token")
        else:
            self._begin(line, message)

    def _refuse(self, reason: str) -> None:
        self._give_up(ConnectionRefusedError(reason))

    def _give_up(self, error: OSError) -> None:
        if not self.over.done():
            self.over.set_exception(error)
        if self._line is not None:
            self._line.close()

    def _begin(self, line: AgentLine, welcome: Welcome) -> None:
        self._patience.cancel()
        _become(welcome)
        trouble = storage_trouble(welcome.storage, welcome.check)
        if trouble:
            line.send_first(Rejection(trouble))
            self._refuse(trouble)
            return
        self._echoes = welcome.echo
        self._fork_servers = ForkServers(Workers(self._places, self._threads, preload=welcome.preload))
        self._fork_servers.on_warm = self._name_cold_workers
        line.max_frame = MAX_LINE_FRAME
        line.on_frame = self._take
        line.on_room = self._resume_echo
        line.send_first(Ready())
        line.keep_alive(welcome.silent_for)

    # -- what the engine wants

    def _servers(self) -> ForkServers:
        assert self._fork_servers is not None
        return self._fork_servers

    def _take(self, line: AgentLine, frame: bytes) -> None:
        for message in decode_for_agent(frame):
            worker = getattr(message, "worker", 0)
            if worker in self._workers or not worker or isinstance(message, StartWorker):
                self._perform[type(message)](message)

    def _check(self, message: CheckModules) -> None:
        missing, differing = compare_modules(message.digests)
        if missing or differing:
            self._send(ModulesFound(missing, differing))

    def _start(self, message: StartWorker) -> None:
        worker = message.worker
        try:
            process = WorkerProcess(
                self._servers().forker(message.modules),
                lambda messages: self._pass_on(worker, messages),
                lambda: self._send(HasEnded(worker)),
                self if self._echoes else None,
                self._threads,
                variables_for(message.devices, os.environ) if message.devices else self._without,
                self._reading,
            )
        except OSError as error:
            self._send(WorkerEnded(worker, None, 0, 0, 0, refused=text_of(error)))
            return
        self._workers[worker] = process
        process.when_started(lambda: self._send(Started(worker, process.pid)))
        self._memory.watch()

    def _name_cold_workers(self) -> None:
        is_cold = self._servers().is_cold
        cold = [worker for worker, process in self._workers.items() if is_cold(process.pending)]
        if cold:
            self._send(AreCold(cold))

    def _deliver(self, message: Deliver) -> None:
        self._workers[message.worker].forward(message.frames, urgent=message.urgent)
        self._unanswered[message.worker] = time.monotonic()
        if self._look is None:
            self._look = self._loop.call_later(AT_WORK_AFTER, self._look_at_work)

    def _stop_running(self, message: StopRunning) -> None:
        """Stop a job here and now, before its worker can begin another one."""
        status = self._workers[message.worker].status()
        if status.running == message.number or not status.makes_sense(message.last, time.monotonic()):
            self._send(Stopping(message.worker, message.number))
            self._workers[message.worker].stop_job(message.number)

    def _reap(self, worker: int, patience: float, terminate: bool) -> None:
        if worker not in self._reaping:
            self._reaping[worker] = self._loop.create_task(self._reap_in_time(worker, patience, terminate))

    async def _reap_in_time(self, worker: int, patience: float, terminate: bool) -> None:
        process = self._workers[worker]
        try:
            end, last = await process.wait_and_reap(patience, terminate=terminate)
            last = _as_read(last)
            said = process.printed.take_partial(last.running) if last.running > 0 else None
            refused = "" if process.refused is None else text_of(process.refused)
            why = refused, self._memory.shortage_of(worker, end), end.hung_up
            self._send(WorkerEnded(worker, end.code, end.peak_rss, last.running, last.ended, _as_pair(said), *why))
        finally:
            del self._workers[worker], self._reaping[worker]
            self._said.pop(worker, None)
            self._unanswered.pop(worker, None)
        self._end_if_left()

    # -- what workers do

    def _pass_on(self, worker: int, messages: list[ToEngine]) -> None:
        printed: dict[int, tuple[str, str]] = {}
        self._unanswered.pop(worker, None)
        for message in messages:
            if isinstance(message, JobsDone):
                numbers = message.printed
            elif isinstance(message, JobFailed) and message.printed:
                numbers = [message.number]
            else:
                continue
            for number in numbers:
                said = _as_pair(self._workers[worker].printed.take_output(number))
                if said is not None:
                    printed[number] = said
        self._send(WorkerReports(worker, messages, time.monotonic(), printed))

    def _look_at_work(self) -> None:
        """Say which jobs have been running for a while; look again as long as any runs."""
        self._look = None
        busy = False
        now = time.monotonic()
        for worker, process in self._workers.items():
            status = _as_read(process.status())
            if not (status.running or status.importing):
                busy |= now - self._unanswered.get(worker, 0.0) < STARTS_WITHIN
                continue
            busy = True
            seconds = now - status.since if status.since else None
            if seconds is None or seconds >= AT_WORK_AFTER:
                what = status.running, seconds is not None, status.importing
                if self._said.get(worker) != what:
                    self._said[worker] = what
                    self._send(AtWork(worker, status.running, seconds, status.importing))
        if busy and self._look is None:
            self._look = self._loop.call_later(AT_WORK_AFTER, self._look_at_work)

    # -- what tasks print, as it comes

    def show(self, stream: int, text: str) -> None:
        """Show this at the engine, which was printed on standard output (1) or standard error (2)."""
        self._send(Echoed(stream, text))

    def should_pause(self, reader: Pausable) -> bool:
        """Return whether the line is full, or the engine has enough to show."""
        full = self._is_echo_paused or (self._line is not None and self._line.is_full)
        if full:
            self._paused.append(reader)
        return full

    def _pause_echo(self, message: PauseEcho) -> None:
        self._is_echo_paused = message.paused
        self._resume_echo()

    def _resume_echo(self) -> None:
        if self._is_echo_paused:
            return
        paused, self._paused = self._paused, []
        for reader in paused:
            reader.resume_reading()

    # -- the end

    def _send(self, message: Any) -> None:
        if self._line is not None:
            self._line.send(message)

    def _end_if_left(self) -> None:
        """Hang up when this agent is leaving and has no worker any more."""
        if self.is_leaving and not self._workers and self._line is not None:
            self._line.close()

    def _lost(self, line: AgentLine, why: str) -> None:
        self._line = None
        if self._fork_servers is None:
            self._refuse(why)
        else:
            self._end(HAS_LEFT if self.is_leaving else why)

    def _end(self, why: str) -> None:
        if not self.over.done():
            self.over.set_result(why)


def _as_read(status: WorkerStatus) -> WorkerStatus:
    """Return a status as the engine gets it: -1 for the running job if a task has written over it."""
    return status if status.makes_sense(sys.maxsize, time.monotonic()) else WorkerStatus(-1, 0, 0.0, 0)


def _as_pair(said: Printed | None) -> tuple[str, str] | None:
    return None if said is None else (said.stdout, said.stderr)


def _become(welcome: Welcome) -> None:
    """Let this process have what the workers of an engine have of theirs, as far as this machine has it."""
    sys.path += [entry for entry in welcome.path if entry not in sys.path]
    sys.argv[:] = welcome.arguments
    with suppress(OSError):  # the directory may be there on the engine's machine alone
        os.chdir(welcome.directory)
    for name, level in welcome.levels.items():
        logging.getLogger(name or None).setLevel(level)
    logging.disable(welcome.disabled)
