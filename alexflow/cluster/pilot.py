"""A pilot: what a cluster's own worker runs to hold an agent on its machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import IO, cast

#: Seconds between two looks at the agent, and at the worker that holds it.
AGENT_LOOK_EVERY = 0.2


def run_pilot(address: str, token: str, places: int, threads: int, name: str) -> str:
    """Hold an agent in a Dask worker until it ends, and let it leave when the worker is to end.

    Args:
        address: the engine's.
        token: shared with it.
        places: how many jobs at once.
        threads: how many libraries may start in each worker.
        name: of the worker, for people.

    Returns:
        How the agent ended.
    """
    from distributed import get_worker

    worker = get_worker()
    return hold_agent(address, token, places, threads, name, lambda: worker.status.name != "running")


class AgentHolder:
    """An actor of Ray that holds an agent."""

    def hold(self, address: str, token: str, places: int, threads: int, name: str) -> str:
        """Hold an agent on this node until it ends; arguments as for :func:`run_pilot`."""
        return hold_agent(address, token, places, threads, name, lambda: False)


def hold_agent(address: str, token: str, places: int, threads: int, name: str, is_ending: Callable[[], bool]) -> str:
    """Run an agent as a process that ends with this one; arguments as for :func:`run_pilot`.

    It is a process of its own: users' code never runs in the cluster's worker, which goes on to answer its scheduler.
    """
    command = [sys.executable, "-m", "alexflow", "agent", "--connect", address, "--with-stdin", "--name", name]
    command += ["--places", str(places), "--threads", str(threads)]
    environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    with tempfile.TemporaryFile() as said:
        agent = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=said, env=environment)
        left = _hold(agent, token, is_ending)
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
    if agent.returncode:
        raise RuntimeError(lines[-1] if lines else f"the agent ended with code {agent.returncode}")
    return "left" if left else "the engine has ended"


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
