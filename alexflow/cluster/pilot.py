"""A pilot: what a cluster's own worker runs to hold an agent on its machine."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from alexflow.cluster.allocation import is_over, time_left
from alexflow.cluster.tunnel import TunnelExit, can_dial
from alexflow.executors.devices import find_gpus

#: Seconds between two looks at the agent, and at the worker that holds it; and at what Ray drains.
AGENT_LOOK_EVERY, DRAIN_LOOK_EVERY = 0.2, 1.0

#: Seconds for which an agent dials again: what answered its pilot a moment ago answers, or has ended.
WAIT_FOR_ENGINE = 5.0

#: The end of an agent that was let leave, of one whose machine is about to be taken away, and of all others.
LEFT, ALLOCATION_ENDS, ENGINE_ENDED = "left", "the allocation ends", "the engine has ended"


class PilotOptions(NamedTuple):
    """The options of a pilot.

    Attributes:
        address: of the engine.
        token: shared with it.
        name: of the node, for people.
        places: how many jobs at once.
        cpus: how many jobs may claim.
        memory: bytes that they may claim; None for all that there is.
        gpus: how many of the GPUs that are found they may claim; None for all.
        tls: whether the engine listens with TLS, with certificates of the cluster.
        topic: of Dask's events, under which a pilot asks for a tunnel.
    """

    address: str
    token: str
    name: str
    places: int
    cpus: int
    memory: int | None = None
    gpus: int | None = None
    tls: bool = False
    topic: str = ""


def run_pilot(options: PilotOptions) -> str:
    """Hold an agent in a Dask worker until it ends, and let it leave when the worker is to end.

    Returns:
        How the agent ended.
    """
    from distributed import get_worker

    worker: Any = get_worker()
    if options.gpus is None and "dask_cuda" in sys.modules:  # it lists all GPUs, the worker's own first
        options = options._replace(gpus=1)
    with tempfile.TemporaryDirectory() as directory:
        certificates = (
            _certificates(worker.security.get_tls_config_for_role("worker"), directory) if options.tls else ()
        )
        with _tunnel_of(worker, options) as address:
            if address is None:
                return ENGINE_ENDED
            options = options._replace(address=address)
            return hold_agent(options, lambda: worker.status.name != "running", certificates)


@contextmanager
def _tunnel_of(worker: Any, options: PilotOptions) -> Iterator[str | None]:
    """Give the address that the agent is to dial: the engine's, or that of a tunnel through Dask's scheduler.

    None if no engine asks for what comes through it. No agent is started then: it would wait for its engine in vain.
    """
    if can_dial(options.address):
        yield options.address
        return
    tunnel, name = TunnelExit(), secrets.token_hex(8)

    async def take() -> bytes | None:
        return await asyncio.to_thread(tunnel.take)

    async def give(data: bytes) -> bool:
        return await asyncio.to_thread(tunnel.give, data)

    operations = {f"alexflow-take-{name}": take, f"alexflow-give-{name}": give}
    worker.handlers.update(operations)
    try:
        worker.log_event(options.topic, {"worker": worker.address, "tunnel": name})
        yield tunnel.address if tunnel.is_used() else None
    finally:
        tunnel.close()
        for operation in operations:
            del worker.handlers[operation]


class AgentHolder:
    """An actor of Ray that holds an agent. Its other methods are called meanwhile, and carry the line if need be."""

    def __init__(self) -> None:
        self._tunnel: TunnelExit | None = None
        self._is_decided = threading.Event()

    def needs_tunnel(self) -> bool:
        """Return whether the agent cannot dial the engine."""
        self._is_decided.wait()
        return self._tunnel is not None

    def take(self) -> bytes | None:
        """See :meth:`TunnelExit.take`."""
        return None if self._tunnel is None else self._tunnel.take()

    def give(self, data: bytes) -> bool:
        """See :meth:`TunnelExit.give`."""
        return self._tunnel is not None and self._tunnel.give(data)

    def hold(self, options: PilotOptions) -> str:
        """Hold an agent on this node until it ends, and let it leave when Ray drains the node; return how it ended."""
        if not can_dial(options.address):
            self._tunnel = TunnelExit()
            options = options._replace(address=self._tunnel.address)
        self._is_decided.set()
        try:
            if self._tunnel is not None and not self._tunnel.is_used():
                return ENGINE_ENDED
            return hold_agent(options, _DrainLook())
        finally:
            if self._tunnel is not None:
                self._tunnel.close()


class Placeholder:
    """An actor of Ray that does nothing: while it waits for CPUs, an autoscaler sees that nodes are lacking."""


class _DrainLook:
    """Whether Ray drains this node, asked once a second."""

    def __init__(self) -> None:
        from ray._private.state import state  # Ray says it nowhere else
        from ray.runtime_context import get_runtime_context  # deferred: an extra

        self._draining_nodes: Callable[[], dict[str, int]] = state.get_draining_nodes
        self._node: str = get_runtime_context().get_node_id()
        self._next = 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + DRAIN_LOOK_EVERY
        return self._node in self._draining_nodes()


def _certificates(config: Mapping[str, str | None], directory: str) -> Iterator[str]:
    """Yield arguments for the certificates of a Dask worker, which are files or their content."""
    for option, name in (("--tls-ca", "ca_file"), ("--tls-cert", "cert"), ("--tls-key", "key")):
        given = config[name]
        if given is not None and given.startswith("-----BEGIN"):
            path = Path(directory, f"{name}.pem")
            path.write_text(given)
            given = str(path)
        if given is not None:
            yield from (option, given)


def hold_agent(options: PilotOptions, is_ending: Callable[[], bool], certificates: Iterable[str] = ()) -> str:
    """Run an agent as a process that ends with this one.

    It is a process of its own: users' code never runs in the cluster's worker, which goes on to answer its scheduler.

    Args:
        options: what it gets.
        is_ending: whether it is to leave.
        certificates: arguments of the command.

    Returns:
        How it ended.
    """
    token = options.token
    command = [sys.executable, "-m", "alexflow", "agent", "--with-stdin", *_arguments(options), *certificates]
    environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    with tempfile.TemporaryFile() as said:
        agent = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=said, env=environment)
        left = _hold(agent, token, is_ending)
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
    if agent.returncode:
        raise RuntimeError(lines[-1] if lines else f"the agent ended with code {agent.returncode}")
    if left:
        return LEFT
    return ALLOCATION_ENDS if is_over(time_left(None, os.environ, time.time())) else ENGINE_ENDED


def _arguments(options: PilotOptions) -> list[str]:
    arguments = ["--connect", options.address, "--name", options.name, "--wait", str(WAIT_FOR_ENGINE)]
    arguments += ["--places", str(options.places), "--cpus", str(options.cpus)]
    if options.memory:
        arguments += ["--memory", str(options.memory)]
    if options.gpus is not None:
        arguments += ["--devices", f"gpu={','.join(map(str, find_gpus()[: options.gpus]))}"]
    return arguments


def _hold(agent: subprocess.Popen[bytes], token: str, is_ending: Callable[[], bool]) -> bool:
    """Wait until the agent has ended; return whether it was sent the signal to leave."""
    left = False
    stdin = cast(IO[bytes], agent.stdin)
    try:
        stdin.write(f"{token}\n".encode())
        stdin.flush()
        while agent.poll() is None:
            if not left and is_ending():
                left = True
                agent.send_signal(signal.SIGTERM)
            time.sleep(AGENT_LOOK_EVERY)
    finally:
        stdin.close()  # it ends, if it has not
        agent.wait()
    return left


#: What a cluster sets for its own workers, while agents share threads among theirs.
NOT_INHERITED = frozenset({"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_"})
