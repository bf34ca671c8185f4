"""Whether the process of an engine that has written into a record is still there."""

from __future__ import annotations

import os
import socket


def engine_exists(host: str, pid: int) -> bool | None:
    """Return whether the process of an engine exists; None if it is on another machine, where it cannot be seen."""
    if host != socket.gethostname():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def where_it_stands(host: str, pid: int) -> str:
    """Return, in a word or three, where a run without an end stands, by the process of its engine."""
    return {True: "goes on", False: "was killed", None: "did not end, or goes on"}[engine_exists(host, pid)]
