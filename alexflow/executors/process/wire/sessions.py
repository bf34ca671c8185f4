"""Ending all processes of a session: a worker, and what its tasks have started.

A worker begins a session of its own. Its children are in its process group at first, and some move to groups of their
own, as ``Popen(process_group=0)`` and the jobs of an interactive shell do. A process cannot change its session but by
beginning a new one, so the session holds all of them, but for daemons that mean to stay.

POSIX sends signals to groups, not to sessions. Where the system lists its processes (``/proc``), those of a session are
looked up; elsewhere its first group has to do.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Collection

_PROCESSES = "/proc"


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to the group of a process that leads one, or is about to."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:  # it has not begun its session yet, and so has no children either
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    except PermissionError:  # on macOS a zombie's group gives EPERM
        pass


def end_sessions(leaders: Collection[int]) -> None:
    """Kill all processes of these sessions.

    Args:
        leaders: the process ids of those that began them. The ids must not have been given to other processes since.
    """
    for pid in leaders:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    killed: set[int] = set()
    while others := members(leaders) - killed:  # a process that was forked meanwhile is found by the next look
        for pid in others:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed |= others


def end_session_of_reaped(leader: int) -> None:
    """Do the same for a leader that may have been reaped: if a process has its id now, the session was empty."""
    if not _lives(leader):
        end_sessions({leader})


def _lives(pid: int) -> bool:
    """Return whether a process has this id and is no zombie, as far as the system shows it."""
    try:
        with open(f"{_PROCESSES}/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def members(leaders: Collection[int]) -> set[int]:
    """Return the processes of these sessions, zombies too, without their leaders."""
    found: set[int] = set()
    if not leaders:
        return found
    try:
        names = os.listdir(_PROCESSES)
    except OSError:  # not Linux
        return found
    for pid in [int(name) for name in names if name.isdecimal()]:
        try:
            if os.getsid(pid) in leaders:
                found.add(pid)
        except (ProcessLookupError, PermissionError):  # it has ended
            continue
    return found.difference(leaders)
