"""``AgentExecutor``: jobs on other machines, where agents host their workers."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial

from alexflow.arguments import check_seconds, wrong_argument
from alexflow.blocks_briefly import blocks_briefly
from alexflow.cluster.address import address_of, host_and_port, listen_on, name_of
from alexflow.cluster.agent import PYTHON
from alexflow.cluster.agent_pool import AgentPool
from alexflow.cluster.connection import AgentConnection
from alexflow.cluster.line import MAX_LINE_FRAME, SILENT_FOR, AgentLine
from alexflow.cluster.messages import (
    PROTOCOL,
    Challenge,
    Introduction,
    Ready,
    Rejection,
    Welcome,
    decode_first_from_agent,
)
from alexflow.cluster.module_check import find_module
from alexflow.cluster.proof import TOKEN_VARIABLE, is_proof, new_nonce, new_token, proof
from alexflow.cluster.storage_check import StorageCheck
from alexflow.cluster.tls import Certificates
from alexflow.errors import DefinitionError, NoAgents, ShippingError
from alexflow.executors.capacity import Demand
from alexflow.executors.interface import JOB_METHODS, Job, JobSource, NotDone, Report, WorkerCounts
from alexflow.executors.process.log_forwarding import levels
from alexflow.executors.process.outcomes import unshippable
from alexflow.executors.settings import ConfigurableExecutor, ExecutorSettings
from alexflow.hooks import repr_of
from alexflow.logs import logger
from alexflow.model import AbstractTask
from alexflow.model.executor_kinds import ExecutorKind
from alexflow.storage import Storage
from alexflow.version import __version__

#: Seconds until a log line says that jobs wait and there is no agent, and between such lines.
SAY_FIRST, SAY_EVERY = 5.0, 30.0

#: Seconds that an agent gets to introduce itself.
INTRODUCTION_TIMEOUT = 20.0

#: Seconds that one which has introduced itself gets to open the storage: a file system may be busy, or an endpoint far.
OPENING_TIMEOUT = 120.0

#: Seconds that agents get to end their workers when the engine is closed, besides the grace period.
AGENTS_CLOSE_TIMEOUT = 5.0


class AgentExecutor(ConfigurableExecutor):
    """Runs jobs at agents: ``alexflow agent --connect HOST:PORT`` on any machine that has the storage. ::

        executor = AgentExecutor(listen="0.0.0.0:7788")
        async with Engine("/shared/results", executor=executor) as engine:
            ...

    Agents may come before the engine, later, and while it runs; each brings places. When one is lost, the jobs that it
    was at lose an attempt and run elsewhere, and all others move without one.

    Args:
        listen: the address on which agents dial in, as ``host:port``; port 0 takes a free one. By default only this
            machine is listened to.
        token: what agents prove to have; by default that of the environment variable ``ALEXFLOW_AGENT_TOKEN``, else a
            new one (:attr:`token`).
        wait_for_agents: seconds for which jobs wait while there is no agent, before they fail with
            :class:`~alexflow.errors.NoAgents`; None for ever.
        tls: the certificates with which it listens; None for lines that are not encrypted.
        modules: packages and modules whose classes and functions travel with the tasks, as agents do not have them, or
            not the same: ``["my_package"]``.

    Attributes:
        token: what agents need; a secret, as it lets a program run code here.

    Raises:
        DefinitionError: ``listen`` is no address; ``tls`` are no certificates of an engine; ``modules`` are none.
    """

    kind = ExecutorKind("agent", leaves_process=True, prefetches=True, packs=True)

    def __init__(
        self,
        listen: str = "127.0.0.1:0",
        *,
        token: str | None = None,
        wait_for_agents: float | None = None,
        tls: Certificates | None = None,
        modules: Collection[str] = (),
    ):
        self._host, self._port = _address_of(listen)
        if not isinstance(tls, Certificates | None):
            raise wrong_argument("tls", tls, "Certificates(cert=...)")
        self._tls = None if tls is None else tls.of_engine()
        given = token or os.environ.get(TOKEN_VARIABLE)
        self.token = given or new_token()
        self._token_hint = "" if given else "; set it for this engine, too, which has made a token of its own"
        check_seconds("wait_for_agents", wait_for_agents)
        self._wait_for_agents = wait_for_agents
        self._modules = _checked_modules(modules)
        self._settings: ExecutorSettings
        self._socket: socket.socket | None = None
        self._pool: AgentPool | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._host}:{self._port})"

    def configure(self, settings: ExecutorSettings) -> None:
        self._settings = settings

    def _demand(self, settings: ExecutorSettings) -> Demand | None:
        """Return what says whether tasks of this executor ask for something."""
        return None if settings.capacity is None else settings.capacity.elsewhere

    @property
    def address(self) -> str:
        """The address that agents dial, as ``host:port``.

        Raises:
            DefinitionError: no engine that has this executor is open.
        """
        if self._socket is None:
            raise DefinitionError("the executor listens while its engine is open: ask inside `async with Engine(...)`")
        return address_of(*self._socket.getsockname()[:2])

    @property
    def _address_for_others(self) -> str:
        host, port = self._socket.getsockname()[:2] if self._socket is not None else (self._host, self._port)
        return address_of(name_of(host), port)

    @property
    def agents(self) -> list[AgentConnection]:
        """The agents that are there."""
        return [] if self._pool is None else list(self._pool.agents)

    # -- an executor

    @blocks_briefly("once an engine: a socket")
    def open(self, storage: Storage, report: Report, source: JobSource) -> None:
        self._loop = asyncio.get_running_loop()
        self._introducing: dict[AgentLine, _Introducing] = {}
        self._connected: dict[AgentLine, AgentConnection] = {}
        self._closing = False
        self._no_agents: asyncio.TimerHandle | None = None
        self._in_vain: Callable[[Job], NotDone] | None = None  # makes outcomes, once no agent will ever get a job
        self._since = 0.0  # since when jobs have waited without an agent
        self._socket = self._listening()
        self._check = StorageCheck(storage)
        settings = self._settings
        demand = self._demand(settings)
        self._pool = AgentPool(settings.workers, self._modules, grace=settings.grace, echo=settings.echo, demand=demand)
        self._pool.open(storage, report, source)
        for name in JOB_METHODS:
            if name != "offer":
                setattr(self, name, getattr(self._pool, name))
        self._serving = self._loop.create_task(self._serve(self._socket))

    def _listening(self) -> socket.socket:
        try:
            listening = listen_on(self._host, self._port)
        except OSError as error:  # another program has the port, or another machine the address
            given = address_of(self._host, self._port)
            raise DefinitionError(
                f"agents cannot connect to this engine at {given}: {error.strerror or error}; "
                f"listen= takes an address of this machine, and port 0 for a free one"
            ) from error
        listening.setblocking(False)
        return listening

    def offer(self, task_ids: Sequence[str]) -> None:
        if self._closing:  # tasks of a large request that leaves become ready meanwhile, and afterwards
            return
        pool = self._opened()
        pool.offer(task_ids)
        if self._in_vain is not None:
            pool.fail_waiting(self._in_vain)
        elif not self._connected:
            self._miss_agents()

    def cancel(self, task_ids: Sequence[str]) -> None:
        """Replaced by the pool's when this is opened."""

    def expect(self, tasks: Sequence[AbstractTask]) -> None:
        """Replaced by the pool's when this is opened."""

    @property
    def places(self) -> int:
        return 1 if self._pool is None else self._pool.places

    @property
    def workers(self) -> WorkerCounts:
        return WorkerCounts() if self._pool is None else self._pool.workers

    async def start_workers(self, classes: Collection[type]) -> None:
        await self._opened().start_workers(classes)

    def kill(self) -> None:
        pool, self._closing = self._pool, True
        if pool is not None:
            pool.kill()
            for agent in pool.agents:
                agent.close()

    async def aclose(self) -> None:
        self._closing = True
        if self._no_agents is not None:
            self._no_agents.cancel()
        pool = self._opened()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(pool.aclose(), self._settings.grace + AGENTS_CLOSE_TIMEOUT)
        finally:
            for introducing in self._introducing.values():
                if introducing.work is not None:
                    introducing.work.cancel()
            for line in self._introducing:
                line.close()
            for agent in self._connected.values():
                agent.close()
            self._serving.cancel()
            with suppress(asyncio.CancelledError):
                await self._serving
            await self._check.remove()
            self._pool = self._socket = None

    def _opened(self) -> AgentPool:
        assert self._pool is not None
        return self._pool

    # -- agents come and go

    async def _serve(self, listening: socket.socket) -> None:
        patience = None if self._tls is None else INTRODUCTION_TIMEOUT
        server = await self._loop.create_server(
            self._line, sock=listening, ssl=self._tls, ssl_handshake_timeout=patience
        )
        logger.info("agents of this engine connect to %s", self._address_for_others)
        try:
            await server.serve_forever()
        finally:
            server.close()

    def _line(self) -> AgentLine:
        return AgentLine(self._introduced, self._lost, self._challenge)

    def _challenge(self, line: AgentLine) -> None:
        patience = self._loop.call_later(INTRODUCTION_TIMEOUT, line.end, "it did not introduce itself")
        introducing = self._introducing[line] = _Introducing(patience)
        line.send_first(Challenge(PROTOCOL, introducing.nonce))

    def _introduced(self, line: AgentLine, frame: bytes) -> None:
        introducing = self._introducing[line]
        try:
            message = decode_first_from_agent(frame)
        except Exception:  # whatever a stranger sends
            line.end("it sent something that is not a message")
            return
        if isinstance(message, Introduction) and introducing.agent is None:
            self._answer(line, introducing, message)
        elif isinstance(message, Ready) and introducing.agent is not None:
            self._take_in(line, introducing.agent)
        elif isinstance(message, Rejection) and introducing.agent is not None:
            logger.error("agent %s takes no jobs: %s", introducing.agent.name, message.reason)
            line.close()
        else:
            line.end("it spoke out of turn")

    def _answer(self, line: AgentLine, introducing: _Introducing, agent: Introduction) -> None:
        if not is_proof(agent.proof, self.token, "agent", introducing.nonce, agent.nonce):
            logger.warning(
                "agent %s at %s does not have the token of this engine and is refused: start it with the engine's %s%s",
                *(repr_of(agent.name), line.peer, TOKEN_VARIABLE, self._token_hint),
            )
            line.send_first(Rejection(f"its token is not that of this engine; set {TOKEN_VARIABLE} to the engine's"))
            line.close()
            return
        reason = _version_trouble(agent)
        if reason:
            logger.error("agent %s is refused: %s", agent.name, reason)
            line.send_first(Rejection(reason))
            line.close()
            return
        introducing.agent = agent
        introducing.patience.cancel()
        introducing.patience = self._loop.call_later(OPENING_TIMEOUT, line.end, "it did not open the storage")
        introducing.work = self._loop.create_task(self._welcome(line, introducing.nonce, agent))

    async def _welcome(self, line: AgentLine, nonce: bytes, agent: Introduction) -> None:
        pool = self._opened()
        preload = self._settings.workers.preload
        try:
            storage = pool.remote_workers.hello().storage
            check = await self._check.written()
            line.send_first(
                Welcome(
                    proof(self.token, "engine", agent.nonce, nonce),
                    [entry for entry in sys.path if isinstance(entry, str)],
                    _working_directory(),
                    list(sys.argv),
                    *levels(),
                    storage,
                    check,
                    None if preload is None else list(preload),
                    self._settings.echo is not None,
                    SILENT_FOR,
                )
            )
        except Exception as error:  # the storage, or an initializer, cannot be sent, or the storage does not answer
            if isinstance(error, ShippingError):
                self._fail_jobs(partial(unshippable, error=error))
            logger.error("agent %s cannot be welcomed: %s", agent.name, error)
            line.send_first(Rejection(str(error)))
            line.close()

    def _take_in(self, line: AgentLine, introduction: Introduction) -> None:
        self._introducing.pop(line).patience.cancel()
        pool = self._opened()
        agent = AgentConnection(line, introduction, self._settings.echo, pool.leaves, pool.modules_found, pool.are_cold)
        self._connected[line] = agent
        line.max_frame = MAX_LINE_FRAME
        line.on_frame = lambda _, frame: agent.receive(frame)
        line.slice = pool.remote_workers.reading
        line.keep_alive(SILENT_FOR)
        if self._no_agents is not None:
            self._no_agents.cancel()
            self._no_agents = None
        logger.info("agent %s has come, with %d place%s", agent, agent.places, "s" * (agent.places != 1))
        pool.came(agent)

    def _lost(self, line: AgentLine, why: str) -> None:
        introducing = self._introducing.pop(line, None)
        if introducing is not None:
            introducing.patience.cancel()
        agent = self._connected.pop(line, None)
        if agent is None or self._pool is None:
            return
        if not (self._closing or agent.is_released or (agent.is_leaving and not agent.workers)):
            logger.warning("agent %s is lost: %s; its jobs run elsewhere", agent, why)
        self._pool.lost(agent)
        if not self._connected and not self._closing:
            self._miss_agents()

    # -- no agent

    def _fail_jobs(self, outcome: Callable[[Job], NotDone]) -> None:
        """Fail the jobs that wait, and all to come."""
        self._in_vain = outcome
        self._opened().fail_waiting(outcome)

    def _miss_agents(self) -> None:
        """Say now and then that jobs wait for an agent; fail them when they have waited long enough."""
        if self._no_agents is None and self._opened().has_work:
            self._since = self._loop.time()
            self._wait_for_agents_again(SAY_FIRST)

    def _wait_for_agents_again(self, wait: float) -> None:
        if self._wait_for_agents is not None:
            wait = min(wait, max(0.0, self._since + self._wait_for_agents - self._loop.time()))
        self._no_agents = self._loop.call_later(wait, self._still_none)

    def _still_none(self) -> None:
        self._no_agents = None
        pool = self._opened()
        if self._closing or self._connected or not pool.has_work:
            return
        waited = self._loop.time() - self._since
        if self._wait_for_agents is not None and waited >= self._wait_for_agents:
            pool.fail_waiting(self._no_agents_for)
            return
        logger.warning("jobs have waited for an agent for %.0f s; %s", waited, self._advice())
        self._wait_for_agents_again(SAY_EVERY)

    def _advice(self) -> str:
        """Return what there is to do while there is no agent."""
        tls = "" if self._tls is None else " --tls-ca FILE"
        command = f"alexflow agent --connect {self._address_for_others}{tls}"
        return f"start one: {command}, with {TOKEN_VARIABLE} set{self._token_hint}"

    def _no_agents_for(self, job: Job) -> NotDone:
        return no_agents(job, f"there was no agent for {self._wait_for_agents:g} s; {self._advice()}")


def no_agents(job: Job, why: str) -> NotDone:
    """Return the outcome of a job for which there is no agent."""
    return NotDone(job.task_id, "fatal", NoAgents(job.task_id, why, summary=repr_of(job.task)))


class _Introducing:
    """A line whose agent has not been taken in yet.

    Args:
        patience: ends the line when this takes too long.
    """

    def __init__(self, patience: asyncio.TimerHandle):
        self.patience = patience
        self.nonce = new_nonce()
        self.agent: Introduction | None = None
        self.work: asyncio.Task[None] | None = None


@blocks_briefly("once an agent: a call of the system")
def _working_directory() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:  # it has been removed; agents stay where they are
        return ""


def _version_trouble(agent: Introduction) -> str:
    """Return the reason why an agent's versions do not fit; empty if they do."""
    if agent.alexflow != __version__:
        return (
            f"it has alexflow {agent.alexflow}, and the engine {__version__}; install the same version on {agent.host}"
        )
    if agent.python != PYTHON:
        return (
            f"it has Python {agent.python}, and the engine {PYTHON}; "
            f"pickles of one need not work in the other: use the same version on {agent.host}"
        )
    return ""


def _checked_modules(modules: object) -> frozenset[str]:
    given = [] if isinstance(modules, str) or not isinstance(modules, Collection) else list(modules)
    if not all(isinstance(name, str) for name in given) or not (given or modules == ()):
        raise wrong_argument("modules", modules, "names, such as ['my_package']")
    for name in given:
        if name not in sys.modules and find_module(name) is None:
            raise DefinitionError(f"modules names {name!r}, and there is no such module")
    return frozenset(given)


def _address_of(listen: object) -> tuple[str, int]:
    address = host_and_port(listen) if isinstance(listen, str) else None
    if address is None:
        raise wrong_argument("listen", listen, "an address, such as '0.0.0.0:7788'")
    return address
