"""Facts about processes: their descendants, their ends, their open descriptors."""

from __future__ import annotations

import os
import resource
import select
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

#: What tests have started that lasts longer than one test, such as servers, and is nothing of an engine's.
servers: set[int] = set()


def descendants_of(pid: int) -> set[int]:
    """Children, their children, and so on, but for servers of the tests."""
    found: set[int] = set()
    pending = [pid]
    while pending:
        parent = pending.pop()
        try:
            threads = os.listdir(f"/proc/{parent}/task")
        except FileNotFoundError:
            continue
        for thread in threads:
            try:
                with open(f"/proc/{parent}/task/{thread}/children") as file:
                    children = {int(child) for child in file.read().split()}
            except FileNotFoundError:
                continue
            children -= servers
            pending += children - found
            found |= children
    return found


def still_alive(pids: Iterable[int], seconds: float) -> set[int]:
    """Return the processes that have not ended within some seconds; a zombie has ended."""
    deadline = time.monotonic() + seconds
    alive: set[int] = set()
    for pid in pids:
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            alive.add(pid)
        os.close(pidfd)
    return alive


def command_of(pid: int) -> str:
    """Return the command line of a process; nothing for one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def kill_and_reap(pids: Iterable[int]) -> None:
    """Kill processes, and reap those that are this process's own children."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


def wait_until_stopped(pid: int) -> None:
    """Wait until a stop signal has come through."""
    while _status_of(pid)[0] != "T":
        time.sleep(0.001)


def open_descriptors() -> dict[int, str]:
    """This process's descriptors, and what they are open on."""
    found: dict[int, str] = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:  # the one that listed
            continue
    return found


def parent_of(pid: int) -> int:
    """The process that it is a child of."""
    return int(_status_of(pid)[1])


def _status_of(pid: int) -> list[str]:
    """Return the system's facts about a process: its state, its parent, and so on."""
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()


def peak_memory() -> int:
    """The most memory that this process has had since it was last asked, in kB; elsewhere than on Linux since ever."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = int(status.read_text().partition("VmHWM:")[2].split()[0])
    Path("/proc/self/clear_refs").write_text("5")
    return peak
