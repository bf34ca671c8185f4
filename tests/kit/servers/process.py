"""A server of somebody else's as a child process: started on free ports of loopback, waited for, stopped."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.kit.processes import servers

#: Becomes the program of its arguments, which ends when whoever started it does, however that ends (Linux).
_WITH_ITS_PARENT = """
import ctypes, os, signal, sys
parent, program = int(sys.argv[1]), sys.argv[2:]
if sys.platform == "linux":
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we asked
        sys.exit(1)
os.execvp(program[0], program)
"""

#: Below those that systems give to connections: one of these could take a port before the server that is to have it.
PORTS = range(10_000, 32_768)

#: How long a server may take until it answers, on a machine that is busy.
SECONDS_TO_START = 60.0


class NotInstalled(Exception):
    """The server's program is not here; the text says how it is had."""


def program(name: str, install: str) -> str:
    """Find a program: beside this Python, on PATH, or in ``node_modules`` of the working directory."""
    places = [
        str(Path(sys.executable).parent),
        os.environ.get("PATH", ""),
        str(Path("node_modules/.bin").absolute()),
        "/usr/sbin",
    ]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise NotInstalled(f"{name} is not installed ({install})")
    return found


def free_ports(count: int) -> list[int]:
    """Ports of loopback on which nobody listens; all are held until the last is found, so that they differ."""
    found: list[int] = []
    with ExitStack() as stack:
        while len(found) < count:
            port = PORTS[secrets.randbelow(len(PORTS))]
            with suppress(OSError):  # it is in use
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
                found.append(port)
    return found


@contextmanager
def running(
    command: Sequence[str], answers: Callable[[], bool], log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The server while it runs, from its first answer on; it goes with all that it started.

    Args:
        command: the program and its arguments.
        answers: whether it is ready.
        log: where it writes what it has to say.
        env: added to the environment.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", _WITH_ITS_PARENT, str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | dict(env or {}),
            cwd=log.parent,
            start_new_session=True,
        )
    servers.add(process.pid)
    try:
        _wait(process, answers, log)
        yield process
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def _wait(process: subprocess.Popen[bytes], answers: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not answers():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def listens(port: int) -> bool:
    """Whether something takes connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
