"""Processes by names that other processes of their machine can check, and those of other machines cannot."""

from __future__ import annotations

import functools
import os

from alexflow.blocks_briefly import blocks_briefly
from alexflow.storage.digest import record_of


@functools.cache
def this_machine() -> str:
    """Return an identifier of this machine since its start, and of this space of process numbers."""
    known = [os.uname().nodename]
    for read, path in ((_read_text, "/proc/sys/kernel/random/boot_id"), (os.readlink, "/proc/self/ns/pid")):
        try:
            known.append(read(path))
        except OSError:  # not Linux
            continue
    return record_of("\n".join(known).encode()).hex()[-12:]


def lives(process: int) -> bool:
    """Return whether a process of this machine has this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@blocks_briefly("once for each time that an engine joins: a file of the system's")
def name_of_this_process() -> str:
    """Return a name by which :func:`has_ended` knows this process; empty where the system does not say enough."""
    pid = os.getpid()
    begun = _begun(pid)
    return f"{this_machine()}-{pid}-{begun}" if begun else ""


@blocks_briefly("for each peer of this machine that is looked at: a file of the system's")
def has_ended(name: str) -> bool:
    """Return whether a process is known to have ended. That of another machine is not, nor one that is stopped."""
    machine, _, rest = name.partition("-")
    pid, _, begun = rest.partition("-")
    if machine != this_machine() or not pid.isdecimal():
        return False
    return not lives(int(pid)) or _begun(int(pid)) not in (begun, None)


def _begun(process: int) -> str | None:
    """Return when a process began, in ticks since its machine did, as numbers come again.

    It is empty if the process has ended and was not reaped, and None if that is not to be seen.
    """
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:  # not Linux, or those of other users are hidden
        return None
    is_over = fields[0] in b"ZX" and fields[17] == b"1"  # and not only its first thread
    return "" if is_over else fields[19].decode()


def _read_text(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()
