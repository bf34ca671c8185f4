"""``FileWatch``: notice of changes of files, from the system.

Linux reports what any process of this machine writes, at once, and for nothing while there is nothing (inotify).
Elsewhere, and for what another machine writes to a shared directory, files have to be looked at:
:attr:`FileWatch.look_every` says how often. The package ``watchfiles`` does more, in a thread of its own, and gathers
changes for 50 ms; a reader of a stream waits for less than five.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from collections.abc import Callable
from contextlib import suppress

_MODIFY, _MOVED_TO, _MASK_ADD = 0x2, 0x80, 0x20000000

#: An event: the number of the watch, and at the end the length of the name that follows.
_EVENT = struct.Struct("iIII")

#: Seconds between two looks where the system reports changes, and where it does not.
LOOK_SELDOM, LOOK_OFTEN = 0.5, 0.004


class FileWatch:
    """Watches files and directories, on an event loop.

    Args:
        loop: the event loop.

    Attributes:
        look_every: seconds after which callers should look themselves.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop
        self._calls: dict[int, dict[str, list[Callable[[], None]]]] = {}  # by watch, and by name in a directory
        self._fd = -1
        with suppress(OSError, AttributeError):  # not Linux
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd >= 0:
            loop.add_reader(self._fd, self._read)
        self.look_every = LOOK_OFTEN if self._fd < 0 else LOOK_SELDOM

    def name(self, directory: str, name: str, call: Callable[[], None]) -> Callable[[], None]:
        """Call ``call()`` when a file gets a name in a directory. Returns what ends that."""
        return self._add(directory, _MOVED_TO, name, call)

    def file(self, path: str, call: Callable[[], None]) -> Callable[[], None]:
        """Call ``call()`` when a file has been written to. Returns what ends that."""
        return self._add(path, _MODIFY, "", call)

    def _add(self, path: str, mask: int, name: str, call: Callable[[], None]) -> Callable[[], None]:
        number = -1 if self._fd < 0 else self._libc.inotify_add_watch(self._fd, os.fsencode(path), mask | _MASK_ADD)
        if number < 0:  # no more of them, or the file is gone
            return lambda: None
        names = self._calls.setdefault(number, {})
        names.setdefault(name, []).append(call)

        def end() -> None:
            names[name].remove(call)
            if not names[name]:
                del names[name]
            if not names and self._calls.pop(number, None) is not None:
                self._libc.inotify_rm_watch(self._fd, number)

        return end

    def _read(self) -> None:
        with suppress(BlockingIOError):
            data = os.read(self._fd, 64 * 1024)
            changed: dict[tuple[int, str], None] = {}
            at = 0
            while at < len(data):
                number, _, _, length = _EVENT.unpack_from(data, at)
                at += _EVENT.size + length
                changed[number, os.fsdecode(data[at - length : at].rstrip(b"\0"))] = None
            for number, name in changed:
                for call in tuple(self._calls.get(number, {}).get(name, ())):
                    call()

    def close(self) -> None:
        """End all."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
            self._calls.clear()
