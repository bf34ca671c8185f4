"""The process of an agent: it dials the engine, hosts workers until the line ends, and leaves on a signal."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

from alexflow.cluster.agent import Agent
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
        wait: seconds for which it dials again while no engine answers.
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
    agent = Agent(options.token, options.places, options.name, options.threads, options.limits, seconds)
    for number in (signal.SIGTERM, signal.SIGUSR1):  # SIGUSR1: as Slurm sends before the end, if it is asked to
        loop.add_signal_handler(number, agent.leave)
    if options.with_stdin:
        loop.add_reader(sys.stdin.fileno(), _end_with_parent, agent)
    if seconds is not None:
        loop.call_later(seconds - LEAVE_BEFORE_END, agent.leave)
    try:
        await _dial(agent, options)
        why = await agent.over
    except _NoAnswer as error:
        print(f"alexflow: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        why = _explained(error, agent, options.tls)
        print(f"alexflow: no engine at {options.host}:{options.port} takes this agent: {why}", file=sys.stderr)
        return 1
    finally:
        await agent.aclose()
    if options.with_stdin:  # its pilot says what there is to say
        logger.info("agent of %s:%d ends: %s", options.host, options.port, why)
    else:
        engine = f"the engine at {options.host}:{options.port}"
        said = f"this agent has left {engine}" if why == "left" else f"{engine} is gone: {why}"
        print(f"alexflow: {said}", file=sys.stderr)
    return 0


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


async def _dial(agent: Agent, options: AgentOptions) -> None:
    """Connect to the engine; try again while nothing answers, for as long as the options say."""
    loop = asyncio.get_running_loop()
    tls = None if options.tls is None else options.tls.of_agent()
    give_up = loop.time() + options.wait
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


def _end_with_parent(agent: Agent) -> None:
    """End when the parent has closed its end, or has died."""
    with suppress(BlockingIOError):
        if not os.read(sys.stdin.fileno(), 1024):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            agent.hang_up()
