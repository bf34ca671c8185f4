"""Waiting, on the event loop, for the end of another process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Callable


def _has_pidfd() -> bool:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):  # not Linux, an old one, or a sandbox that refuses
        return False
    return True


#: Whether the system reports the end of a process that is not a child (Linux).
HAS_PIDFD = _has_pidfd()

#: Seconds between polls of a process, where the system reports its end in no other way.
POLL_EVERY = 0.2


class ExitWatch:
    """Calls once, when a process has ended; a zombie has. Where :data:`HAS_PIDFD`.

    Args:
        pid: the process id.
        on_end: called on the event loop.

    Raises:
        ProcessLookupError: it has ended already, and nothing is left of it.
        OSError: there is no descriptor left to watch it with.
    """

    def __init__(self, pid: int, on_end: Callable[[], None]):
        self._descriptor = os.pidfd_open(pid)  # readable once it has ended
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._has_ended)

    def close(self) -> None:
        """Watch no more; may be called again."""
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _has_ended(self) -> None:
        self.close()
        self._on_end()


async def wait_for_child(process: subprocess.Popen[bytes], patience: float | None = None) -> None:
    """Wait until a child has ended, at most ``patience`` seconds."""
    with contextlib.suppress(subprocess.TimeoutExpired, TimeoutError, ProcessLookupError):  # kill() has waited for it
        if HAS_PIDFD:
            ended = asyncio.Event()
            watch = ExitWatch(process.pid, ended.set)
            try:
                await asyncio.wait_for(ended.wait(), patience)
            finally:
                watch.close()
        else:
            from anyio import to_thread  # deferred: most systems report it

            await to_thread.run_sync(process.wait, patience)


async def wait_until_gone(pid: int) -> None:
    """Wait until no process has this id: for systems that report an end to parents only, when the parent is gone."""
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        except PermissionError:  # another user's: the id has been given away
            return
        await asyncio.sleep(POLL_EVERY)
