"""The process of an agent: it dials the engine, hosts workers until the line ends, and leaves on a signal.

A line that ends without a goodbye has been cut: by a network, an engine that stood still, as on a suspended machine, or
one that was killed and is started again. So the address is dialled anew for as long as an engine was waited for at
first, by a new agent: nothing of the old one is left by then.
"""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

from alexflow.cluster.agent import HAS_CLOSED, HAS_LEFT, Agent
from alexflow.cluster.agent_supply import AgentLimits
from alexflow.cluster.allocation import LEAVE_BEFORE_END, is_over, time_left
from alexflow.cluster.tls import Certificates
from alexflow.logs import logger


@dataclass(frozen=True)
class AgentOptions:
    """The arguments of ``alexflow agent``.

    Attributes:
        host, port: the engine's address.
        token: shared with it.
        places: how many jobs at once; None for one per CPU that this process may use.
        name: for people; by default the machine's.
        threads: how many libraries may start in each worker; None for CPUs divided by places.
        wait: seconds for which it dials again while no engine answers, at first and when its line has been cut.
        time_left: seconds until this machine is taken away; None for what Slurm says, if it does.
        with_stdin: whether it ends when its standard input does, as that of a process which a parent holds.
        limits: the part of this machine that it may use; None for all of it.
        tls: its certificates, if the engine listens with TLS.
    """

    host: str
    port: int
    token: str
    places: int | None = None
    name: str = ""
    threads: int | None = None
    wait: float = 60.0
    time_left: float | None = None
    with_stdin: bool = False
    limits: AgentLimits | None = None
    tls: Certificates | None = None


def run_agent(options: AgentOptions) -> int:
    """Be an agent until its engine ends.

    Returns:
        0 when it was taken in and its engine has ended, or it has left; 1 otherwise.
    """
    return asyncio.run(_serve(options))


async def _serve(options: AgentOptions) -> int:
    loop = asyncio.get_running_loop()
    seconds = time_left(options.time_left, os.environ, time.time())
    if seconds is not None and is_over(seconds):
        print(f"alexflow: this machine is taken away in {max(0.0, seconds):.0f} s: no jobs are taken", file=sys.stderr)
        return 0
    process = _AgentProcess(options, None if seconds is None else loop.time() + seconds)
    for number in (signal.SIGTERM, signal.SIGUSR1):  # SIGUSR1: as Slurm sends before the end, if it is asked to
        loop.add_signal_handler(number, process.leave)
    if options.with_stdin:
        loop.add_reader(sys.stdin.fileno(), process.end_with_parent)
    if seconds is not None:
        loop.call_later(seconds - LEAVE_BEFORE_END, process.leave)
    return await process.serve()


class _AgentProcess:
    """One agent after the other, as long as lines are cut and an engine answers again.

    Args:
        options: those of each.
        ends_at: when this machine is taken away, by the event loop's clock; None if that is not known.
    """

    def __init__(self, options: AgentOptions, ends_at: float | None):
        self._options = options
        self._ends_at = ends_at
        self._loop = asyncio.get_running_loop()
        self._engine = f"the engine at {options.host}:{options.port}"
        self._path, self._directory = list(sys.path), os.open(".", os.O_RDONLY)
        self._give_up = self._loop.time() + options.wait
        self._is_leaving = self._was_cut = False
        self._agent: Agent

    def _new_agent(self) -> Agent:
        options, ends_at = self._options, self._ends_at
        left = None if ends_at is None else ends_at - self._loop.time()
        return Agent(options.token, options.places, options.name, options.threads, options.limits, left)

    def leave(self) -> None:
        """Let the agent leave, and be the last."""
        self._is_leaving = True
        self._agent.leave()

    def end_with_parent(self) -> None:
        """End when the parent has closed its end, or has died."""
        with suppress(BlockingIOError):
            if not os.read(sys.stdin.fileno(), 1024):
                self._loop.remove_reader(sys.stdin.fileno())
                self._is_leaving = True
                self._agent.hang_up()

    async def serve(self) -> int:
        """Be agents until the engine is closed, or does not come back. Returns the exit code."""
        options, engine = self._options, self._engine
        while True:
            agent = self._agent = self._new_agent()
            try:
                await _dial(agent, options, self._give_up)
                why = await agent.over
            except _NoAnswer as error:
                return self._say(f"{engine} has not come back" if self._was_cut else str(error), int(not self._was_cut))
            except OSError as error:
                if isinstance(error, TimeoutError) and self._goes_on:  # an engine that stands still
                    continue
                why = _explained(error, agent, options.tls)
                return self._say(f"no engine at {options.host}:{options.port} takes this agent: {why}", 1)
            finally:
                await agent.aclose()
            if options.with_stdin:  # its pilot says what there is to say, and starts another one
                logger.info("agent of %s:%d ends: %s", options.host, options.port, why)
                return 0
            if why == HAS_LEFT:
                return self._say(f"this agent has left {engine}", 0)
            if why == HAS_CLOSED:
                return self._say(f"{engine} is closed", 0)
            self._was_cut, self._give_up = True, self._loop.time() + options.wait
            if not self._goes_on:
                return self._say(f"{engine} is gone: {why}", 0)
            self._say(f"{engine} is gone: {why}; it is dialled again, for {options.wait:g} s (--wait)", 0)
            sys.path[:] = self._path  # another engine may have other modules
            os.fchdir(self._directory)

    @property
    def _goes_on(self) -> bool:
        return not self._is_leaving and self._loop.time() < self._give_up

    def _say(self, text: str, code: int) -> int:
        with suppress(OSError):  # its reader may have ended, as ssh
            print(f"alexflow: {text}", file=sys.stderr, flush=True)
        return code


class _NoAnswer(Exception):
    """Nothing answers at the engine's address."""


def _why(error: OSError) -> str:
    """Return what the system says, without the address."""
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else (error.strerror or str(error))


def _explained(error: OSError, agent: Agent, tls: Certificates | None) -> str:
    """Return why what has answered does not take an agent, and what there is to look at."""
    if isinstance(error, ssl.SSLCertVerificationError) and tls is not None:
        return f"its certificate is not of an authority in {tls.ca} ({error.verify_message}); --tls-ca names its own"
    if isinstance(error, ssl.SSLError):
        return f"what answers there has no TLS; leave out --tls-ca, or give the engine tls=Certificates(...) ({error})"
    if agent.is_greeted:
        return str(error)
    if tls is None:
        hint = "an engine with TLS needs --tls-ca here"
    else:
        hint = "an engine with TLS may need --tls-cert and --tls-key here, of an authority that it trusts"
    return f"{error}; {hint}, and what answers there may be another program"


async def _dial(agent: Agent, options: AgentOptions, give_up: float) -> None:
    """Connect to the engine; try again while nothing answers, until it is time to give up."""
    loop = asyncio.get_running_loop()
    tls = None if options.tls is None else options.tls.of_agent()
    pause = 0.05
    while True:
        try:
            await loop.create_connection(agent.line, options.host, options.port, ssl=tls)
            return
        except ssl.SSLError:  # another attempt ends the same
            raise
        except OSError as error:
            if loop.time() + pause > give_up:
                raise _NoAnswer(
                    f"nothing answers at {options.host}:{options.port} ({_why(error)}), which was dialled for "
                    f"{options.wait:g} s (--wait): is the engine open, and does it listen there, as with "
                    f"AgentExecutor('0.0.0.0:{options.port}')?"
                ) from error
            await asyncio.wait([agent.over], timeout=pause)
            if agent.over.done():  # its parent has ended
                return
            pause = min(2.0, pause * 2)
